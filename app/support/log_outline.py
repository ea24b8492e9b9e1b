"""This module reduces log lines to their fixed words: a message can have the name of a user in it.

The fixed words are those of docs/reference/log-events.md, which ships with the program.
"""

import json
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from app import bounds, bundled_files
from app.support.pseudonyms import Pseudonyms

_NAME = "log-events.md"
_ROW = re.compile(r"^\| \w+ \| `([\w.]+)` \| `(.+)` \|$", re.MULTILINE)
_VARIABLE = "…"
_TEXT = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+Z) (info|warning|error|critical) ([\w.]+): (.*)")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
_LEVELS = ("info", "warning", "error", "critical")
_PLAIN = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,3})?|[0-9a-f]{16}")  # numbers, and request IDs
_FRAME = re.compile(r"File \"[^\"\n]*?(app/[a-z_/0-9]+\.py)\", line ([0-9]+)")


class LogOutline:
    """A reader of log files that keeps no value of a message but numbers and request IDs."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        # The most fixed words first: the most general one is a variable only.
        rows = _ROW.findall(_document())
        self._loggers = {logger for logger, _ in rows}
        templates = sorted(
            (template for _, template in rows), key=lambda one: len(one.replace(_VARIABLE, "")), reverse=True
        )
        self._templates = [
            (one, re.compile("(.*)".join(map(re.escape, one.split(_VARIABLE))), re.DOTALL)) for one in templates
        ]

    def lines(self, file: Path) -> list[dict[str, str]]:
        """Return the outlines of the last events in a log file, oldest first; [] if it cannot be read."""
        try:
            with file.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - bounds.SUPPORT_LOG_BYTES))
                texts = log.read(bounds.SUPPORT_LOG_BYTES).decode("utf-8", "replace").splitlines()
        except OSError:
            return []
        return list(self._outlines(texts))[-bounds.SUPPORT_LOG_LINES :]

    def message(self, text: str) -> str:
        """Return a message with a pseudonym in each place where its template has a variable."""
        for template, pattern in self._templates:
            if match := pattern.fullmatch(text):
                fixed = template.split(_VARIABLE)
                values = [*map(self._value, match.groups()), ""]
                return "".join(words + value for words, value in zip(fixed, values, strict=True))
        return self._value(text)

    def _value(self, text: str) -> str:
        return text if _PLAIN.fullmatch(text) else self._pseudonyms.of("text", text)

    def _outlines(self, texts: list[str]) -> Iterator[dict[str, str]]:
        for text in texts:
            fields = _fields(text)
            if not (_TIME.fullmatch(fields.get("time", "")) and fields.get("level") in _LEVELS):
                continue
            logger = fields.get("logger", "")
            yield {
                "time": fields["time"],
                "level": fields["level"],
                "logger": logger if logger in self._loggers else self._value(logger),
                "message": self.message(fields.get("message", "")),
                "frames": " ".join(_frames(fields.get("traceback", ""))),
            }


def _fields(line: str) -> dict[str, str]:
    if match := _TEXT.fullmatch(line):
        return dict(zip(("time", "level", "logger", "message"), match.groups(), strict=True))
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return {key: value for key, value in read.items() if isinstance(value, str)} if isinstance(read, dict) else {}


def _frames(traceback: str) -> Iterator[str]:
    """Yield the lines of this program in a traceback. An exception's text can have the form of a frame."""
    for path, line in _FRAME.findall(traceback):
        with suppress(ImportError):
            if find_spec(path.removesuffix(".py").replace("/", ".")):
                yield f"{path}:{line}"


def _document() -> str:
    if bundled_files.FROZEN:
        with zipfile.ZipFile(bundled_files.HELP_ARCHIVE) as archive:
            return archive.read(f"docs/reference/{_NAME}").decode("utf-8")
    return (bundled_files.REFERENCE / _NAME).read_text("utf-8")
