"""This module reads an administrator's schema file and names each fault with its place."""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import bounds
from app.scim.data_types import Text
from app.scim.errors import ScimError, shown
from app.scim.json_body import read_json


class SchemaFileError(Exception):
    """A file of the `schemas` folder cannot be used; the message is one line for the administrator."""


@dataclass(frozen=True, slots=True)
class Part:
    """One JSON object of a file; `path` leads to it from the file's root. Every method raises SchemaFileError."""

    file: str
    path: str
    members: dict[str, Any]

    def wrong(self, name: str, expected: str, got: str = "") -> SchemaFileError:
        """Return the error for a wrong member; `expected` says what the name requires, `got` is "" for its value."""
        got = got or (shown(self.members[name]) if self.members.get(name) is not None else "none")
        return SchemaFileError(f"schemas/{self.file}: {self._at(name)}: expected {expected}, got {got}")

    def only(self, names: Collection[str]) -> None:
        """Refuse an unknown name, since it is usually a mistake."""
        for name in self.members:
            if name not in names:
                raise self.wrong(name, f"one of {', '.join(names)}", "this name")

    def text(self, name: str, default: str | None, limit: int, pattern: re.Pattern[str] | None = None) -> str:
        """Return a text of at most `limit` characters; required if there is no default. Empty counts as missing."""
        value = self.members.get(name)
        if value in (None, "") and default is not None:
            return default
        if not isinstance(value, str) or not value or len(value) > limit:
            raise self.wrong(name, f"a text of at most {limit} characters")
        if Text.forbidden.search(value):
            raise self.wrong(name, "a text without control characters")
        if pattern and not pattern.match(value):
            raise self.wrong(name, f"a text like {pattern.pattern.removesuffix(_END)}")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false; false if the name is missing."""
        value = self.members.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return bool(value)

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        value = self.members.get(name)
        if value is None:
            return default
        if not isinstance(value, str) or value not in choices:
            raise self.wrong(name, f"one of {', '.join(choices)}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; empty if the name is missing."""
        value = self.members.get(name) or []
        is_list = isinstance(value, list) and len(value) <= bounds.SCHEMA_LIST_LENGTH
        if not is_list or not all(_is_plain(one) for one in value):
            raise self.wrong(name, f"a list of at most {bounds.SCHEMA_LIST_LENGTH} texts")
        return tuple(value)

    def parts(self, name: str) -> Iterator["Part"]:
        """Yield the objects of a list; none if the name is missing."""
        value = self.members.get(name) or []
        if not isinstance(value, list) or len(value) > bounds.SCHEMA_LIST_LENGTH:
            raise self.wrong(name, f"a list of at most {bounds.SCHEMA_LIST_LENGTH} objects")
        for number, one in enumerate(value):
            path = f"{self._at(name)}[{number}]"
            if not isinstance(one, dict):
                raise SchemaFileError(f"schemas/{self.file}: {path}: expected an object, got {shown(one)}")
            yield Part(self.file, path, one)

    def _at(self, name: str) -> str:
        name = name if name.isprintable() and len(name) <= bounds.SCHEMA_NAME_LENGTH else "(a name)"
        return f"{self.path}.{name}" if self.path else name


_END = r"\Z"


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= bounds.TEXT_LENGTH and not Text.forbidden.search(value)


def read_folder(folder: Path) -> list[Part]:
    """Return the `*.json` files of a folder by name, each an object. Raises what `contents` raises."""
    return [_parse(path, content) for path, content in contents(folder).items()]


def contents(folder: Path) -> dict[Path, bytes]:
    """Return the `*.json` files of a folder in the order of their names; none if the folder does not exist.

    A broken link is not a missing folder: the values of its attributes would be lost. Raises SchemaFileError.
    """
    try:
        if not os.path.lexists(folder):
            return {}
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".json" and path.name[0] != ".")
        for path in paths:
            if not path.is_file():
                raise SchemaFileError(f"{path}: expected a regular file")
        if len(paths) > bounds.SCHEMA_FILES:
            raise SchemaFileError(f"{folder}: expected at most {bounds.SCHEMA_FILES} files, got {len(paths)}")
        return {path: _read(path) for path in paths}
    except OSError as error:
        raise SchemaFileError(f"{error.filename or folder}: {error.strerror or error}") from None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(bounds.SCHEMA_FILE_BYTES + 1)
    if len(content) > bounds.SCHEMA_FILE_BYTES:
        raise SchemaFileError(f"schemas/{path.name}: expected at most {bounds.SCHEMA_FILE_BYTES} bytes, got more")
    return content


def _parse(path: Path, content: bytes) -> Part:
    try:
        document = read_json(content)
    except ScimError as error:
        raise SchemaFileError(f"schemas/{path.name}: {error.detail.removeprefix('body: ')}") from None
    if not isinstance(document, dict):
        raise SchemaFileError(f"schemas/{path.name}: expected an object, got {shown(document)}")
    return Part(path.name, "", document)
