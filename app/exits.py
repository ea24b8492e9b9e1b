"""Exit codes, a contract that service managers and scripts rely on (numbers of sysexits.h), and the error that has one.

Not here: which error of the floors below has which code (cli.py).
"""

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
