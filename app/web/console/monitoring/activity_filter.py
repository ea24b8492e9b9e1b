"""This module reads the filter form of the Activity page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flask import abort

from app.observation import request_list
from app.observation.request_list import DEED_GROUPS, Filter
from app.web.console.shared.filter_form import FilterForm, whole_number

EVERY_KIND = "all"
RESULTS = {"done": False, "refused": True}
"""What `?result=` may be, and whether the request was refused."""

SIMULATED: Mapping[str, tuple[str, bool | None]] = {
    "": ("Hidden", False),
    "shown": ("Shown", None),
    "only": ("Only these", True),
}
"""What `?simulated=` may be, what it is called, and which requests are wanted: those of a simulation or the others."""

_PARAMETERS = ("q", "kind", "result", "key", "from", "to", "number", "cycle", "simulated")


@dataclass(frozen=True, slots=True)
class ActivityFilter:
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

    def within(self, cycle_id: int) -> "ActivityFilter":
        """The same in one cycle; where no kind was chosen, what changed or was refused."""
        kind = self.given["kind"] or "changes"
        group = kind if kind in DEED_GROUPS else ""
        return replace(
            self, given=self.given | {"kind": kind}, filter=replace(self.filter, cycle_id=cycle_id, group=group)
        )


def read() -> ActivityFilter:
    """The filter of the present address. 404 for what no form of ours sends."""
    form = FilterForm(_PARAMETERS)
    given = form.given
    if (given["kind"] and given["kind"] not in (*DEED_GROUPS, EVERY_KIND)) or given["result"] not in ("", *RESULTS):
        abort(404)
    if given["simulated"] not in SIMULATED:
        abort(404)
    sought = form.text("q")
    about = request_list.resolve(sought) if sought else ()
    since, until = form.span()
    wanted = Filter(
        about=about,
        named="" if about else sought,
        group=given["kind"] if given["kind"] in DEED_GROUPS else "",
        is_refused=RESULTS.get(given["result"]),
        key_id=given["key"],
        since=since,
        until=until,
        number=given["number"].lower(),
        cycle_id=whole_number(given["cycle"]),
        is_simulated=SIMULATED[given["simulated"]][1],
    )
    return ActivityFilter(given, wanted, form.complaints)
