"""This module holds cheap substitutes for what takes most of the tests' processor time and is not their subject."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LOG_WRITTEN_AFTER_S = 0.05  # the tests wait for rows of the request log a thousand times
END = "-----END CERTIFICATE-----\n"


@cache
def hasher() -> "PasswordHasher":
    """Return what hashes a password at the least cost that argon2 accepts: 0.1 ms instead of 25 ms."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@cache
def authorities() -> str:
    """Return the path of a bundle with one of certifi's authorities: reading all takes each connection 25 ms."""
    import certifi

    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "one-authority.pem"
    path.write_text(Path(certifi.where()).read_text(encoding="utf-8").partition(END)[0] + END, encoding="utf-8")
    return str(path)
