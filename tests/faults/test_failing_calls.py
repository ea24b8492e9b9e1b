"""System calls that fail, and the order of those that make a change durable: strace lets them fail, or lists them.

A few numbers here; `make faults` takes every one from 1 to 60 (RECNICE_FAULTS=60). SQLite here may use fsync
or fdatasync. A failing fcntl is left out: SQLite tries for ten seconds before it says that a lock cannot be had.
"""

import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.conftest import Answer, Appliance
from tests.faults.test_shortages import process_of
from tests.needed import NO_TRACE, program_of

EVERY = range(1, int(os.environ["RECNICE_FAULTS"]) + 1) if "RECNICE_FAULTS" in os.environ else (1, 3)
CALLS = (
    "pwrite64:error=ENOSPC",
    "pwrite64:error=EIO",
    "fsync:error=EIO",
    "fdatasync:error=EIO",
    "ftruncate:error=EIO",
    "openat:error=EMFILE",
)
ROUNDS = 4  # of a creation, a change, a search and a file, while calls fail


@contextmanager
def traced(appliance: Appliance, report: Path, *words: str) -> Iterator[None]:
    """Watch the system calls of a running server, each a line of the report."""
    words = (program_of("strace"), "-f", "-o", str(report), *words, "-p", str(process_of(appliance)))
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr
        if "attached" not in strace.stderr.readline():
            pytest.skip(NO_TRACE)
        try:
            yield
        finally:
            strace.send_signal(signal.SIGINT)


class Client:
    """A client that notes what was acknowledged: for each user the titles that it may have."""

    def __init__(self, appliance: Appliance) -> None:
        self.appliance = appliance
        self.titles: dict[str, set[str | None]] = {}
        self.is_unsure = False  # whether a change that was refused may be stored
        self.number = 0
        self.refused = 0

    def send(self, method: str, path: str, body: object = None) -> Answer:
        answer = self.appliance.request(method, path, body)
        assert 200 <= answer.status < 300 or answer.status == 503, f"{method} {path}: {answer.status} {answer.text}"
        if answer.status == 503:
            assert answer.headers["retry-after"], answer.headers
            self.refused += 1
        return answer

    def work(self) -> None:
        self.number += 1
        created = self.send("POST", "/scim/Users", {"userName": f"user-{self.number}@example.com"})
        if created.status == 201:
            self.titles[created.json["id"]] = {None}
        if self.titles:
            user = list(self.titles)[-1]
            change = {"Operations": [{"op": "Replace", "path": "title", "value": str(self.number)}]}
            if self.send("PATCH", f"/scim/Users/{user}", change).status != 503:
                self.titles[user] = {str(self.number)}
            elif self.is_unsure:
                self.titles[user].add(str(self.number))
        self.send("GET", '/scim/Users?filter=userName eq "user-1@example.com"'.replace(" ", "%20"))
        self.send("GET", "/static/console.css")

    def find(self, newest: int = 0) -> None:
        """Read the newest acknowledged users, or all of them (0), and the whole file."""
        for user, titles in list(self.titles.items())[-newest:]:
            answer = self.appliance.request("GET", f"/scim/Users/{user}")
            assert answer.status == 200 and answer.json.get("title") in titles, answer.text
        with closing(sqlite3.connect(f"file:{self.appliance.data}/recnice.sqlite3?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)


def test_every_nth_call_that_fails_is_a_503_and_loses_nothing(appliance: Appliance, tmp_path: Path) -> None:
    client = Client(appliance)
    client.work()
    injected = 0
    for call in CALLS:
        name = call.partition(":")[0]
        client.is_unsure = name != "pwrite64"  # what was written and not synchronized is found by SQLite's recovery
        for number in EVERY:
            report = tmp_path / "calls"
            with traced(appliance, report, "-e", f"trace={name}", "-e", f"inject={call}:when={number}+{number}"):
                for _ in range(ROUNDS):
                    client.work()
            injected += report.read_text().count("(INJECTED)")
            created = len(client.titles)
            while len(client.titles) == created:
                client.work()
            client.find(newest=20)
    assert injected > 20 and client.refused > 20, (injected, client.refused)
    appliance.kill()
    appliance.start()
    client.find()
    assert appliance.stop() == 0
    checked = appliance.command("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_change_is_synchronized_to_the_disk_before_its_answer_is_sent(appliance: Appliance, tmp_path: Path) -> None:
    report = tmp_path / "calls"
    sends = "sendto,sendmsg,write,writev"
    with traced(appliance, report, "-y", "-s", "20", "-e", f"trace=pwrite64,fsync,fdatasync,{sends}"):
        for number in range(5):
            assert appliance.request("POST", "/scim/Users", {"userName": f"user-{number}"}).status == 201
    is_synchronized, answers, syncing = False, 0, set()
    for line in report.read_text().splitlines():
        process, _, call = line.partition(" ")
        call = call.strip()
        if "recnice.sqlite3-wal>" in call and call.startswith("pwrite64"):
            is_synchronized = False
        elif "recnice.sqlite3-wal>" in call and re.match("f(data)?sync", call):
            if "unfinished" in call:
                syncing.add(process)
            else:
                is_synchronized = call.endswith("= 0")
        elif re.match(r"<\.\.\. f(data)?sync resumed", call) and process in syncing:
            syncing.discard(process)
            is_synchronized = call.endswith("= 0")
        elif "HTTP/1.1 201" in call:
            assert is_synchronized, report.read_text()
            is_synchronized = False
            answers += 1
    assert answers == 5, report.read_text()
