"""This module counts requests and checks by stage."""

from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

from app import bounds


@dataclass(frozen=True)
class Failure:
    """A check that failed. `about` is the user or group, `request` the method and path."""

    stage: str
    about: str
    request: str
    expected: str
    received: str


@dataclass
class Stage:
    """One stage of the simulation. `times` are the milliseconds of its requests."""

    name: str
    times: list[float] = field(default_factory=list)
    checks: int = 0
    failures: int = 0

    @property
    def median_ms(self) -> float:
        return median(self.times) if self.times else 0.0

    @property
    def worst_ms(self) -> float:
        return max(self.times, default=0.0)


class Watch(Protocol):
    """An observer of the simulation's progress."""

    def began(self, stage: Stage, steps: int) -> None:
        """Report the begin of a stage with this many steps."""

    def stepped(self) -> None:
        """Report the end of one step."""

    def ended(self, stage: Stage) -> None:
        """Report the end of a stage."""


class Ledger:
    """All stages so far, and the failures: the first ones in full, the others as a count.

    `stopped` is the stage after which the simulation stopped; "" if it was completed.
    """

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self.failures: list[Failure] = []
        self.stopped = ""

    @property
    def stage(self) -> Stage:
        return self.stages[-1]

    @property
    def failed(self) -> int:
        """The number of failed checks."""
        return sum(stage.failures for stage in self.stages)

    @property
    def requests(self) -> int:
        """The number of answered requests."""
        return sum(len(stage.times) for stage in self.stages)

    def begin(self, name: str) -> Stage:
        """Begin a stage, to which all further records belong."""
        self.stages.append(Stage(name))
        return self.stage

    def note_request(self, milliseconds: float) -> None:
        self.stage.times.append(milliseconds)

    def note_check(self, is_met: bool, about: str, request: str, expected: str, received: str) -> None:
        self.stage.checks += 1
        if is_met:
            return
        self.stage.failures += 1
        if len(self.failures) < bounds.SIMULATED_FAILURES_KEPT:
            self.failures.append(Failure(self.stage.name, about, request, expected, received))
