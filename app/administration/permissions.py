"""This module declares every permission of the console and the roles that have it.

The console asks it before any page is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from app.console_roles import Role


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms something is permitted. `least`: the smallest role that may; None: everybody who is signed in.

    `is_local`: only operators of this appliance, never those who have the role by the mapping: a SCIM client decides
    who they are, and must not get at the operators who remain when it goes wrong. `wants_proof`: whoever does it must
    have shown within `bounds.PROOF_S` who they are.
    """

    title: str
    least: Role | None
    is_local: bool = False
    wants_proof: bool = False


class Permission(Enum):
    """Everything that there is to permit."""

    OWN = Terms("See the own profile and end own sessions", None)
    OWN_OPERATOR = Terms("Change the own password", Role.VIEWER, is_local=True)
    SECOND_FACTOR = Terms("Turn the own 2FA on and off", Role.VIEWER, is_local=True, wants_proof=True)
    SEE = Terms("See activity, users, groups, problems and settings", Role.VIEWER)
    OPERATE = Terms("Ignore problems, and make attributes required here", Role.OPERATOR)
    REMOVE_ACCESS = Terms("Disable users whose disable request from Entra was refused", Role.OWNER)
    SCHEMAS = Terms("Confirm the removal of a custom schema", Role.OWNER)
    AUDIT = Terms("Read and export the audit", Role.OPERATOR)
    KEYS = Terms("Create and revoke SCIM Keys and OAuth credentials", Role.OWNER, wants_proof=True)
    SOURCES = Terms("Manage the IP allow list", Role.OWNER, wants_proof=True)
    SINGLE_SIGN_ON = Terms("Set up single sign-on", Role.OWNER, wants_proof=True)
    ROLES = Terms("Manage the role mapping", Role.OWNER, wants_proof=True)
    UNCONFIRMED = Terms("Confirm users that may be another person", Role.OWNER, wants_proof=True)
    OPERATORS = Terms("Create, change and delete administrators", Role.OWNER, is_local=True, wants_proof=True)

    def is_given_to(self, role: Role | None, is_local: bool) -> bool:
        """Whether somebody with this role, local or by the mapping, may do it at all."""
        terms = self.value
        if terms.is_local and not is_local:
            return False
        return terms.least is None or (role is not None and role.rank >= terms.least.rank)


def table() -> Mapping[Permission, tuple[Role, ...]]:
    """For each permission the roles of local operators that have it; for pages and documentation."""
    return {one: tuple(role for role in Role if one.is_given_to(role, is_local=True)) for one in Permission}
