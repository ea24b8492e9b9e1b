"""This module searches files for values, byte by byte, also in what SQLite no longer uses."""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from app.store.erasure.person import spellings

_CHUNK_BYTES = 1 << 20


def find(paths: Iterable[Path], values: Collection[str], leave_if_stopping: Callable[[], None]) -> dict[Path, set[str]]:
    """Return the values that each file has in one of their spellings, without regard to the case of ASCII letters."""
    wanted = {(text.encode().lower(), value) for value in values for text in spellings(value)}
    overlap = max((len(text) for text, _ in wanted), default=1) - 1
    there: dict[Path, set[str]] = {}
    for path in paths:
        tail = b""
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                leave_if_stopping()
                content = tail + chunk.lower()
                if here := {value for text, value in wanted if text in content}:
                    there.setdefault(path, set()).update(here)
                tail = content[-overlap:] if overlap else b""
    return there
