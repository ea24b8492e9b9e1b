"""Log lines: one event is one line, and nothing secret is in it."""

import io
import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from app import bounds, log_events

KEY = "rcn_scim_" + "A1-_" * 10 + "abc_1a2b3c"


def line(message: str, *arguments: object, exc_info: Any = None) -> dict[str, str]:
    """What one record becomes; fails when it is more than one line."""
    record = logging.LogRecord("recnice.test", logging.WARNING, __file__, 1, message, arguments, exc_info)
    text = log_events.JsonLine().format(record)
    assert "\n" not in text and "\r" not in text and text.isascii()
    found: dict[str, str] = json.loads(text)
    return found


def test_a_line() -> None:
    found = line("hello %s", "world")
    assert found.pop("time").endswith("Z")
    assert found == {"level": "warning", "logger": "recnice.test", "message": "hello world"}


@pytest.mark.parametrize("text", [f"Authorization: Bearer {KEY}", f"'{KEY}'", f"x{KEY[:20]}", f"{KEY},{KEY}"])
def test_no_key_is_ever_in_a_line(text: str) -> None:
    message = line("seen: %s", text)["message"]
    assert "A1-_" not in message and "rcn_scim_[key]" in message


def test_no_key_is_in_a_traceback() -> None:
    try:
        raise ValueError(f"bad key {KEY}")
    except ValueError:
        found = line("failed", exc_info=sys.exc_info())
    assert "A1-_" not in found["traceback"] and "ValueError" in found["traceback"]


def test_no_query_string_is_in_a_line() -> None:
    message = line("GET /scim/Users?filter=userName%20eq%20%22ada%22 from 127.0.0.1")["message"]
    assert message == "GET /scim/Users?[query] from 127.0.0.1"
    assert "code" not in line("http://127.0.0.1:7644/setup?code=abc")["message"]
    assert line("SELECT 1 WHERE id = ?")["message"] == "SELECT 1 WHERE id = ?"


def test_an_event_is_one_line_and_not_a_long_one() -> None:
    message = line("a\r\n{}" + "x" * 10_000)["message"]
    assert message.startswith("a\r\n{}x") and len(message) == bounds.LOG_MESSAGE_LENGTH


def test_all_loggers_go_to_standard_error_and_waitress_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    try:
        log_events.start()
        logging.getLogger("waitress.queue").warning("Task queue depth is 7")
        logging.getLogger("waitress").warning("seen")
        logging.getLogger("recnice.x").info("heard")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(False)
    assert [json.loads(text)["message"] for text in written.getvalue().splitlines()] == ["seen", "heard"]


def test_a_line_of_text() -> None:
    def text(message: str, exc_info: Any = None) -> str:
        record = logging.LogRecord("recnice.test", logging.WARNING, __file__, 1, message, (), exc_info)
        setattr(record, log_events.REPEATED, 3)
        return log_events.TextLine().format(record)

    forged = text(f"a\n2026-11-30T09:00:00.000Z critical recnice.serve: b\x1b[2J {KEY}")
    assert re.fullmatch(
        r"\S+Z warning recnice\.test: a\\n2026\S+ critical .* b\\x1b\[2J rcn_scim_\[key\] \(3 more\)", forged
    )
    try:
        raise ValueError(f"bad key {KEY}\nline")
    except ValueError:
        lines = text("failed", sys.exc_info()).splitlines()
    assert lines[-2:] == ["    ValueError: bad key rcn_scim_[key]", "    line"]
    assert all(line.startswith("    ") for line in lines[1:])


@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_events_below_the_level_are_left_out(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root, quiet = logging.getLogger(), logging.getLogger("alembic")
    handlers, former = root.handlers[:], root.level
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    try:
        log_events.start(None, "text", level)
        for number in (logging.INFO, logging.WARNING, logging.ERROR):
            for logger in (logging.getLogger("recnice.x"), quiet):
                logger.log(number, "event")
    finally:
        root.handlers[:] = handlers
        root.setLevel(former)
        quiet.setLevel(logging.NOTSET)
        logging.captureWarnings(False)
    words = [line.split()[1:3] for line in written.getvalue().splitlines()]
    levels = ["info", "warning", "error"]
    kept = [[one, logger] for one in levels[levels.index(level) :] for logger in ("recnice.x:", "alembic:")]
    assert words == [pair for pair in kept if pair != ["info", "alembic:"]]


class Lines(logging.Handler):
    """The lines of what a handler gets."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, int | None]] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = json.loads(log_events.JsonLine().format(record))
        self.lines.append((line["message"], line.get("repeated")))


def test_a_cause_is_one_line_a_minute_and_a_count() -> None:
    now, lines = 0.0, Lines()
    handler = log_events.OncePerMinute(lines, lambda: now)

    def say(message: str, level: int = logging.ERROR) -> None:
        handler.handle(logging.LogRecord("recnice.test", level, __file__, 1, message, (), None))

    for number in range(1_000):
        say("the disk is full")
        say(f"request {number:016x} refused", logging.WARNING)
    say("another cause")
    for _ in range(2):
        say("heard", logging.INFO)
    first = [("the disk is full", None), (f"request {0:016x} refused", None), ("another cause", None)]
    assert lines.lines == [*first, ("heard", None), ("heard", None)]
    lines.lines.clear()
    now = 59.0
    say("the disk is full")
    assert lines.lines == []
    now = 60.0
    say("heard", logging.INFO)
    assert lines.lines == [("the disk is full", 1_000), (f"request {999:016x} refused", 999), ("heard", None)]
    say("the disk is full")
    say("the disk is full")
    handler.close()
    assert lines.lines[3:] == [("the disk is full", None), ("the disk is full", 1)]


def test_a_log_file_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LOG_FILE_BYTES", 1_000)
    monkeypatch.setattr(bounds, "LOG_FILES_KEPT", 2)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        log_events.start(tmp_path / "log")
        for number in range(100):
            logging.getLogger("recnice.x").info("event %d", number)
        assert sorted(file.name for file in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
        assert "event 99" in (tmp_path / "log").read_text()
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(False)
