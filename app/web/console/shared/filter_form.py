"""This module reads the common parts of all filter forms: texts, UTC times, the page."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from flask import abort, request

from app import bounds, clock

T = TypeVar("T")

_UNTIL_ITS_END = {len("2026-01-31"): timedelta(days=1), len("2026-01-31T08:00"): timedelta(minutes=1)}


class FilterForm:
    """A filter form, filled in from the current URL.

    `values`: the texts by parameter. `complaints`: a sentence for each invalid one.
    """

    def __init__(self, parameters: Iterable[str]) -> None:
        self.values = {name: request.args.get(name, "").strip() for name in parameters}
        self.complaints: list[str] = []

    @property
    def is_filtered(self) -> bool:
        """Whether any parameter has a value."""
        return any(self.values.values())

    def text(self, name: str) -> str:
        """Return the text to search for; "" if it is longer than a search may be."""
        if len(self.values[name]) <= bounds.SEARCH_TEXT_LENGTH:
            return self.values[name]
        self.complaints.append(f"A search may have at most {bounds.SEARCH_TEXT_LENGTH} characters, so it was ignored.")
        return ""

    def span(self) -> tuple[str, str]:
        """Return the times `from` and `to` in wire form, "" for none; change `values` to the format of the fields."""
        return self._moment("from", is_end=False), self._moment("to", is_end=True)

    def _moment(self, name: str, is_end: bool) -> str:
        moment = moment_of(self.values[name], is_end)
        if moment is None:
            self.complaints.append(f"“{self.values[name]}” is not a time. Use the form 2026-01-31T08:00.")
        elif moment:
            self.values[name] = _in_a_field(moment, is_end)
        return moment or ""


def before() -> int | None:
    """Return the id of the row below which the page begins; None for the first page."""
    return whole_number(request.args.get("before", ""))


def choice(name: str, options: Iterable[T]) -> T:
    """Return the option that a parameter of the URL names; without it, the first one. Raises 404 for another value."""
    known = list(options)
    value = request.args.get(name, known[0])
    for option in known:
        if option == value:
            return option
    abort(404)


def whole_number(text: str) -> int | None:
    """Return a row's id; None for "". Raises 404 for anything else."""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > bounds.NUMBER_DIGITS - 2:
        abort(404)
    return int(text)


def moment_of(text: str, is_end: bool) -> str | None:
    """Return a time in UTC in wire form; "" for no text, None for an invalid one.

    With `is_end`, it is the end of the day or minute.
    """
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if is_end:
            moment += _UNTIL_ITS_END.get(len(text), timedelta())
        return clock.to_wire(moment)
    except (ValueError, OverflowError):
        return None


def _in_a_field(wire: str, is_end: bool) -> str:
    """Return a moment as a form's field displays it: to the minute; for the end of a span, its last minute."""
    shown = datetime.fromisoformat(wire)
    if is_end and shown > datetime.min.replace(tzinfo=shown.tzinfo):
        shown -= timedelta(milliseconds=1)
    return clock.to_wire(shown)[: len("2026-01-31T08:00")]
