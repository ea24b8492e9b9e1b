"""This module orders resources that refer to each other, and finds where they do so in circles."""

from collections.abc import Iterator, Sequence


def in_order(needs: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """All numbers, each behind those that it needs and otherwise as they come; `needs[3]` is what 3 needs.

    Those that need each other in a circle come together in one list; every other list has one number. These are the
    strongly connected components as Tarjan's algorithm completes them, without recursion since a chain may be long.
    """
    met: dict[int, int] = {}
    earliest: dict[int, int] = {}
    incomplete: dict[int, None] = {}
    for start in range(len(needs)):
        way = [] if start in met else [start]
        left = {start: iter(needs[start])}
        while way:
            number = way[-1]
            if number not in met:
                met[number] = earliest[number] = len(met)
                incomplete[number] = None
            for needed in left[number]:
                if needed not in met:
                    left[needed] = iter(needs[needed])
                    way.append(needed)
                    break
                if needed in incomplete:
                    earliest[number] = min(earliest[number], met[needed])
            else:
                way.pop()
                if way:
                    earliest[way[-1]] = min(earliest[way[-1]], earliest[number])
                if earliest[number] == met[number]:
                    yield sorted(_taken_back_to(number, incomplete))


def _taken_back_to(number: int, incomplete: dict[int, None]) -> Iterator[int]:
    """The numbers that were met last, back to this one."""
    while number in incomplete:
        yield incomplete.popitem()[0]
