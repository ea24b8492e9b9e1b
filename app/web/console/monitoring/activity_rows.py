"""This module turns requests and cycles into rows of the Activity page."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import groupby
from operator import attrgetter

from app.observation.cycles.detection import Cycle
from app.observation.request_list import RequestEntry
from app.quantities import counted
from app.request_record import STORED, column_of
from app.web.console.monitoring import event_lines
from app.web.console.shared.list_paging import Cell, Column


def _of_request(name: str) -> Callable[[RequestEntry], Cell]:
    """Return a function that reads a field of the record; the cycle of a simulated request is 0, whatever is stored."""
    return lambda entry: 0 if name == "cycle_id" and entry.request.is_simulated else getattr(entry.request, name)


REQUEST_COLUMNS: tuple[Column[RequestEntry], ...] = (
    Column("what", "What happened", event_lines.text),
    *(Column(column_of(one), title, _of_request(one.name)) for one in STORED if (title := one.metadata["title"])),
    Column("simulated", "Simulated", lambda entry: "yes" if entry.request.is_simulated else ""),
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
    """Return whether a cycle has only probes: Entra checked the connection and sent nothing else."""
    return cycle.requests == cycle.probes


def in_words(cycle: Cycle) -> str:
    """Return the summary of a cycle: `40 s, 212 requests, 1 new, 3 changed, 1 disabled`."""
    if is_quiet(cycle):
        return f"only {counted(cycle.probes, 'connection check')}"
    counts = [f"{number:,} {word}" for name, word in _COUNTS if (number := getattr(cycle, name))]
    return ", ".join((_lasting(cycle.duration_s), counted(cycle.requests, "request"), *(counts or ["nothing changed"])))


def folded(cycles: Iterable[Cycle]) -> Iterator[Sequence[Cycle]]:
    """Yield consecutive quiet cycles as one group, and every other cycle as a group of its own."""
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
