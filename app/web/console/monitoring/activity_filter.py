"""This module reads the filter form of the Activity page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flask import abort

from app.observation import request_list
from app.observation.request_list import ACTION_GROUPS, RequestFilter
from app.web.console.shared.filter_form import FilterForm, whole_number

EVERY_KIND = "all"
RESULTS = {"done": False, "refused": True}
"""The values of `?result=`, and whether the request was refused."""

SIMULATED: Mapping[str, tuple[str, bool | None]] = {
    "": ("Hidden", False),
    "shown": ("Shown", None),
    "only": ("Only these", True),
}
"""The values of `?simulated=` with their labels, and which requests they select: those of a simulation (True), the
others (False), or all (None)."""

_PARAMETERS = ("q", "kind", "result", "key", "from", "to", "number", "cycle", "simulated")


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """The form as filled in: `values` by parameter, `filter` as understood, and complaints about invalid values."""

    values: dict[str, str]
    filter: RequestFilter
    complaints: Sequence[str]

    @property
    def is_filtered(self) -> bool:
        """Whether any parameter but the view has a value."""
        return any(self.values.values())

    @property
    def about(self) -> str:
        """The id of the only user or group that the filter selects, or ""."""
        return self.filter.about[0] if len(self.filter.about) == 1 else ""

    def within(self, cycle_id: int) -> "ActivityFilter":
        """Return the same filter for one cycle; if no kind was chosen, for what changed or was refused."""
        values = self.values | {"kind": self.values["kind"] or "changes"}
        return replace(self, values=values, filter=replace(self.filter, cycle_id=cycle_id))


def read() -> ActivityFilter:
    """Return the filter in the current URL. Raises 404 for values that no form of the console sends."""
    form = FilterForm(_PARAMETERS)
    values = form.values
    if (values["kind"] and values["kind"] not in (*ACTION_GROUPS, EVERY_KIND)) or values["result"] not in (
        "",
        *RESULTS,
    ):
        abort(404)
    if values["simulated"] not in SIMULATED:
        abort(404)
    sought = form.text("q")
    about = request_list.resolve(sought) if sought else ()
    since, until = form.span()
    criteria = RequestFilter(
        about=about,
        named="" if about else sought,
        is_refused=RESULTS.get(values["result"]),
        key_id=values["key"],
        since=since,
        until=until,
        number=values["number"].lower(),
        cycle_id=whole_number(values["cycle"]),
        is_simulated=SIMULATED[values["simulated"]][1],
    )
    return ActivityFilter(values, criteria, form.complaints)
