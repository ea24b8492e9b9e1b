"""This module writes log events as JSON or text on standard error or into a file, without secrets."""

import json
import logging
import re
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from app import bounds, clock

KEY = re.compile(r"(rcn_[a-z]{2,4}_)[A-Za-z0-9_-]*")
QUERY = re.compile(r"(/[\w./%~:@+-]*)\?[^\s\"'\\<>]+")
VARIABLE = re.compile(r"[0-9a-fA-F-]{8,}|[0-9]+")  # ids and numbers, which do not tell two causes apart
REPEATED = "repeated"
QUIET = {
    "waitress.queue": logging.ERROR,
    "alembic": logging.WARNING,
    "flask_wtf.csrf": logging.WARNING,  # it logs one line for each form of an unauthenticated client
}


def redact(text: str) -> str:
    """Return the text without SCIM Keys (also incomplete ones) and without query strings of URLs.

    A filter in a query string contains personal data; the query string of a setup link contains its code.
    """
    return QUERY.sub(r"\1?[query]", KEY.sub(r"\1[key]", text))


class JsonLine(logging.Formatter):
    """A formatter of JSON lines: `{"time", "level", "logger", "message"}`, and `"traceback"` after an exception.

    JSON escapes line breaks, so that one event is one line. `"repeated"` is how many events a line is for, if more.
    """

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.fields(record))

    def fields(self, record: logging.LogRecord) -> dict[str, str | int]:
        """Return the fields of the line."""
        line: dict[str, str | int] = {
            "time": clock.to_wire(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage())[: bounds.LOG_MESSAGE_LENGTH],
        }
        if repeated := getattr(record, REPEATED, 0):
            line["repeated"] = repeated
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))[-bounds.LOG_TRACEBACK_LENGTH :]
        return line


class TextLine(JsonLine):
    """A formatter of the same fields as text: `TIME LEVEL LOGGER: MESSAGE`. A traceback follows in indented lines.

    A message cannot forge another event, since its line breaks and other control characters are escaped.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = self.fields(record)
        repeated = f" ({line['repeated']} more)" if "repeated" in line else ""
        traceback = "".join(f"\n    {part}" for part in map(_escaped, str(line.get("traceback", "")).splitlines()))
        return f"{line['time']} {line['level']} {line['logger']}: {_escaped(str(line['message']))}{repeated}{traceback}"


def _escaped(text: str) -> str:
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


FORMATTERS: Mapping[str, type[JsonLine]] = {"json": JsonLine, "text": TextLine}
"""The formatters by the value of the setting `log_format`."""


class OncePerMinute(logging.Handler):
    """A handler that passes on one warning or error of each cause in a minute, and then how many more there were.

    A full disk causes hundreds of equal events a second, and their lines would fill the disk with the log. `clock`
    counts seconds.
    """

    def __init__(self, target: logging.Handler, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._target = target
        self._clock = clock
        self._causes: dict[tuple[str, int, str], tuple[float, int, logging.LogRecord]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        now = self._clock()
        self._pass_on_counts(now - bounds.LOG_REPEATED_S)
        if record.levelno >= logging.WARNING:
            kind = record.exc_info[0] if record.exc_info else None
            message = VARIABLE.sub("", record.getMessage())[: bounds.LOG_MESSAGE_LENGTH]
            cause = (record.name, record.levelno, f"{kind} {message}")
            if cause in self._causes:
                began, count, _ = self._causes[cause]
                self._causes[cause] = began, count + 1, record
                return
            if len(self._causes) < bounds.LOG_CAUSES:
                self._causes[cause] = now, 0, record
        self._target.handle(record)

    def _pass_on_counts(self, began_before: float) -> None:
        """Pass on the newest event of each cause whose minute is over, if there were more than one."""
        while self._causes:
            cause, (began, count, record) = next(iter(self._causes.items()))
            if began > began_before:
                return
            del self._causes[cause]
            if count:
                setattr(record, REPEATED, count)
                self._target.handle(record)

    def close(self) -> None:
        """Pass on all counts; the logging module calls this when the program ends."""
        with self.lock or nullcontext():
            self._pass_on_counts(float("inf"))
        self._target.close()
        super().close()


class _RotatedFile(RotatingFileHandler):
    """A file that is renamed when it is large; a full disk loses lines, and ends nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=bounds.LOG_FILE_BYTES, backupCount=bounds.LOG_FILES_KEPT, encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the name is logging's
        pass


def start(file: Path | None = None, form: str = "json", level: str = "info") -> None:
    """Write the events of all loggers, from a level on: to standard error, or into a file that is rotated.

    Raises OSError for a file that cannot be opened.
    """
    target = _RotatedFile(file) if file else logging.StreamHandler(sys.stderr)
    target.setFormatter(FORMATTERS[form]())
    logging.basicConfig(handlers=[OncePerMinute(target)], force=True)
    logging.captureWarnings(True)
    set_level(level)


def set_level(level: str) -> None:
    """Write the events of all loggers from another level on: `info`, `warning` or `error`."""
    least = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger().setLevel(least)
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, least))
