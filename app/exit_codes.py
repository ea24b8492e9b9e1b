"""This module declares the exit codes (the numbers of sysexits.h) and the error that carries one."""

DONE = 0
FAILED = 1
USAGE = 2
TRY_AGAIN = 75
CONFIGURATION = 78


class CommandError(Exception):
    """A command ends here: one line for the administrator, and the exit code."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code
