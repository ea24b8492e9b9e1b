"""This module declares every permission of the console and the roles that have it.

The console checks permissions before it renders a page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from app.console_roles import Role


@dataclass(frozen=True, slots=True)
class Terms:
    """The conditions of a permission. `least`: the lowest role that has it; None: every signed-in user.

    `is_local`: only administrators have it, never users with the role by the mapping. A SCIM client controls those
    users, and must not be able to change the administrators, who remain if provisioning fails. `wants_proof`: the user
    must have confirmed their identity within `bounds.PROOF_S`.
    """

    title: str
    least: Role | None
    is_local: bool = False
    wants_proof: bool = False


class Permission(Enum):
    """A permission of the console."""

    OWN = Terms("See the own profile and end own sessions", None)
    OWN_OPERATOR = Terms("Change the own password", Role.VIEWER, is_local=True)
    SECOND_FACTOR = Terms("Turn the own 2FA on and off", Role.VIEWER, is_local=True, wants_proof=True)
    SEE = Terms("See activity, users, groups, problems and settings", Role.VIEWER)
    OPERATE = Terms("Ignore problems, confirm alarms, and make attributes required here", Role.OPERATOR)
    ALARMS = Terms("Undo the removals of an alarm", Role.OWNER, wants_proof=True)
    BACK_UP = Terms("Make and verify backups", Role.OPERATOR)
    BACKUPS = Terms("Download backups", Role.OWNER, wants_proof=True)
    REMOVE_ACCESS = Terms("Disable users whose disable request from Entra was refused", Role.OWNER)
    SCHEMAS = Terms("Confirm the removal of a custom schema", Role.OWNER)
    SUPPORT = Terms("Download a support bundle", Role.OPERATOR)
    CONNECTION = Terms("Test the connection from the browser", Role.OWNER)
    AUDIT = Terms("Read and export the audit", Role.OPERATOR)
    KEYS = Terms("Create and revoke SCIM Keys and OAuth credentials", Role.OWNER, wants_proof=True)
    SOURCES = Terms("Manage the IP allow list", Role.OWNER, wants_proof=True)
    SINGLE_SIGN_ON = Terms("Set up single sign-on", Role.OWNER, wants_proof=True)
    ROLES = Terms("Manage the role mapping", Role.OWNER, wants_proof=True)
    UNCONFIRMED = Terms("Confirm users that may be another person", Role.OWNER, wants_proof=True)
    RESTORE = Terms("Restore a backup, and delete what it replaced", Role.OWNER, wants_proof=True)
    PERSONAL_DATA = Terms("Export everything about a user, and erase it permanently", Role.OWNER, wants_proof=True)
    ALERTS = Terms("Set up and test alerts", Role.OWNER, wants_proof=True)
    SETTINGS = Terms("Change settings", Role.OWNER, wants_proof=True)
    LOCAL_CHANGES = Terms("Put back, change and delete users and groups here", Role.OWNER, wants_proof=True)
    OPERATORS = Terms("Create, change and delete administrators", Role.OWNER, is_local=True, wants_proof=True)

    def is_given_to(self, role: Role | None, is_local: bool) -> bool:
        """Return whether an administrator (`is_local`) or a user by the mapping has this permission with this role."""
        terms = self.value
        if terms.is_local and not is_local:
            return False
        return terms.least is None or (role is not None and role.rank >= terms.least.rank)


def table() -> Mapping[Permission, tuple[Role, ...]]:
    """Return the roles of administrators that have each permission, for pages and documentation."""
    return {one: tuple(role for role in Role if one.is_given_to(role, is_local=True)) for one in Permission}
