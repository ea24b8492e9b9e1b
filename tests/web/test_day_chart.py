"""The chart of days: its scale, its bars, what is cut."""

from datetime import date, timedelta

import pytest

from app.observation.cycles.day_totals import Day
from app.web.console.monitoring import day_chart
from app.web.console.monitoring.day_chart import BASE, CUT_HEIGHT, PHONE, PLOT_TOP, SERIES, WIDE

FIRST = date(2026, 11, 2)


def days(*changed: int, **of: int) -> list[Day]:
    return [Day(date=FIRST + timedelta(days=number), syncs=1, changed=one, **of) for number, one in enumerate(changed)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (1, 1)),
        ([0, 1], (1, 2)),
        ([50] * 29, (20, 60)),
        ([50] * 29 + [100_000], (20, 60)),
        ([3_000] * 3, (1_000, 4_000)),
    ],
)
def test_the_scale_is_round_and_one_large_day_does_not_change_it(values, expected):
    assert day_chart.scale(values) == expected


def test_a_bar_is_stacked_from_the_base_and_a_tall_one_is_cut():
    usual = days(*[20] * 29, created=5, disabled=3, deleted=2)
    shown = day_chart.chart([*usual, Day(date=FIRST + timedelta(days=29), syncs=1, created=90_000)], WIDE)
    assert [value for value, _ in shown.lines] == [0, 10, 20, 30, 40]
    parts = shown.bars[0].parts
    assert tuple(part.series for part in parts) == SERIES
    edges = [(part.y, part.y + part.height) for part in parts]
    assert edges[0][1] == BASE and edges[-1][0] == pytest.approx(BASE - 30 / 40 * (BASE - PLOT_TOP), abs=2)
    assert all(lower[0] > upper[1] for lower, upper in zip(edges, edges[1:], strict=False)), "with gaps"
    assert [bar.is_cut for bar in shown.bars] == [False] * 29 + [True]
    assert shown.bars[-1].parts[0].y >= BASE - CUT_HEIGHT > PLOT_TOP
    assert shown.bars[-1].date == "Today" and shown.bars[-6].date == "26 Nov"
    assert all(bar.x + WIDE.pitch <= WIDE.width for bar in shown.bars)


def test_the_phone_shows_the_last_days_and_the_sentence_has_their_figures():
    recent = days(*range(30), refused=1)[-PHONE.days :]
    assert [bar.day for bar in day_chart.chart(days(*range(30), refused=1), PHONE).bars] == recent
    assert day_chart.sentence(recent) == (
        "The last 14 days: 14 syncs, 315 changes, most on 1 Dec (29), 14 refused requests."
    )
