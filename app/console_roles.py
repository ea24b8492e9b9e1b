"""This module declares the console roles in ascending order.

See also: app/administration/permissions.py (what each role may do).
"""

from enum import StrEnum


class Role(StrEnum):
    """A role as it is stored and displayed. A higher role includes all permissions of a lower one."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        """The position of the role in ascending order, from 0."""
        return _ASCENDING.index(self)


_ASCENDING = tuple(Role)
