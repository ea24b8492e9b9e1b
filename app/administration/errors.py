"""This module declares the errors with which administration refuses an action."""

from app.quantities import counted


class Refused(Exception):  # noqa: N818
    """A rule forbids the action. The text is one sentence for the user, without secrets."""


class Slowed(Refused):
    """Too many attempts failed. `retry_after_s`: seconds until the next attempt. `hint`: what is possible meanwhile."""

    why = "Too many failed sign-ins."

    def __init__(self, retry_after_s: int, hint: str = "") -> None:
        minutes = -(-retry_after_s // 60)
        wait = counted(retry_after_s, "second") if retry_after_s < 60 else counted(minutes, "minute")
        super().__init__(f"{self.why} Try again in {wait}. {hint}".strip())
        self.retry_after_s = retry_after_s


class Busy(Slowed):
    """Too many sign-ins are in progress; nothing was checked, and no attempt is counted."""

    why = "Too many sign-ins are in progress."


class Ended(Refused):
    """The session, or the sign-in in progress, has ended: the user must start again at the sign-in page."""


class Withdrawn(Exception):  # noqa: N818
    """The user had the permission when the request was received, but no longer has it; nothing was changed.

    It is not a subclass of Refused, since the page must not be displayed to the user again with a message.
    """
