"""This module declares the errors of single sign-on: a short text for the user, the detail for the audit.

The person reads little, and the administrator finds the rest in the audit by the number of the request.
"""

from app.administration.errors import Refused


class Lost(Refused):
    """What came back belongs to no sign-in that is under way here."""

    def __init__(self) -> None:
        super().__init__("This sign-in has expired or was started in another browser. Start again.")


class NotLetIn(Refused):
    """The provider or the match says no."""

    def __init__(self, number: str, text: str = "You cannot sign in here. Ask your administrator") -> None:
        super().__init__(f"{text}; reference {number}.")


class Unreachable(Refused):
    """The provider cannot be spoken to at this moment."""


class NoPlace(Unreachable):
    """Too many others speak to it at this moment, so it was not asked."""

    def __init__(self) -> None:
        super().__init__("Too many sign-ins are in progress. Try again in a few seconds.")
