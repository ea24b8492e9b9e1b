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
from typing import TYPE_CHECKING, Any

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
"""A function of a profile: file, line (0 for a built-in one), name."""
Row = tuple[int, int, float, float, dict[Function, Any]]
"""Its calls, with and without recursion, own seconds, all seconds, and the same for each caller."""


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
            phases = entra.phases(requests, tag, proves=False)
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
            if failures := sum(judge(phase, answers), []):
                raise SystemExit(failures[0])
    stats: dict[Function, Row] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    heading = f"{operation}: {own_us:,.0f} µs in the thread that answers, {all_us - own_us:,.0f} µs in others"
    return "\n".join([heading, *_lines(stats, own_us, len(answers))])


def _lines(profile: dict[Function, Row], own_us: float, requests: int) -> list[str]:
    scale = own_us / sum(row[2] for row in profile.values())

    def stage_of(function: Function) -> str:
        text = f"{function[0]}:{function[2]}"
        return next((name for name, pattern in STAGES.items() if pattern.search(text)), OTHER)

    stages: dict[str, float] = defaultdict(float)
    for function, (_, _, own_s, _, callers) in profile.items():
        if stage_of(function) != OTHER or not callers:
            stages[stage_of(function)] += own_s * scale
        else:  # a built-in function, or one of the standard library: its callers' time
            for caller, row in callers.items():
                stages[stage_of(caller)] += row[2] * scale
    lines = [f"{'stage':24}{'µs':>7}{'share':>7}"]
    largest = sorted(stages, key=lambda name: -stages[name])[:STAGES_SHOWN]
    lines += [f"{name:24}{stages[name]:7.0f}{stages[name] / own_us:7.0%}" for name in largest]
    lines += [f"{'function, own time':64}{'µs':>7}{'calls':>7}"]
    for (file, line, name), row in sorted(profile.items(), key=lambda item: -item[1][2])[:FUNCTIONS]:
        place = f"{'/'.join(file.split('/')[-2:])}:{line} {name}" if line else name
        lines.append(f"{place[:63]:64}{row[2] * scale:7.0f}{row[1] / requests:7.1f}")
    return lines


if __name__ == "__main__":
    if sys.argv[-1] not in entra.MEASURED:
        raise SystemExit(f"OPERATION: expected one of {', '.join(entra.MEASURED)}")
    print(report(sys.argv[-1]))
