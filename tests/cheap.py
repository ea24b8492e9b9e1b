"""This module holds cheap substitutes for what takes most of the tests' processor time and is not their subject."""

import atexit
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, cast

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LOG_WRITTEN_AFTER_S = 0.05  # the tests wait for rows of the request log a thousand times
FILE_LOOKED_AT_EVERY_S = 0.1
COPIED_FOR_S = 20.0
EMPTY_BYTES = 4096  # the one page of a database that has no table yet
END = "-----END CERTIFICATE-----\n"


@cache
def hasher() -> "PasswordHasher":
    """Return what hashes a password at the least cost that argon2 accepts: 0.1 ms instead of 25 ms."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class CompiledTemplates(BytecodeCache):
    """Keeps each compiled template in memory for all applications: to compile one takes longer than to render it."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key, bucket.checksum] = cast(CodeType, bucket.code)


TEMPLATE_OPTIONS = {"bytecode_cache": CompiledTemplates()}


@cache
def folder() -> Path:
    """Return a scratch folder of this process and its forks."""
    made = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


@cache
def authorities() -> str:
    """Return the path of a bundle with one of certifi's authorities: reading all takes each connection 25 ms."""
    import certifi

    path = folder() / "one-authority.pem"
    path.write_text(Path(certifi.where()).read_text(encoding="utf-8").partition(END)[0] + END, encoding="utf-8")
    return str(path)


def make_database(path: Path) -> Path:
    """Write a migrated database to a path that has no file."""
    from app.store.database import migration

    path.touch(migration.FILE_MODE)
    upgrade(migration._upgrade, path)
    return path


def upgrade(real: Callable[[Path], None], path: Path) -> None:
    """Take the missing steps of a database with `real`, but copy a migrated one over an empty one: that saves 120 ms.

    The one that is copied is never old: the audit's check compares its age with what was made since.
    """
    if path.stat().st_size > EMPTY_BYTES:
        return real(path)
    template = folder() / "migrated.sqlite3"
    if not template.exists() or time.time() - template.stat().st_mtime > COPIED_FOR_S:
        newest = Path(tempfile.mkdtemp(dir=folder())) / "recnice.sqlite3"
        newest.touch()
        real(newest)
        newest.replace(template)
    copy = path.with_name(f"{path.name}.copy")  # whole or not at all, as a step is: a test may kill the process now
    shutil.copyfile(template, copy)
    copy.chmod(path.stat().st_mode)
    copy.replace(path)
