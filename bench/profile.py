"""This module shows where the processor time of an operation goes: `make profile OPERATION=create`.

It calls the program as a WSGI application in this process: first without instruments, for the time of the thread that
answers and of all others, then with cProfile on the clock of the thread, whose shares are scaled to the first time.
"""

import cProfile
import gc
import pstats
import re
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.web.request_log import middleware
from bench import entra, servers
from bench.driver import Answer, Phase, judge

_APP = (
    "scim", "store/database", "store/directory", "store", "provisioning", "observation", "administration",
    "web/request_log", "web/security", "web/public_url", "web", "",
)  # fmt: skip
STAGES = {
    "SQLite": re.compile(r"sqlite3\.(dbapi2\.)?(Cursor|Connection)"),
    "SQLAlchemy": re.compile(r"sqlalchemy"),
    "Flask": re.compile(r"/(flask|werkzeug|blinker|flask_wtf)/"),
    "marshmallow": re.compile(r"/marshmallow/"),
    "JSON": re.compile(r"/json/|json\.|_json"),
    **{f"app/{folder}": re.compile(rf"/app/{folder}") for folder in _APP},
}
OTHER = "other"
STAGES_SHOWN, FUNCTIONS = 15, 10

Function = tuple[str, int, str]
"""A function of a profile: file, line (0 for a built-in one), name."""
Row = tuple[int, int, float, float, dict[Function, Any]]
"""Its calls, with and without recursion, own seconds, all seconds, and the same for each caller."""


@dataclass
class Profile:
    """The microseconds of a request in the thread that answers and in others, and the functions of the first."""

    own_us: float
    other_us: float
    requests: int
    rows: dict[Function, Row] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """What makes profiled seconds microseconds of a request without instruments."""
        return self.own_us / sum(row[2] for row in self.rows.values())

    def stages(self) -> list[tuple[str, float]]:
        """Return the microseconds of each stage, the largest first."""

        def stage_of(function: Function) -> str:
            text = f"{function[0]}:{function[2]}"
            return next((name for name, pattern in STAGES.items() if pattern.search(text)), OTHER)

        stages: dict[str, float] = defaultdict(float)
        for function, (_, _, own_s, _, callers) in self.rows.items():
            if stage_of(function) != OTHER or not callers:
                stages[stage_of(function)] += own_s * self.scale
            else:  # a built-in function, or one of the standard library: its callers' time
                for caller, row in callers.items():
                    stages[stage_of(caller)] += row[2] * self.scale
        return sorted(stages.items(), key=lambda item: -item[1])


def profiles(operations: Sequence[str], users: int = 200) -> dict[str, Profile]:
    """Return the profiles of these phases. All phases up to the last of them run, with so many users."""
    taken: dict[str, Profile] = {}
    folder = servers.new_folder("profile")
    with servers.application(folder.path) as app:
        recorder = middleware.of(app).recorder
        headers = Headers({"Authorization": f"Bearer {folder.key}", "Content-Type": "application/scim+json"})

        def answers_of(phase: Phase, tag: str) -> list[Answer]:
            about = ((one.path, one.method, one.data) for one in phase.requests)
            built = [EnvironBuilder("/scim" + path, method=m, headers=headers, data=data) for path, m, data in about]
            environments, profiler = [one.get_environ() for one in built], cProfile.Profile(time.thread_time)
            recorder.settle()
            gc.collect()
            gc.freeze()  # a server does not hold the requests and answers of a phase
            thread_s, process_s = time.thread_time(), time.process_time()
            with profiler if tag == "profiled" else nullcontext():
                answered = [run_wsgi_app(app.wsgi_app, one) for one in environments]
            own_s = time.thread_time() - thread_s
            recorder.settle()
            if tag == "profiled" and phase.name in taken:
                taken[phase.name].rows = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
            elif phase.name in operations:
                own, other = (s / len(answered) * 1e6 for s in (own_s, time.process_time() - process_s - own_s))
                taken[phase.name] = Profile(own, other, len(answered))
            answers = [Answer(int(status[:3]), b"".join(body)) for body, status, _ in answered]
            if failures := sum(judge(phase, answers), []):
                raise SystemExit(failures[0])
            return answers

        for tag in "warm-up", "bare", "profiled":
            seen: set[str] = set()
            with closing(entra.phases(users, tag, proves=False)) as phases:
                phase = next(phases)
                while not seen.issuperset(operations):
                    answers = answers_of(phase, tag)
                    seen.add(phase.name)
                    phase = phases.send(answers)
    return taken


def report(operation: str, users: int = 150) -> str:
    """Return in at most 30 lines where the time of an operation goes."""
    profile = profiles([operation], users)[operation]
    lines = [f"{operation}: {profile.own_us:,.0f} µs in the thread that answers, {profile.other_us:,.0f} µs in others"]
    lines += [f"{'stage':24}{'µs':>7}{'share':>7}"]
    lines += [f"{name:24}{us:7.0f}{us / profile.own_us:7.0%}" for name, us in profile.stages()[:STAGES_SHOWN]]
    lines += [f"{'function, own time':64}{'µs':>7}{'calls':>7}"]
    for (file, line, name), row in sorted(profile.rows.items(), key=lambda item: -item[1][2])[:FUNCTIONS]:
        place = f"{'/'.join(file.split('/')[-2:])}:{line} {name}" if line else name
        lines.append(f"{place[:63]:64}{row[2] * profile.scale:7.0f}{row[1] / profile.requests:7.1f}")
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[-1] not in entra.MEASURED:
        raise SystemExit(f"OPERATION: expected one of {', '.join(entra.MEASURED)}")
    print(report(sys.argv[-1]))
