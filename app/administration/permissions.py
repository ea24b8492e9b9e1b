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

    OWN = Terms("See one's own profile, and end one's own sessions", None)
    OWN_OPERATOR = Terms("Change one's own password", Role.VIEWER, is_local=True)
    SECOND_FACTOR = Terms("Turn one's own second factor on and off", Role.VIEWER, is_local=True, wants_proof=True)
    SEE = Terms("See what Entra did, users, groups, problems and settings", Role.VIEWER)
    OPERATE = Terms("Set problems aside, and make attributes strict", Role.OPERATOR)
    REMOVE_ACCESS = Terms("Disable users here whom a refused request should have disabled", Role.OWNER)
    SCHEMAS = Terms("Confirm that an own schema was removed on purpose", Role.OWNER)
    AUDIT = Terms("Read and export the audit", Role.OPERATOR)
    KEYS = Terms("Make and stop SCIM Keys and OAuth credentials", Role.OWNER, wants_proof=True)
    SOURCES = Terms("Say from which addresses SCIM is reached", Role.OWNER, wants_proof=True)
    SINGLE_SIGN_ON = Terms("Set up single sign-on", Role.OWNER, wants_proof=True)
    ROLES = Terms("Say which app role or group gives which role", Role.OWNER, wants_proof=True)
    UNCONFIRMED = Terms("Decide about users that may be another person", Role.OWNER, wants_proof=True)
    OPERATORS = Terms("Make, change and remove operators", Role.OWNER, is_local=True, wants_proof=True)

    def is_given_to(self, role: Role | None, is_local: bool) -> bool:
        """Whether somebody with this role, local or by the mapping, may do it at all."""
        terms = self.value
        if terms.is_local and not is_local:
            return False
        return terms.least is None or (role is not None and role.rank >= terms.least.rank)


def table() -> Mapping[Permission, tuple[Role, ...]]:
    """For each permission the roles of local operators that have it; for pages and documentation."""
    return {one: tuple(role for role in Role if one.is_given_to(role, is_local=True)) for one in Permission}
