"""This module declares the errors by which administration refuses an act."""


class Refused(Exception):  # noqa: N818
    """A rule says no. The text is one plain sentence for the person who asked; it never holds a secret."""


class Slowed(Refused):
    """Too many failures. `retry_after_s`: whole seconds until another try. `hint`: what is possible meanwhile."""

    why = "Too many failed sign-ins."

    def __init__(self, retry_after_s: int, hint: str = "") -> None:
        minutes = -(-retry_after_s // 60)
        wait = f"{retry_after_s} seconds" if retry_after_s < 60 else f"{minutes} minute{'s' if minutes > 1 else ''}"
        super().__init__(f"{self.why} Try again in {wait}. {hint}".strip())
        self.retry_after_s = retry_after_s


class Busy(Slowed):
    """Too many people sign in at the same moment; nothing was looked at, and nothing is counted."""

    why = "Too many sign-ins are in progress."


class Ended(Refused):
    """The session, or the sign-in that was begun, is over: the way on begins at the sign-in page."""


class Withdrawn(Exception):  # noqa: N818
    """Whoever asked was permitted to when they asked, and is not any more; nothing was changed.

    Not Refused: no page is shown to them again with a sentence in it.
    """
