"""Log lines: one event is one line, and nothing secret is in it."""

import io
import json
import logging
import sys
from typing import Any

import pytest

from app import bounds, json_log

KEY = "rcn_scim_" + "A1-_" * 10 + "abc_1a2b3c"


def line(message: str, *arguments: object, exc_info: Any = None) -> dict[str, str]:
    """What one record becomes; fails when it is more than one line."""
    record = logging.LogRecord("recnice.test", logging.WARNING, __file__, 1, message, arguments, exc_info)
    text = json_log.JsonLine().format(record)
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
        json_log.to_stderr()
        logging.getLogger("waitress.queue").warning("Task queue depth is 7")
        logging.getLogger("waitress").warning("seen")
        logging.getLogger("recnice.x").info("heard")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(False)
    assert [json.loads(text)["message"] for text in written.getvalue().splitlines()] == ["seen", "heard"]
