"""This module sends requests over connections that stay open, and measures the server's processor time meanwhile.

The answers are checked after the last one was received, so that checking delays no request. A fast wrong answer is no
speed: errors (another status) and wrong answers (other content) are counted apart.
"""

import json
import os
import re
import selectors
import socket
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from app.settings import DATABASE_NAME, REQUESTS_NAME

ANSWER_S, PHASE_S = 60.0, 300.0  # after PHASE_S nothing more is sent
QUIET_S, QUIET_SAMPLES, QUIET_CPU_S, QUIET_LIMIT_S = 0.2, 3, 0.002, 5.0  # the request log is written each 0.5 s
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)

Check = Callable[[Any], str]
"""Returns what is wrong with an answer's JSON (None without a body), or ""."""


class Answer(NamedTuple):
    """A received answer; status 0 stands for none."""

    status: int
    body: bytes
    wait_s: float = 0.0

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body[:1] in (b"{", b"[") else None


class Request(NamedTuple):
    """One request; `path` follows the server's base path."""

    method: str
    path: str
    check: Check = lambda _: ""
    body: Any = None
    statuses: tuple[int, ...] = (200,)

    @property
    def data(self) -> bytes:
        """The body as it is sent."""
        return b"" if self.body is None else json.dumps(self.body).encode()


class Phase(NamedTuple):
    """Requests of one kind. What is not measured reads back what the phase before changed, or prepares the next one."""

    name: str
    requests: Sequence[Request]
    is_measured: bool = True
    connections: int | None = None


Phases = Generator[Phase, list[Answer], None]
"""Phases that follow from the answers to those before."""


@dataclass(frozen=True)
class Server:
    """A running server. `base` is the path before every request's; `headers` go with every request."""

    port: int
    pid: int
    headers: str
    base: str = ""
    folder: Path | None = None

    def bytes_of(self, request: Request) -> bytes:
        """Return a request as it is sent."""
        data = request.data
        about = f"Content-Type: application/scim+json\r\nContent-Length: {len(data)}\r\n" if data else ""
        head = f"{request.method} {self.base}{request.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{self.headers}"
        return f"{head}{about}\r\n".encode() + data

    def processes(self, pid: int | None = None) -> list[int]:
        """Return the process and its descendants, like the launcher of the one-file executable and its child."""
        pid = pid or self.pid
        children = " ".join(file.read_text("ascii") for file in Path(f"/proc/{pid}/task").glob("*/children"))
        return [pid, *(below for child in children.split() for below in self.processes(int(child)))]

    def cpu_s(self) -> float:
        """Return the processor time of all threads that live, which is exact as long as none ends."""
        spent = 0
        for pid in self.processes():
            for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                with suppress(OSError):  # it ended
                    spent += int(file.read_text("ascii").split()[0])
        return spent / 1e9

    def settled_cpu_s(self) -> float:
        """Return the processor time as soon as the server does nothing more: it writes the request log later."""
        before, quiet, end = self.cpu_s(), 0, time.monotonic() + QUIET_LIMIT_S
        while quiet < QUIET_SAMPLES and time.monotonic() < end:
            time.sleep(QUIET_S)
            now = self.cpu_s()
            quiet = quiet + 1 if now - before < QUIET_CPU_S else 0
            before = now
        return before

    def written_bytes(self) -> int:
        """Return how much was given to the disk; 0 where the system does not say so, as for another user's process."""
        try:
            texts = [Path(f"/proc/{pid}/io").read_text("ascii") for pid in self.processes()]
        except OSError:
            return 0
        return sum(int(text.rpartition("\nwrite_bytes: ")[2].split()[0]) for text in texts)

    def memory_mib(self) -> float:
        """Return the resident memory."""
        pages = (int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) for pid in self.processes())
        return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def sizes(self) -> list[int]:
        """Return the bytes written to the disk, and those of the directory and of the request log (0 for a peer)."""
        return [self.written_bytes(), *(self._stored_bytes(name) for name in (DATABASE_NAME, REQUESTS_NAME))]

    def logged_requests(self, last: int) -> int:
        """Return how many of the first requests, up to the `last`, are still in the request log."""
        return self._ask(REQUESTS_NAME, f"SELECT count(*) FROM request WHERE id <= {last}")

    def _stored_bytes(self, name: str) -> int:
        """Return the size of the pages in use, which checkpoints do not change."""
        pages, free, size = (
            f"(SELECT {one} FROM pragma_{one}())" for one in ("page_count", "freelist_count", "page_size")
        )
        return self._ask(name, f"SELECT ({pages} - {free}) * {size}")

    def _ask(self, name: str, query: str) -> int:
        if not self.folder:
            return 0
        with closing(sqlite3.connect(f"file:{self.folder / name}?mode=ro", uri=True)) as connection:
            return int(connection.execute(query).fetchone()[0])


@dataclass(frozen=True)
class Figures:
    """The figures of one phase, those of bytes for each request. `failures` has examples of what was not right."""

    requests: int
    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    written_kb: float
    stored_bytes: float
    logged_bytes: float
    errors: int
    wrong: int
    failures: list[str] = field(default_factory=list)


