"""This module counts requests and checks by stage."""

from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

from app import bounds


@dataclass(frozen=True)
class Failure:
    """A check that did not hold. `about` is the person or group, `request` the method and path."""

    stage: str
    about: str
    request: str
    expected: str
    received: str


@dataclass
class Stage:
    """One part of the story. `times` are the milliseconds of its requests."""

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
    """Somebody who looks on while the story is played."""

    def began(self, stage: Stage, steps: int) -> None:
        """A stage of so many steps begins."""

    def stepped(self) -> None:
        """One step of it is done."""

    def ended(self, stage: Stage) -> None:
        """It is over."""


class Ledger:
    """All stages so far, and the failures: the first of them in words, the others as a count.

    `stopped` is the stage after which the story was not continued; "" where it came to its end.
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
        """How many checks failed in all."""
        return sum(stage.failures for stage in self.stages)

    @property
    def requests(self) -> int:
        """How many requests were answered in all."""
        return sum(len(stage.times) for stage in self.stages)

    def begin(self, name: str) -> Stage:
        """Whatever is noted from now on belongs to this stage."""
        self.stages.append(Stage(name))
        return self.stage

    def note_request(self, milliseconds: float) -> None:
        self.stage.times.append(milliseconds)

    def note_check(self, held: bool, about: str, request: str, expected: str, received: str) -> None:
        self.stage.checks += 1
        if held:
            return
        self.stage.failures += 1
        if len(self.failures) < bounds.SIMULATED_FAILURES_KEPT:
            self.failures.append(Failure(self.stage.name, about, request, expected, received))
