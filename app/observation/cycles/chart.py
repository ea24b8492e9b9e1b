"""This module computes the bars of the chart of recent cycles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log

from app.observation.cycles.detection import Cycle

BAR_WIDTH = 10
HEIGHT = 64
QUIET_HEIGHT = 3
"""Of a cycle that changed nothing: it was there."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One cycle in the picture, in its units: `x` from the left, `height` from the ground up."""

    cycle: Cycle
    x: int
    height: int

    @property
    def y(self) -> int:
        return HEIGHT - self.height


def bars(cycles: Sequence[Cycle], places: int) -> Iterator[Bar]:
    """A bar for each of the last cycles (oldest first), the newest at the right end of so many places.

    The first cycle changes thousands and those after it a few; so the height grows with the logarithm.
    """
    shown = cycles[-places:]
    most = max((cycle.changes for cycle in shown), default=0)
    for place, cycle in enumerate(shown, places - len(shown)):
        share = log(1 + cycle.changes) / log(1 + most) if most else 0.0
        yield Bar(cycle, place * BAR_WIDTH, max(QUIET_HEIGHT, round(share * (HEIGHT - BAR_WIDTH))))
