"""This module declares the exit codes (the numbers of sysexits.h) and the error that carries one."""

DONE = 0  # The command did what its name says; the server stopped in order.
FAILED = 1  # The command failed, or `check` found a fault; the server was stopped a second time while it was stopping.
USAGE = 2  # An option or argument on the command line is wrong.
TRY_AGAIN = 75  # The data folder or the port is in use, the disk is full, or no server answered: try again later.
CONFIGURATION = 78  # A setting, a schema file, the data folder or the database cannot be used: fix it first.


class CommandError(Exception):
    """A command ends here: one line for the administrator, and the exit code."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code
