"""This module starts the servers to be measured, each alone on the first processor, on 127.0.0.1 only."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from flask import Flask

from app import create_app, data_folder, settings
from app.administration.accounts.first_administrator import claim_setup, create_setup_code
from app.administration.accounts.sessions import Browser
from app.administration.audit import HOST
from app.administration.credentials.scim_keys import create_key
from app.store.database import directory_database
from app.store.directory import rebuild_derived_rows
from app.store.request_log import log_database, log_database_file
from app.web.request_log import middleware
from bench.driver import Server

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"  # on a disk: in memory a commit would cost nothing
SOURCE = (sys.executable, str(ROOT / "recnice_scim.py"))
PROCESSORS = sorted(os.sched_getaffinity(0))
LIMIT_S = 60.0  # for a start, and for a stop
KEY = "bench-key"
OWNER = ("bench", "a blue kettle sings")  # name and password
THREADS = str(settings.Settings().threads)


@dataclass(frozen=True)
class Folder:
    """A data folder with a SCIM Key and a signed-in owner, whose cookie this is."""

    path: Path
    key: str
    cookie: str

    def copy(self) -> "Folder":
        """Return a copy, in place of the copy before, on the disk: no sync of the server has to write it."""
        shutil.rmtree(target := BUILD / "data", ignore_errors=True)
        shutil.copytree(self.path, target)
        for path in target.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        return replace(self, path=target)


@contextmanager
def application(path: Path) -> Iterator[Flask]:
    """Provide the program in this process on a data folder that is ready for use, and its context."""
    chosen = settings.load({"data": str(path)}, {})
    data_folder.prepare(path)
    app = create_app(chosen)
    directory_database.migrate(chosen.database)
    log_database_file.prepare(chosen.requests_database)
    with app.app_context():
        try:
            rebuild_derived_rows.rebuild(app.config["RECNICE_RESOURCE_TYPES"])
            yield app
        finally:
            middleware.of(app).recorder.close()
            directory_database.file.close()
            log_database.file.close()


def new_folder(name: str) -> Folder:
    """Return a new data folder, created by the program's own functions."""
    shutil.rmtree(path := BUILD / name, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with application(path):
        key = create_key("bench", HOST).text
        return Folder(path, key, claim_setup(create_setup_code(), *OWNER, Browser()))


@cache
def fresh() -> Folder:
    """Return a new data folder, to be copied."""
    return new_folder("fresh")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(words: Sequence[str], port: int, cwd: Path = ROOT, more: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run a server and yield its process id once it answers, with whatever status; it is always ended."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RECNICE_")}
    BUILD.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, PROCESSORS[:1])  # the child inherits it, and the program chooses among what it may use
    try:
        with (BUILD / "server.log").open("wb") as log:
            child = subprocess.Popen(words, cwd=cwd, stdout=log, stderr=log, env={**environment, **(more or {})})
        os.sched_setaffinity(0, PROCESSORS[-1:])
        try:
            _wait_for_answer(child, port)
            yield child.pid
        finally:
            child.terminate()
            try:
                child.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                child.kill()
    finally:
        os.sched_setaffinity(0, PROCESSORS)


def _wait_for_answer(child: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end and child.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), LIMIT_S) as connection:
                connection.sendall(b"GET /scim/Users HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                if connection.recv(16).startswith(b"HTTP/"):
                    return
        except OSError:
            time.sleep(0.01)
    raise SystemExit(f"the server does not answer: see {BUILD / 'server.log'}")


def bearer(key: str) -> str:
    return f"Authorization: Bearer {key}\r\n"


@contextmanager
def product(program: Sequence[str], folder: Folder, more: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run the program with its defaults on a data folder."""
    port = free_port()
    words = [*program, "serve", "--data", str(folder.path), "--listen", f"127.0.0.1:{port}"]
    with running(words, port, more=more) as pid:
        yield Server(port, pid, bearer(folder.key), "/scim", folder.path)


@contextmanager
def bare_route() -> Iterator[Server]:
    """Run the bare route with as many threads as the program has by default."""
    port = free_port()
    with running([sys.executable, "-m", "bench.hello", str(port), KEY, THREADS], port) as pid:
        yield Server(port, pid, bearer(KEY))
