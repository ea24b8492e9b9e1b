"""The order in which things can be made that refer to each other."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from app.scim.bulk_message import grouped_by_needs


@st.composite
def needs(draw: st.DrawFn) -> list[list[int]]:
    size = draw(st.integers(0, 12))
    numbers = st.lists(st.integers(0, size - 1), unique=True) if size else st.just([])
    return [draw(numbers) for _ in range(size)]


def reach(needed: list[list[int]], start: int) -> set[int]:
    """Whatever `start` needs, directly or not: the slow way."""
    found: set[int] = set()
    left = list(needed[start])
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += needed[one]
    return found


@given(needs())
def test_each_comes_behind_what_it_needs_and_circles_together(needed: list[list[int]]) -> None:
    order = list(grouped_by_needs(needed))
    assert sorted(number for circle in order for number in circle) == list(range(len(needed)))
    done: set[int] = set()
    for circle in order:
        for number in circle:
            assert reach(needed, number) <= done | set(circle)
            assert {other for other in reach(needed, number) if number in reach(needed, other)} | {number} == set(
                circle
            )
        done |= set(circle)


def test_what_needs_nothing_stays_as_it_came() -> None:
    assert list(grouped_by_needs([[]] * 5)) == [[0], [1], [2], [3], [4]]
    assert list(grouped_by_needs([[], [3], [], [], [1]])) == [[0], [3], [1], [2], [4]]


def test_a_chain_longer_than_the_stack() -> None:
    size = sys.getrecursionlimit() * 3
    chain = [[number + 1] for number in range(size - 1)]
    assert list(grouped_by_needs([*chain, []])) == [[number] for number in reversed(range(size))]
    assert list(grouped_by_needs([*chain, [0]])) == [list(range(size))]
