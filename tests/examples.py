"""This module says how many examples the tests by chance try: `RECNICE_EXAMPLES=10 make test` tries ten times more."""

import os

FACTOR = int(os.environ.get("RECNICE_EXAMPLES", "1"))


def examples(count: int) -> int:
    """Return how many examples to try where one run of the suite tries `count`."""
    return count * FACTOR
