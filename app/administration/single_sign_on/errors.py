"""This module declares the errors of single sign-on.

Their texts for users are short; an administrator finds the details in the audit by the request ID.
"""

from app.administration.errors import Refused


class Lost(Refused):
    """The response of the provider belongs to no sign-in in progress."""

    def __init__(self) -> None:
        super().__init__("This sign-in has expired or was started in another browser. Start again.")


class SignInRefused(Refused):
    """The provider refused the sign-in, or no active user matches."""

    def __init__(self, number: str, text: str = "You cannot sign in here. Ask your administrator") -> None:
        super().__init__(f"{text}; reference {number}.")


class Unreachable(Refused):
    """The provider does not respond correctly at the moment."""


class NoPlace(Unreachable):
    """Too many requests to the provider are in progress, so none was sent."""

    def __init__(self) -> None:
        super().__init__("Too many sign-ins are in progress. Try again in a few seconds.")
