"""This module is `make soak`: Entra's work and an administrator's pages for half an hour, in which nothing grows.

The time has six parts. The first one warms up; the last one is compared with the second.
"""

import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

from app import bounds
from bench import entra, report, servers
from bench.driver import Answer, Phase, Request, Server, exchange, judge, next_phase
from bench.goals import number

PARTS = 6
MINUTES = 30.0
ROUND_S = 2.0  # a round begins so often, so that each part has the same work
USERS = 40  # created, changed and deleted in each round
CONNECTIONS = 4
PAGES = ("/", "/users", "/groups", "/activity", "/problems", "/static/console.css")
WAL_MIB = bounds.WAL_BYTES / 2**20  # a WAL is written from its beginning again somewhere below it
ALLOWED = {"memory MiB": (1.05, 5.0), "open files": (1.0, 3.0), "WAL MiB": (0.0, WAL_MIB), "p99 ms": (2.0, 10.0)}
"""By kind of figure, what the last part may have: so many times what the second has, and so much more."""


@dataclass
class Part:
    """What was measured in a part of the time: waits in seconds by phase, and the highest of each other figure."""

    rounds: int = 0
    waits_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    highest: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Return the figures that are compared."""
        p99_ms = {
            f"p99 ms: {name}": sorted(waits)[int(len(waits) * 0.99)] * 1e3 for name, waits in self.waits_s.items()
        }
        return {**self.highest, **p99_ms}

    def play(self, server: Server, cookie: str, tag: str) -> None:
        """Send a round: Entra's phases with users of its own, and the pages of a signed-in administrator."""
        console = replace(server, headers=f"Cookie: recnice_session={cookie}\r\n", base="")
        answers = None
        with closing(entra.phases(USERS, tag)) as phases:
            while phase := next_phase(phases, answers):
                answers = self._send(server, phase)
        self._send(console, Phase("pages", [Request("GET", path) for path in PAGES]))
        for name, value in usage(server).items():
            self.highest[name] = max(value, self.highest.get(name, 0.0))
        self.rounds += 1

    def _send(self, server: Server, phase: Phase) -> list[Answer]:
        answers = exchange(server, phase.requests, CONNECTIONS)
        self.waits_s[phase.name] += [answer.wait_s for answer in answers]
        self.failures += [line for lines in judge(phase, answers) for line in lines]
        return answers


def usage(server: Server) -> dict[str, float]:
    """Return the memory, the open files and the size of the larger WAL of a server now."""
    wal_bytes = max((path.stat().st_size for path in server.folder.glob("*-wal")), default=0) if server.folder else 0
    files = sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in server.processes())
    return {"memory MiB": server.memory_mib(), "open files": float(files), "WAL MiB": wal_bytes / 2**20}


def growth(second: Mapping[str, float], last: Mapping[str, float]) -> Iterator[str]:
    """Yield a line for each figure that is higher in the last part than the second one allows."""
    for name, before in second.items():
        factor, addend = ALLOWED[name.partition(":")[0]]
        limit = before * factor + addend
        if last[name] > limit:
            yield f"{name}: expected at most {limit:.1f} after {before:.1f}, got {last[name]:.1f}"


def minutes() -> float:
    """Return SOAK_MINUTES. Raises: SystemExit."""
    given = os.environ.get("SOAK_MINUTES", str(MINUTES))
    try:
        value = float(given)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise SystemExit(f"SOAK_MINUTES: expected a number of minutes above 0, got {given!r}")
    return value


def soak(part_s: float) -> list[Part]:
    """Run the program on a new data folder, check the folder afterwards, and return the parts."""
    folder = servers.fresh().copy()
    parts = []
    with servers.product(servers.SOURCE, folder) as server:
        for at in range(PARTS):
            parts.append(part := Part())
            began = time.monotonic()
            while (passed := time.monotonic() - began) < part_s:
                part.play(server, folder.cookie, f"part{at}round{part.rounds}")
                time.sleep(max(0.0, passed + ROUND_S + began - time.monotonic()))
            print(f"part {at + 1} of {PARTS}: {part.rounds} rounds, {len(part.failures)} failures", flush=True)
    checked = subprocess.run([*servers.SOURCE, "check", "--data", folder.path], capture_output=True, text=True)
    if checked.returncode:
        parts[-1].failures.append(f"check: {checked.stdout}{checked.stderr}")
    return parts


def main() -> None:
    parts = soak(minutes() * 60 / PARTS)
    figures = [part.figures() for part in parts]
    heading = ["", *(f"part {at}" for at in range(1, PARTS + 1))]
    print(report.text([heading, *([name, *(number(of[name]) for of in figures)] for name in figures[0])]))
    findings = [*(line for part in parts for line in part.failures), *growth(figures[1], figures[-1])]
    print("\n".join(f"! {line}" for line in findings) or "all answers were right, and nothing grew")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
