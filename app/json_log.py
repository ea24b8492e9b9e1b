"""This module writes log events as lines of JSON on standard error, without secrets.

That says the code that logs.
"""

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
    "flask_wtf.csrf": logging.WARNING,  # one line a stranger's form
}


def redact(text: str) -> str:
    """The text with every SCIM Key (also half a one) and every query string of an address cut out.

    A filter in a query string names people; a setup link carries its code there.
    """
    return QUERY.sub(r"\1?[query]", KEY.sub(r"\1[key]", text))


class JsonLine(logging.Formatter):
    """`{"time", "level", "logger", "message"}` and after an exception `"traceback"`; JSON escapes line breaks."""

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
    """Send every logger's lines from INFO on to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
