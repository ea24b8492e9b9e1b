"""This module writes log events as lines of JSON on standard error, without secrets."""

import json
import logging
import re
import sys
from datetime import UTC, datetime

from app import bounds, clock

KEY = re.compile(r"(rcn_[a-z]{2,4}_)[A-Za-z0-9_-]*")
QUERY = re.compile(r"(/[\w./%~:@+-]*)\?[^\s\"'\\<>]+")
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

    JSON escapes line breaks, so that one event is one line.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": clock.to_wire(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage())[: bounds.LOG_MESSAGE_LENGTH],
        }
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))[-bounds.LOG_TRACEBACK_LENGTH :]
        return json.dumps(line)


def to_stderr() -> None:
    """Write the events of all loggers, from level INFO, to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
