"""This module declares the console roles in ascending order.

What each may do says app/administration/permissions.py.
"""

from enum import StrEnum


class Role(StrEnum):
    """A role as it is kept and shown; a greater one may do all that a smaller one may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        """Its place, 0 for the least."""
        return list(Role).index(self)
