"""This module reads what all filter forms have in common: texts, UTC times, the page."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from flask import abort, request

from app import bounds, clock

_UNTIL_ITS_END = {len("2026-01-31"): timedelta(days=1), len("2026-01-31T08:00"): timedelta(minutes=1)}


class FilterForm:
    """The form as the present address has it: `given` by parameter, and `complaints` about what was not understood."""

    def __init__(self, parameters: Iterable[str]) -> None:
        self.given = {name: request.args.get(name, "").strip() for name in parameters}
        self.complaints: list[str] = []

    @property
    def is_filtered(self) -> bool:
        """Whether anything was chosen."""
        return any(self.given.values())

    def text(self, name: str) -> str:
        """What to look for; "" where it is longer than a search may be."""
        if len(self.given[name]) <= bounds.SEARCH_TEXT_LENGTH:
            return self.given[name]
        self.complaints.append(f"A search may have at most {bounds.SEARCH_TEXT_LENGTH} characters, so it was ignored.")
        return ""

    def span(self) -> tuple[str, str]:
        """The times `from` and `to` in wire form, "" for none; `given` has them then as the form's fields show them."""
        return self._moment("from", is_end=False), self._moment("to", is_end=True)

    def _moment(self, name: str, is_end: bool) -> str:
        moment = moment_of(self.given[name], is_end)
        if moment is None:
            self.complaints.append(f"“{self.given[name]}” is not a time. Use the form 2026-01-31T08:00.")
        elif moment:
            self.given[name] = _in_a_field(moment, is_end)
        return moment or ""


def before() -> int | None:
    """Where the page begins: below the row with this id."""
    return whole_number(request.args.get("before", ""))


def whole_number(given: str) -> int | None:
    """None for no text; 404 for what is no id of a row."""
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > bounds.NUMBER_DIGITS - 2:
        abort(404)
    return int(given)


def moment_of(given: str, is_end: bool) -> str | None:
    """A time in UTC as the wire has it; None where it is none. The end of a span is the end of its day or minute."""
    if not given:
        return ""
    try:
        moment = datetime.fromisoformat(given)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if is_end:
            moment += _UNTIL_ITS_END.get(len(given), timedelta())
        return clock.to_wire(moment)
    except (ValueError, OverflowError):
        return None


def _in_a_field(wire: str, is_end: bool) -> str:
    """A moment as a field of a form shows it: a minute, at the end of a span the last that is part of it."""
    shown = datetime.fromisoformat(wire)
    if is_end and shown > datetime.min.replace(tzinfo=shown.tzinfo):
        shown -= timedelta(milliseconds=1)
    return clock.to_wire(shown)[: len("2026-01-31T08:00")]
