"""This module sends requests over connections that stay open, and measures the server's processor time meanwhile.

The answers are checked after the last one was received, so that checking delays no request. A fast wrong answer is no
speed: errors (another status) and wrong answers (other content) are counted apart.
"""

import json
import os
import re
import selectors
import socket
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

ANSWER_S = 60.0
PHASE_S = 300.0  # the connections stop sending after it
QUIET_S, QUIET_SAMPLES, QUIET_LIMIT_S = 0.2, 4, 5.0
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
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return None


@dataclass(frozen=True)
class Request:
    """One request; `path` follows the server's base path."""

    method: str
    path: str
    body: Any = None
    statuses: tuple[int, ...] = (200,)
    check: Check = lambda _: ""

    @property
    def data(self) -> bytes:
        """The body as it is sent."""
        return b"" if self.body is None else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Phase:
    """Requests of one kind. `connections` is None for as many as the run has."""

    name: str
    requests: Sequence[Request]
    is_measured: bool = True
    connections: int | None = None


Phases = Generator[Phase, list[Answer], None]
"""Phases that follow from the answers to those before."""


@dataclass(frozen=True)
class Server:
    """A running server. `base` is the path before every request's; `headers` go with every request."""

    name: str
    port: int
    pid: int
    headers: str
    base: str = ""
    folder: Path | None = None

    def bytes_of(self, request: Request) -> bytes:
        """Return a request as it is sent."""
        body = request.data
        about = f"Content-Type: application/scim+json\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = f"{request.method} {self.base}{request.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{self.headers}"
        return f"{head}{about}\r\n".encode() + body


@dataclass(frozen=True)
class Figures:
    """The figures of one phase in one round. `failures` has examples of errors and wrong answers."""

    requests: int
    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    written_bytes: float
    stored_bytes: float
    errors: int
    wrong: int
    failures: list[str] = field(default_factory=list)


def process_tree(pid: int) -> list[int]:
    """Return a process and its descendants, like the launcher of the one-file executable and its child."""
    children = (
        child for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text("ascii").split()
    )
    return [pid, *(below for child in children for below in process_tree(int(child)))]


def cpu_s(pid: int) -> float:
    """Return the processor time of all threads that live, which is exact as long as none ends."""
    files = (file for one in process_tree(pid) for file in Path(f"/proc/{one}/task").glob("*/schedstat"))
    return sum(int(file.read_text("ascii").split()[0]) for file in files) / 1e9


def written_bytes(pid: int) -> int:
    """Return how much the processes gave to the disk; 0 where the system does not say so, as for another user's."""
    try:
        texts = [Path(f"/proc/{one}/io").read_text("ascii") for one in process_tree(pid)]
    except OSError:
        return 0
    return sum(int(re.findall(r"^write_bytes: (\d+)", text, re.MULTILINE)[0]) for text in texts)


def memory_mib(pid: int) -> float:
    """Return the resident memory of the processes."""
    statuses = (Path(f"/proc/{one}/statm").read_text("ascii").split() for one in process_tree(pid))
    return sum(int(fields[1]) for fields in statuses) * os.sysconf("SC_PAGE_SIZE") / 2**20


def settled_cpu_s(pid: int) -> float:
    """Return the processor time as soon as the server does nothing more: the request log is written later."""
    before, quiet, end = cpu_s(pid), 0, time.monotonic() + QUIET_LIMIT_S
    while quiet < QUIET_SAMPLES and time.monotonic() < end:
        time.sleep(QUIET_S)
        now = cpu_s(pid)
        quiet = quiet + 1 if now - before < 0.002 else 0
        before = now
    return before


def run(server: Server, phases: Phases, connections: int, stored: Callable[[], int] = lambda: 0) -> dict[str, Figures]:
    """Run all phases and return the figures of the measured ones. `stored` returns the bytes of the data folder."""
    figures: dict[str, Figures] = {}
    answers: list[Answer] | None = None
    while True:
        try:
            phase = next(phases) if answers is None else phases.send(answers)
        except StopIteration:
            return figures
        cpu, written, size = cpu_s(server.pid), written_bytes(server.pid), stored()
        started = time.perf_counter()
        answers = exchange(server, phase.requests, phase.connections or connections)
        took = time.perf_counter() - started
        errors, wrong = judge(phase, answers)
        if not phase.is_measured:
            if errors or wrong:  # what is read back belongs to the phase before
                last = figures[name := next(reversed(figures))]
                figures[name] = Figures(**vars(last) | {"wrong": last.wrong + 1, "failures": [*errors, *wrong][:3]})
            continue
        waits = sorted(answer.wait_s for answer in answers)
        count = len(answers)
        figures[phase.name] = Figures(
            requests=count,
            rate=count / took,
            p50_ms=waits[count // 2] * 1e3,
            p99_ms=waits[int(count * 0.99)] * 1e3,
            cpu_us=(settled_cpu_s(server.pid) - cpu) / count * 1e6,
            written_bytes=(written_bytes(server.pid) - written) / count,
            stored_bytes=(stored() - size) / count,
            errors=len(errors),
            wrong=len(wrong),
            failures=[*errors, *wrong][:3],
        )


def judge(phase: Phase, answers: Sequence[Answer]) -> tuple[list[str], list[str]]:
    """Return the errors and the wrong answers of a phase, each as a line."""
    errors, wrong = [], []
    for request, answer in zip(phase.requests, answers, strict=True):
        where = f"{phase.name}: {request.method} {request.path[:80]}: "
        if answer.status not in request.statuses:
            errors.append(f"{where}{answer.status} {answer.body[:200]!r}")
        elif finding := request.check(answer.json):
            wrong.append(where + finding)
    return errors, wrong


class _Connection:
    """One connection with at most one request in progress, the one with this `number`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.received = b""
        self.number = 0
        self.sent_at = 0.0
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), ANSWER_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, number: int, data: bytes) -> None:
        self.number, self.received, self.sent_at = number, b"", time.perf_counter()
        self.socket.sendall(data)


def exchange(server: Server, requests: Sequence[Request], connections: int) -> list[Answer]:
    """Send all requests, each on the first connection that is free, and return the answers in the same order."""
    texts = [server.bytes_of(request) for request in requests]
    answers = [Answer(0, b"no answer")] * len(texts)
    following = iter(range(len(texts)))
    end = time.monotonic() + PHASE_S
    with selectors.DefaultSelector() as selector:

        def send_next(connection: _Connection) -> bool:
            number = next(following, None) if time.monotonic() < end else None
            if number is not None:
                connection.send(number, texts[number])
            return number is not None

        def begin(connection: _Connection) -> None:
            if send_next(connection):
                selector.register(connection.socket, selectors.EVENT_READ, connection)

        opened = [_Connection(server.port) for _ in range(min(connections, len(texts)))]
        for connection in opened:
            begin(connection)
        while selector.get_map() and (ready := selector.select(ANSWER_S)):
            for key, _ in ready:
                connection = key.data
                data = connection.socket.recv(1 << 18)
                connection.received += data
                whole = read_answer(connection.received)
                if data and whole is None:
                    continue
                now = time.perf_counter()
                if whole is not None:
                    answers[connection.number] = Answer(*whole[:2], now - connection.sent_at)
                if whole is None or whole[2]:
                    selector.unregister(connection.socket)
                    connection.socket.close()
                    connection.open()
                    begin(connection)
                elif not send_next(connection):
                    selector.unregister(connection.socket)
        for connection in opened:
            connection.socket.close()
    return answers


def read_answer(data: bytes) -> tuple[int, bytes, bool] | None:
    """Return status, body and whether the server closes the connection; None for an incomplete answer."""
    head, separator, rest = data.partition(b"\r\n\r\n")
    if not separator:
        return None
    status, closes = int(head[9:12]), bool(_CLOSES.search(head))
    if length := _LENGTH.search(head):
        size = int(length[1])
        return (status, rest[:size], closes) if len(rest) >= size else None
    if not _CHUNKED.search(head):
        return status, b"", closes
    chunks = []
    if not rest.endswith(b"0\r\n\r\n"):  # cheap, and true of every complete one
        return None
    while rest:
        size_text, _, rest = rest.partition(b"\r\n")
        size = int(size_text.partition(b";")[0], 16)
        chunks.append(rest[:size])
        if not size:
            return status, b"".join(chunks), closes
        rest = rest[size + 2 :]
    return None
