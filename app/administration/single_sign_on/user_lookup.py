"""This module finds the one user whose externalId identifies the bearer of an ID token.

With Entra, that is the object ID (`oid`, in the configured tenant, which app/openid has verified), otherwise the
subject (`sub`, of the configured issuer). It is never an e-mail address, a UPN or a name: they can be changed or
assigned to another person. They only help to tell an administrator which user was probably meant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.openid.id_token import Claims
from app.scim.errors import shown
from app.scim.resource_types import name_of
from app.scim.value_comparison import normalize_text
from app.store.access import sign_in_users
from app.store.access.sign_in_users import SignInUser
from app.store.database.directory_database import Connection


class Reason(StrEnum):
    """The reason why no user matches, or the matching user cannot sign in; "" for a user who can."""

    NONE = ""
    NO_OBJECT_ID = "no-object-id"
    NOBODY = "nobody"
    TWICE = "twice"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Match:
    """The result of a lookup. `person` is the user who can sign in, or None with the reason `because` as a sentence.

    `identifier` is the value that was looked up. `name` is the name of the matching user, also of a disabled one.
    """

    identifier: str
    person: SignInUser | None = None
    reason: Reason = Reason.NONE
    because: str = ""
    name: str = ""


def find(connection: Connection, claims: Claims) -> Match:
    """Return the match for verified claims."""
    identifier = claims.object_id.lower() if claims.tenant else claims.subject
    if not identifier:
        because = "The token has no object ID (oid): the scope profile must be allowed for this application."
        return Match("", None, Reason.NO_OBJECT_ID, because)
    spellings = {identifier, identifier.upper()} if claims.tenant else {identifier}  # a GUID in upper or lower case
    having = sign_in_users.with_value(connection, "externalId", spellings, limit=2)
    match = judge(identifier, having)
    if match.reason is Reason.NOBODY:
        return Match(identifier, None, Reason.NOBODY, _explain(connection, claims))
    return match


def judge(identifier: str, having: Sequence[SignInUser]) -> Match:
    """Return the match: exactly one user has the identifier, and is active. `having` needs at most two users."""
    if not having:
        return Match(identifier, None, Reason.NOBODY)
    if len(having) > 1:
        both = " and ".join(person.user_name for person in having)
        return Match(identifier, None, Reason.TWICE, f"More than one user has this externalId: {both}.")
    [person] = having
    name = name_of(person.document)
    if not person.is_active:
        return Match(identifier, None, Reason.DISABLED, f"{person.user_name} is disabled.", name)
    return Match(identifier, person, name=name)


def _explain(connection: Connection, claims: Claims) -> str:
    """Return a sentence about the user that was probably meant, and why it does not match."""
    source, what = ("objectId", "object ID") if claims.tenant else ("the subject (sub)", "subject")
    login = next((name for name in (claims.username, claims.shown.get("upn", "")) if name), "")
    nickname = login.partition("@")[0]
    near = _nearest(connection, login, nickname) if login else None
    if near is None:
        return f"No provisioned user has this {what} as externalId. Is the person assigned to the provisioning app?"
    external_id, name = near.document.get("externalId"), near.user_name
    if not external_id:
        return f"{name} has no externalId; map {source} to externalId in the provisioning app."
    kind = ", the mail nickname" if external_id in (nickname, name.partition("@")[0]) else ""
    return f"externalId of {name} is {shown(external_id)}{kind}; map {source} to externalId in the provisioning app."


def _nearest(connection: Connection, login: str, nickname: str) -> SignInUser | None:
    users = sign_in_users.with_value(connection, "userName", [normalize_text(login)], limit=1)
    if not users and nickname:
        users = sign_in_users.with_value(connection, "externalId", [nickname], limit=1)
    return users[0] if users else None
