"""This module declares the exit codes (numbers of sysexits.h) and the error that has one."""

import errno

DONE = 0  # The command succeeded; the server stopped in order.
FAILED = 1  # The command failed, or `check` found a problem; the server received a second signal while it was stopping.
USAGE = 2  # An option or argument on the command line is invalid.
TRY_AGAIN = 75  # The folder, database or port is in use, disk or memory is full, or no server answered: try later.
CONFIGURATION = 78  # A setting, a schema file, the data folder or the database cannot be used: fix it first.

_FULL = (errno.ENOSPC, errno.EDQUOT)


class CommandError(Exception):
    """A command failed. The text is one line for the administrator; `code` is the exit code."""

    code = FAILED

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code or self.code


def of_system_error(error: OSError) -> int:
    """Return TRY_AGAIN for a full disk, which a service manager should try again, else CONFIGURATION."""
    return TRY_AGAIN if error.errno in _FULL else CONFIGURATION
