"""This module counts recorded requests since the start, by action and outcome, with their durations.

The thread of the request log counts whole batches, so that a request waits for nothing.
"""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.request_record import Request

UNKNOWN = "unknown"
"""The action of a request of which nothing is known, for example because no key was valid."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts at one moment: by action and outcome, and by why they were not recorded; per action, durations.

    `durations` counts those up to each of the bounds, which are seconds, and last those above all of them.
    """

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    unrecorded: Counter[str] = field(default_factory=Counter)
    durations: dict[str, list[int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class RequestTotals:
    """The counts of one recorder. `bounds_s`: the upper bounds of durations, ascending."""

    def __init__(self, bounds_s: Sequence[float]) -> None:
        self._bounds_ms = [bound * 1_000 for bound in bounds_s]
        self._totals = Totals()
        self._lock = threading.Lock()

    def add(self, batch: Iterable[Request], unrecorded: Mapping[str, int]) -> None:
        """Count a batch; the requests of a simulation count nowhere."""
        totals = self._totals
        with self._lock:
            totals.unrecorded.update(unrecorded)
            for one in batch:
                if one.is_simulated:
                    continue
                action = one.action or UNKNOWN
                outcome = "ok" if one.status < 400 else "refused" if one.status < 500 else "failed"
                totals.requests[action, outcome] += 1
                counts = totals.durations.setdefault(action, [0] * (len(self._bounds_ms) + 1))
                counts[bisect_left(self._bounds_ms, one.duration_ms)] += 1
                totals.seconds[action] = totals.seconds.get(action, 0.0) + one.duration_ms / 1_000

    def read(self) -> Totals:
        """Return a copy of the counts."""
        with self._lock:
            durations = {action: list(counts) for action, counts in self._totals.durations.items()}
            return Totals(
                self._totals.requests.copy(), self._totals.unrecorded.copy(), durations, self._totals.seconds.copy()
            )
