"""What the filter form of the Activity page asks for, as an address has it.

Not here: how requests are found (app/observation/activity.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from flask import abort, request

from app import bounds, clock
from app.observation import activity
from app.observation.activity import DEED_GROUPS, Filter

EVERY_KIND = "all"
RESULTS = {"done": False, "refused": True}
"""What `?result=` may be, and whether the request was refused."""

_UNTIL_ITS_END = {len("2026-01-31"): timedelta(days=1), len("2026-01-31T08:00"): timedelta(minutes=1)}
_PARAMETERS = ("q", "kind", "result", "key", "from", "to", "number", "cycle")


@dataclass(frozen=True, slots=True)
class Asked:
    """The form as it was filled in: `given` by parameter, `filter` as it was understood, what could not be."""

    given: dict[str, str]
    filter: Filter
    complaints: Sequence[str]

    @property
    def is_filtered(self) -> bool:
        """Whether anything but the view was chosen."""
        return any(self.given.values())

    @property
    def about(self) -> str:
        """The one person or group whom it is about, if any."""
        return self.filter.about[0] if len(self.filter.about) == 1 else ""

    def within(self, cycle_id: int) -> "Asked":
        """The same in one cycle; where no kind was chosen, what changed or was refused."""
        kind = self.given["kind"] or "changes"
        group = kind if kind in DEED_GROUPS else ""
        return replace(
            self, given=self.given | {"kind": kind}, filter=replace(self.filter, cycle_id=cycle_id, group=group)
        )


def read() -> Asked:
    """The filter of the present address. 404 for what no form of ours sends."""
    given = {name: request.args.get(name, "").strip() for name in _PARAMETERS}
    if (given["kind"] and given["kind"] not in (*DEED_GROUPS, EVERY_KIND)) or given["result"] not in ("", *RESULTS):
        abort(404)
    complaints = []
    about: tuple[str, ...] = ()
    named = ""
    sought = given["q"]
    if len(sought) > bounds.SEARCH_TEXT_LENGTH:
        complaints.append(f"A search may have at most {bounds.SEARCH_TEXT_LENGTH} characters, so all are shown.")
    elif sought:
        about = activity.resolve(sought)
        named = "" if about else sought
    moments = {name: moment_of(given[name], is_end=name == "to") for name in ("from", "to")}
    for name, moment in moments.items():
        if moment is None:
            complaints.append(f"“{given[name]}” is no time. Write it like 2026-01-31T08:00.")
        elif moment:
            given[name] = in_a_field(moment, is_end=name == "to")
    wanted = Filter(
        about=about,
        named=named,
        group=given["kind"] if given["kind"] in DEED_GROUPS else "",
        is_refused=RESULTS.get(given["result"]),
        key_id=given["key"],
        since=moments["from"] or "",
        until=moments["to"] or "",
        number=given["number"].lower(),
        cycle_id=_whole_number(given["cycle"]),
    )
    return Asked(given, wanted, complaints)


def in_a_field(wire: str, is_end: bool) -> str:
    """A moment as a field of a form shows it: a minute, at the end of a span the last that is part of it."""
    shown = datetime.fromisoformat(wire)
    if is_end and shown > datetime.min.replace(tzinfo=shown.tzinfo):
        shown -= timedelta(milliseconds=1)
    return clock.to_wire(shown)[: len("2026-01-31T08:00")]


def before() -> int | None:
    """Where the page begins: below the request with this row id."""
    return _whole_number(request.args.get("before", ""))


def _whole_number(given: str) -> int | None:
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
