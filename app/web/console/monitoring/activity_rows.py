"""This module turns requests and cycles into rows of the Activity page."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import groupby
from operator import attrgetter

from app.observation.cycles.detection import Cycle
from app.observation.request_list import Entry
from app.web.console.monitoring import event_lines
from app.web.console.shared.formats import counted
from app.web.console.shared.list_paging import Column

_TITLES = {
    "number": "Request ID",
    "at": "Time",
    "method": "Method",
    "path": "Path",
    "status": "Status",
    "duration_ms": "Milliseconds",
    "code": "Error code",
    "scim_type": "scimType",
    "reason": "Reason",
    "attribute": "Attribute",
    "key_id": "Key",
    "key_fault": "Key error",
    "address": "IP address",
    "dialect": "PATCH style",
    "deed": "Action",
    "resource_type": "Resource type",
    "resource_id": "Resource ID",
    "resource_name": "Resource name",
    "other_id": "Other resource ID",
}

REQUEST_COLUMNS: tuple[Column[Entry], ...] = (
    Column("what", "What happened", event_lines.text),
    *(Column(name, title, attrgetter(f"request.{name}")) for name, title in _TITLES.items()),
    Column("cycle_id", "Sync", lambda entry: 0 if entry.request.is_simulated else entry.request.cycle_id),
    Column("simulated", "Simulated", lambda entry: "yes" if entry.request.is_simulated else ""),
    Column("body", "Body, redacted", attrgetter("request.body")),
)

CYCLE_COLUMNS: tuple[Column[Cycle], ...] = tuple(
    Column(one.name, one.name.replace("_", " ").capitalize(), attrgetter(one.name)) for one in fields(Cycle)
)

_COUNTS = (
    ("created", "new"),
    ("changed", "changed"),
    ("disabled", "disabled"),
    ("enabled", "enabled again"),
    ("deleted", "deleted"),
    ("joined", "joined a group"),
    ("departed", "left a group"),
    ("failed", "refused"),
)


def is_quiet(cycle: Cycle) -> bool:
    """Whether there was nothing but probes: Entra looked whether this service is there, and had nothing to say."""
    return cycle.requests == cycle.probes


def in_words(cycle: Cycle) -> str:
    """`40 s, 212 requests, 1 new, 3 changed, 1 disabled`."""
    if is_quiet(cycle):
        return f"only {counted(cycle.probes, 'connection check')}"
    counts = [f"{number:,} {word}" for name, word in _COUNTS if (number := getattr(cycle, name))]
    return ", ".join((_lasting(cycle.duration_s), counted(cycle.requests, "request"), *(counts or ["nothing changed"])))


def folded(cycles: Iterable[Cycle]) -> Iterator[Sequence[Cycle]]:
    """Quiet cycles that follow each other together, every other one alone."""
    for is_fold, run in groupby(cycles, is_quiet):
        if is_fold:
            yield list(run)
        else:
            yield from ([cycle] for cycle in run)


def _lasting(duration_s: float) -> str:
    minutes, seconds = divmod(round(duration_s), 60)
    if not minutes:
        return f"{seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
