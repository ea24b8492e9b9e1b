"""This module joins a number and its noun."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 user`, `2 users`, `12,345 users`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
