"""This module declares the goals of speed and size, once, and judges measured values by them.

A share is the processor time per request of the bare route divided by that of Recnice SCIM, in the same run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """One figure to reach. `key` is the name under which a measurement stores its value.

    `cost`: what remains where the goal is missed; for a share, `costs` measures it.
    """

    id: str
    what: str
    figure: float
    key: str
    at_most: bool = False
    cost: str = ""

    def is_met(self, value: float) -> bool:
        return value <= self.figure if self.at_most else value >= self.figure


def _shares(id: str, figure: float, *phases: str) -> tuple[Goal, ...]:
    return tuple(Goal(id, f"{phase}, share", figure, f"share {phase}") for phase in phases)


_THREADS = "threads compete for the interpreter and for one writer"
_PAGE = "Python for each user: projection, groups, JSON"
_COLD = "pages that no cache has: 4 more reads of the file for a lookup, 12 for a PATCH of six paths"
_BUSY = "measure again on an idle machine, with more rounds"
GOALS = (
    Goal("M1", "errors, wrong answers and lost members, all runs", 0, "bad", at_most=True),
    *_shares("M2", 0.90, "lookup hit", "lookup miss", "get", "group lookup", "group get"),
    *_shares("M3", 0.35, "create"),
    *_shares("M3", 0.46, "group create"),
    *_shares("M4", 0.33, "patch six"),
    *_shares("M4", 0.38, "disable"),
    *_shares("M4", 0.25, "delete"),
    *_shares("M4", 0.28, "add 20"),
    *_shares("M5", 0.42, "add 1", "remove 1"),
    Goal("M6", "CPU per request, largest ÷ smallest directory, worst phase", 1.25, "growth cpu", at_most=True,
         cost=_COLD),
    Goal("M6", "p99, largest ÷ smallest directory, worst phase", 3, "growth p99", at_most=True, cost=_COLD),
    Goal("M7", "creates at +5 ms a sync, 16 connections ÷ one commit a request", 6, "slow disk gain",
         cost="the processor time of a create: eight of them share a commit"),
    Goal("M7", "p99 of these creates, ms", 50, "slow disk p99", at_most=True,
         cost="a request waits for the commits before it"),
    Goal("M7", "one client at +5 ms: share of the rate of one sync a request; 0.46 in 0.1.0", 0.46, "slow disk single",
         cost="the work before the sync"),
    Goal("M8", "rate at 16 connections ÷ at 8, worst phase", 0.9, "connections 16", cost=_THREADS),
    Goal("M8", "rate at 64 connections ÷ at 8, worst phase", 0.9, "connections 64", cost=_THREADS),
    Goal("M9", "memory, idle, MiB", 80, "idle MiB", at_most=True),
    Goal("M9", "memory after the growth run, MiB", 150, "grown MiB", at_most=True),
    Goal("M9", "disk for a user with a membership, bytes", 2200, "user bytes", at_most=True,
         cost="the document itself, its lookups, history and words"),
    Goal("M9", "disk for a PATCH of six paths, bytes", 1400, "patch bytes", at_most=True,
         cost="both values of each changed attribute"),
    Goal("M9", "written for a create at 8 connections, KB", 30, "create KB", at_most=True,
         cost="a WAL page of 4 KB for each index that a create touches, in each commit"),
    Goal("M10", "executable: start to first answer ÷ bare executable", 2.0, "start ratio", at_most=True,
         cost="imports: SQLAlchemy's Core 150 ms, tables and statements 55 ms"),
    Goal("M10", "executable, MiB", 30, "program MiB", at_most=True),
    Goal("M11", "list page of 100, share: twice that of 0.1.0", 0.08, "share page: list of 100", cost=_PAGE),
    Goal("M11", "export of 1,000 users, share: twice that of 0.1.0", 0.0083, "share page: export", cost=_PAGE),
    Goal("M11", "page Users of the console, share: twice that of 0.1.0", 0.036, "share page: users",
         cost="the template, and Python for each user"),
    Goal("M12", "simulation: rate of the last tenth ÷ first tenth, worst stage", 0.9, "simulate rate", cost=_BUSY),
    Goal("M12", "simulation: failed checks", 0, "simulate failures", at_most=True),
    *(
        Goal("M13", f"CPU of {peer} ÷ ours, worst phase but delete", 1, f"peer {peer}", cost="see the table of peers")
        for peer in ("scim2-server", "scim2-flask", "django-scim2", "scimmy-sqlite")
    ),
    Goal("M14", "p99 of creates while old requests are deleted ÷ while they are kept", 1.5, "pruning p99", at_most=True,
         cost=_BUSY),
    Goal("M15", "rate of creates during backups ÷ without", 0.5, "backup rate", cost=_BUSY),
)  # fmt: skip

HEADING = ["Id", "Figure", "Goal", "Measured (rounds)", "Note", "Verdict", "What remains"]
Value = dict[str, Any]
"""A measured value: `value`, `low` and `high` of the rounds, and `note` (like the share of rates)."""


def judged(values: Mapping[str, Value]) -> list[list[str]]:
    """Return the table of the goals; what remains is named where a goal is missed."""
    rows = [HEADING]
    for goal in GOALS:
        measured, cells = values.get(goal.key), ["–", "", "not run", ""]
        if measured:
            is_met = goal.is_met(measured["value"])
            spread = f" ({number(measured['low'])}–{number(measured['high'])})" if "low" in measured else ""
            cost = goal.cost or values.get("cost " + goal.key.removeprefix("share "), {}).get("note", "")
            verdict = ["met", ""] if is_met else ["not met", cost]
            cells = [number(measured["value"]) + spread, measured["note"], *verdict]
        rows.append([goal.id, goal.what, f"{'≤' if goal.at_most else '≥'} {goal.figure:g}", *cells])
    return rows


def number(value: float) -> str:
    """Return a number with three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
