"""This module makes random values in advance: a call of the system for each would let other threads run first."""

import os
import secrets
from collections.abc import Callable, Iterable

_AT_ONCE = 512


class ValuesInAdvance:
    """Texts of which `make` returns many at once; the last one is taken first. A forked process has none of them.

    Threads need no lock: each takes a text from the list, or adds texts to it.
    """

    def __init__(self, make: Callable[[], Iterable[str]]) -> None:
        self.values: list[str] = []
        self._make = make
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.values.clear)

    def take(self) -> str:
        """Return the next text."""
        while True:
            try:
                return self.values.pop()
            except IndexError:
                self.values.extend(self._make())


def random_digits(length: int) -> list[str]:
    """Return 512 texts of so many random hexadecimal digits, an even number."""
    digits = secrets.token_hex(length * _AT_ONCE // 2)
    return [digits[start : start + length] for start in range(0, len(digits), length)]
