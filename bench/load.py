"""Load: several connections that are kept open, each with its own requests; how many a second, how long each took.

A wrong status is counted, never skipped over: a quick wrong answer is no speed.
"""

import http.client
import json
import os
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: Any = None
    status: tuple[int, ...] = (200, 201, 204)


@dataclass(frozen=True)
class Measured:
    """`cpu_us` is the server's processor time a request, `p50_ms` the median of what a client waits."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    wrong: int


def cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def run(port: int, key: str, pid: int, requests: Sequence[Request], connections: int) -> tuple[Measured, list[Any]]:
    """All requests, dealt out to the connections; gives the figures and each answer's JSON in the requests' order."""
    answers: list[Any] = [None] * len(requests)
    waits: list[float] = []
    wrong: list[str] = []

    def work(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/scim+json"}
        for number in range(first, len(requests), connections):
            request = requests[number]
            body = None if request.body is None else json.dumps(request.body)
            started = time.perf_counter()
            connection.request(request.method, request.path, body, headers)
            response = connection.getresponse()
            text = response.read()
            waits.append(time.perf_counter() - started)
            if response.status not in request.status:
                wrong.append(f"{request.method} {request.path}: {response.status} {text[:200]!r}")
            answers[number] = json.loads(text) if text else None
        connection.close()

    before, started = cpu_s(pid), time.perf_counter()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - started
    if wrong:
        print(f"wrong: {wrong[0]}")
    waits.sort()
    measured = Measured(
        len(requests),
        len(requests) / took,
        statistics.median(waits) * 1e3,
        waits[int(len(waits) * 0.99)] * 1e3,
        (cpu_s(pid) - before) / len(requests) * 1e6,
        len(wrong),
    )
    return measured, answers


def median_of(rounds: Sequence[Measured], of: Callable[[Measured], float]) -> float:
    return statistics.median(of(one) for one in rounds)