Round = dict[str, Figures]


def run(server: Server, phases: Phases, connections: int, settles: bool = True) -> Round:
    """Run all phases and return the figures of the measured ones; unless it `settles`, times are too low."""
    figures: Round = {}
    answers: list[Answer] | None = None
    with closing(phases):
        while phase := next_phase(phases, answers):
            before_s, before = server.cpu_s(), server.sizes()
            started = time.perf_counter()
            answers = exchange(server, phase.requests, phase.connections or connections)
            took_s = time.perf_counter() - started
            errors, wrong = judge(phase, answers)
            if phase.is_measured:
                cpu_s = (server.settled_cpu_s() if settles else server.cpu_s()) - before_s
                count, waits = len(answers), sorted(answer.wait_s for answer in answers)
                written, stored, logged = (
                    (now - then) / count for now, then in zip(server.sizes(), before, strict=True)
                )
                times = (count / took_s, waits[count // 2] * 1e3, waits[int(count * 0.99)] * 1e3, cpu_s / count * 1e6)
                findings = (len(errors), len(wrong), [*errors, *wrong][:3])
                figures[phase.name] = Figures(count, *times, written / 1e3, stored, logged, *findings)
            elif errors or wrong:
                last = figures[name := next(reversed(figures))]
                figures[name] = replace(last, wrong=last.wrong + 1, failures=[*last.failures, *errors, *wrong][:3])
    return figures


def next_phase(phases: Phases, answers: list[Answer] | None) -> Phase | None:
    """Return the phase that follows the answers to the one before (None before the first); None after the last."""
    try:
        return next(phases) if answers is None else phases.send(answers)
    except StopIteration:
        return None


def judge(phase: Phase, answers: Sequence[Answer]) -> tuple[list[str], list[str]]:
    """Return the errors and the wrong answers of a phase, each as a line."""
    errors, wrong = [], []
    for request, answer in zip(phase.requests, answers, strict=True):
        where = f"{phase.name}: {request.method} {request.path[:80]}: "
        if answer.status not in request.statuses:
            errors.append(f"{where}{answer.status} {answer.body[:200]!r}")
        elif finding := _finding(request, answer):
            wrong.append(where + finding)
    return errors, wrong


def _finding(request: Request, answer: Answer) -> str:
    try:
        return request.check(answer.json)
    except (AttributeError, KeyError, TypeError, ValueError):
        return f"got {answer.body[:200]!r}"


class _Connection:
    """One connection with at most one request in progress, the one with this `number`."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), ANSWER_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, number: int, data: bytes) -> None:
        self.number, self.received, self.sent_at = number, bytearray(), time.perf_counter()
        self.socket.sendall(data)


def exchange(server: Server, requests: Sequence[Request], connections: int) -> list[Answer]:
    """Send all requests, each on the first connection that is free, and return the answers in the same order."""
    texts = [server.bytes_of(request) for request in requests]
    answers = [Answer(0, b"no answer")] * len(texts)
    following = iter(range(len(texts)))
    end = time.monotonic() + PHASE_S
    with selectors.DefaultSelector() as selector:

        def send_next(connection: _Connection, is_new: bool) -> None:
            number = next(following, None) if time.monotonic() < end else None
            if number is not None:
                connection.send(number, texts[number])
                if is_new:
                    selector.register(connection.socket, selectors.EVENT_READ, connection)
            else:
                if not is_new:
                    selector.unregister(connection.socket)
                connection.socket.close()

        for connection in [_Connection(server.port) for _ in range(min(connections, len(texts)))]:
            send_next(connection, True)
        while selector.get_map() and (ready := selector.select(ANSWER_S)):
            for key, _ in ready:
                connection = key.data
                data = connection.socket.recv(1 << 18)
                connection.received += data
                answer = read_answer(connection.received)
                if data and answer is None:
                    continue
                wait_s = time.perf_counter() - connection.sent_at
                if answer is not None:
                    answers[connection.number] = Answer(*answer[:2], wait_s)
                if is_closed := answer is None or answer[2]:
                    selector.unregister(connection.socket)
                    connection.socket.close()
                    connection = _Connection(server.port)
                send_next(connection, is_closed)
    return answers


def read_answer(data: bytes | bytearray) -> tuple[int, bytes, bool] | None:
    """Return status, body and whether the server closes the connection; None for an incomplete answer."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head, at = bytes(data[:end]), end + 4
    status, closes = int(head[9:12]), bool(_CLOSES.search(head))
    if length := _LENGTH.search(head):
        last = at + int(length[1])
        return (status, bytes(data[at:last]), closes) if len(data) >= last else None
    parts = []
    if _CHUNKED.search(head):
        if not data.endswith(b"0\r\n\r\n"):
            return None
        while size := int(data[at : (line := data.find(b"\r\n", at))], 16):
            parts.append(data[line + 2 : line + 2 + size])
            at = line + 2 + size + 2
    return status, b"".join(parts), closes
