"""This module shows where the processor time of an operation goes: `make profile OPERATION=create`.

It calls the program as a WSGI application in this process: first without instruments, for the time of the thread that
answers and of all others, then with cProfile on the clock of the thread, whose shares are scaled to the first time.
"""

import cProfile
import pstats
import re
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.web.request_log import middleware
from bench import entra, servers
from bench.driver import Answer, Request, judge

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_APP = (
    "scim", "store/database", "store/directory", "store", "provisioning", "observation", "administration",
    "web/request_log", "web/security", "web/public_url", "web", "",
)  # fmt: skip
STAGES = {
    "SQLite": re.compile(r"sqlite3\.(dbapi2\.)?(Cursor|Connection)"),
    "SQLAlchemy": re.compile(r"sqlalchemy"),
    "Flask, werkzeug": re.compile(r"/(flask|werkzeug|blinker|flask_wtf)/"),
    "marshmallow": re.compile(r"/marshmallow/"),
    "JSON": re.compile(r"/json/|json\.|_json"),
    **{f"app/{folder}": re.compile(rf"/app/{folder}") for folder in _APP},
}
OTHER = "other"
STAGES_SHOWN, FUNCTIONS = 15, 10

Function = tuple[str, int, str]
"""A function of a profile: file, line, name; a built-in one has the file `~`."""


def report(operation: str, requests: int = 300) -> str:
    """Return in at most 30 lines where the time of an operation goes. All phases before it run too."""
    folder = servers.new_folder("profile")
    with servers.application(folder.path) as app:
        recorder = middleware.of(app).recorder
        headers = Headers({"Authorization": f"Bearer {folder.key}", "Content-Type": "application/scim+json"})

        def environments(sent: Sequence[Request]) -> "list[WSGIEnvironment]":
            return [
                EnvironBuilder("/scim" + one.path, method=one.method, headers=headers, data=one.data).get_environ()
                for one in sent
            ]

        def call(prepared: "Sequence[WSGIEnvironment]") -> list[Answer]:
            answered = [run_wsgi_app(app.wsgi_app, one) for one in prepared]
            return [Answer(int(status[:3]), b"".join(body)) for body, status, _ in answered]

        own_us = all_us = 0.0
        profiler = cProfile.Profile(time.thread_time)
        for tag in "warm-up", "bare", "profiled":
            phases = entra.phases(requests, tag, reads_large=False)
            phase = next(phases)
            while phase.name != operation:
                phase = phases.send(call(environments(phase.requests)))
            prepared = environments(phase.requests)
            recorder.settle()
            thread_s, process_s = time.thread_time(), time.process_time()
            if tag == "profiled":
                profiler.enable()
            answers = call(prepared)
            profiler.disable()
            if tag != "profiled":
                own_us = (time.thread_time() - thread_s) / len(answers) * 1e6
                recorder.settle()
                all_us = (time.process_time() - process_s) / len(answers) * 1e6
            if failures := [*judge(phase, answers)[0], *judge(phase, answers)[1]]:
                raise SystemExit(failures[0])
    heading = f"{operation}: {own_us:,.0f} µs in the thread that answers, {all_us - own_us:,.0f} µs in others"
    return "\n".join([heading, *_lines(pstats.Stats(profiler), own_us, len(answers))])


def _lines(stats: pstats.Stats, own_us: float, requests: int) -> list[str]:
    profile: dict[Function, tuple[int, int, float, float, dict[Function, tuple[int, int, float, float]]]]
    profile = stats.stats  # type: ignore[attr-defined]
    total = sum(row[2] for row in profile.values())

    def stage_of(function: Function, seen: frozenset[Function] = frozenset()) -> str:
        """Return a function's own stage, or that of its callers' largest."""
        text = f"{function[0]}:{function[2]}"
        own = next((name for name, pattern in STAGES.items() if pattern.search(text)), None)
        callers = {caller: row[2] for caller, row in profile[function][4].items() if caller not in seen}
        if own or not callers:
            return own or OTHER
        return stage_of(max(callers, key=callers.__getitem__), seen | {function})

    stages: dict[str, float] = defaultdict(float)
    for function, (_, _, own_s, _, callers) in profile.items():
        is_shared = bool(callers) and stage_of(function, frozenset(profile)) == OTHER  # like a built-in function
        for caller, spent in ((one, row[2]) for one, row in callers.items()) if is_shared else [(function, own_s)]:
            stages[stage_of(caller)] += spent
    scale = own_us / total
    lines = [f"{'stage':24}{'µs':>7}{'share':>7}"]
    largest = sorted(stages, key=lambda name: -stages[name])[:STAGES_SHOWN]
    lines += [f"{name:24}{stages[name] * scale:7.0f}{stages[name] / total:7.0%}" for name in largest]
    lines += [f"{'function, own time':64}{'µs':>7}{'calls':>7}"]
    for function in sorted(profile, key=lambda one: -profile[one][2])[:FUNCTIONS]:
        place = f"{'/'.join(function[0].split('/')[-2:])}:{function[1]} " if function[1] else ""
        row = profile[function]
        lines.append(f"{(place + function[2])[:63]:64}{row[2] * scale:7.0f}{row[1] / requests:7.1f}")
    return lines


if __name__ == "__main__":
    if sys.argv[-1] not in entra.MEASURED:
        raise SystemExit(f"OPERATION: expected one of {', '.join(entra.MEASURED)}")
    print(report(sys.argv[-1]))
