"""This module decides what happens to a test whose Debian package is not installed."""

import os
import shutil

import pytest

NO_DISK = "no disk can be mounted here"
NO_TRACE = "no process may be traced here"
REFUSALS = (NO_DISK, NO_TRACE)
"""Why a test is skipped where the system, such as a container, refuses the fault that the test needs."""


def need(is_present: object, package: str) -> None:
    """Skip the test without the package; with CI=true in the environment, fail it."""
    if is_present:
        return
    reason = f"{package} is not installed: apt-get install {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def program_of(package: str) -> str:
    """Return the path of the program that has its package's name; see `need` for a missing one."""
    # /usr/sbin is not in the PATH of an ordinary user of Debian.
    path = shutil.which(package) or shutil.which(package, path="/usr/sbin")
    need(path, package)
    return str(path)
