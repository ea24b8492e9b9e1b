"""This module computes the chart of the last days: stacked bars, refused requests, regularity, as numbers for SVG.

See also: templates/day_chart.html (the drawing), app/observation/cycles/day_totals.py (the days).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from app.observation.cycles.day_totals import Day
from app.quantities import counted

SERIES = ("created", "changed", "disabled", "deleted")
"""The parts of a bar, from the base up."""
PLOT_TOP, BASE = 24, 164
REFUSED_AT, REGULARITY_AT, DATES_AT, HEIGHT = 184, 196, 222, 228
GAP = 1
CUT_HEIGHT = 132
"""The height of a bar that is cut; its number is written on top."""
MARGIN_SHARE = 1.2
_MOST_LINES = 4


@dataclass(frozen=True, slots=True)
class Size:
    """A size of the chart in its own units, which are pixels at full width. `labels_every`: days between dates."""

    name: str
    days: int
    left: int
    pitch: int
    labels_every: int

    @property
    def width(self) -> int:
        return self.left + self.days * self.pitch


WIDE = Size("wide", 30, 64, 30, 5)
PHONE = Size("phone", 14, 56, 19, 4)


@dataclass(frozen=True, slots=True)
class Part:
    """One colored rectangle of a bar."""

    series: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day at its place: `x` is the left edge of its column. `date` is "" where none is written."""

    day: Day
    x: int
    parts: Sequence[Part]
    is_cut: bool
    date: str


@dataclass(frozen=True, slots=True)
class DayChart:
    """A chart of one size. `lines`: each with its value and its y."""

    size: Size
    bars: Sequence[DayBar]
    lines: Sequence[tuple[int, float]]


def chart(days: Sequence[Day], size: Size) -> DayChart:
    """Return the chart of the last `size.days` days."""
    days = days[-size.days :]
    step, top = scale([day.changes for day in days])
    lines = [(value, BASE - value * (BASE - PLOT_TOP) / top) for value in range(0, top + 1, step)]
    bars = []
    for number, day in enumerate(days):
        from_today = len(days) - 1 - number
        label = "Today" if not from_today else _label(day) if from_today % size.labels_every == 0 else ""
        is_cut = day.changes > top
        height = CUT_HEIGHT if is_cut else day.changes * (BASE - PLOT_TOP) / top
        bars.append(DayBar(day, size.left + number * size.pitch, list(_parts(day, height)), is_cut, label))
    return DayChart(size, bars, lines)


def scale(values: Sequence[int]) -> tuple[int, int]:
    """Return the step of the lines and the top value: 1.2 times the 95th percentile of days with changes, rounded up.

    So one day with thousands of changes, such as the first sync, does not flatten all others; its bar is cut.
    """
    positive = sorted(value for value in values if value)
    if not positive:
        return 1, 1
    percentile = positive[floor(0.95 * (len(positive) - 1))]
    wanted = MARGIN_SHARE * percentile
    power = 10 ** max(0, floor(log10(wanted / _MOST_LINES)) if wanted > _MOST_LINES else 0)
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * _MOST_LINES >= wanted)
    return step, step * max(1, ceil(wanted / step))


def sentence(days: Sequence[Day]) -> str:
    """Return what the chart shows in one sentence."""
    syncs, refused = sum(day.syncs for day in days), sum(day.refused for day in days)
    most = max(days, key=lambda day: day.changes)
    changes = sum(day.changes for day in days)
    busiest = f", most on {_label(most)} ({most.changes:,})" if most.changes else ""
    totals = counted(syncs, "sync"), counted(changes, "change") + busiest, counted(refused, "refused request")
    return f"The last {len(days)} days: {', '.join(totals)}."


def _parts(day: Day, height: float) -> Iterator[Part]:
    """Yield the parts from the base up, each at least one unit high, with a gap between them."""
    y = float(BASE)
    for series in SERIES:
        if value := getattr(day, series):
            part = max(1.0, height * value / day.changes - GAP)
            y -= part
            yield Part(series, round(y, 1), round(part, 1))
            y -= GAP


def _label(day: Day) -> str:
    return f"{day.date.day} {day.date:%b}"
