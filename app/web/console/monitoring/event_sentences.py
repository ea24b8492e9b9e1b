"""This module declares the sentences about changes, actions and refusals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.scim.differences import Change

ANY: Final = object()
SOME: Final = object()
NONE: Final = None

_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"


@dataclass(frozen=True, slots=True)
class Rule:
    """A sentence for changes at `path` ("" for every path) whose old and new values match.

    `says` follows the resource's name and may contain {attribute}, {old} and {new}. If it begins with {attribute}, it
    is not a clause, and a comma precedes it.
    """

    path: str
    says: str
    old: Any = ANY
    new: Any = ANY

    @property
    def is_clause(self) -> bool:
        return not self.says.startswith("{attribute}")

    def fits(self, change: Change) -> bool:
        """Return whether the rule matches a change."""
        is_here = self.path in ("", change.attribute)
        return is_here and _is_like(self.old, change.old) and _is_like(self.new, change.new)


RULES = (
    Rule("active", "was disabled", new=False),
    Rule("active", "was enabled again", old=False, new=True),
    Rule("active", "was enabled", new=True),
    Rule("displayName", "is now called {new}", new=SOME),
    Rule("userName", "has a new sign-in name: {new}", new=SOME),
    Rule(_ENTERPRISE + "department", "moved from {old} to {new}", old=SOME, new=SOME),
    Rule(_ENTERPRISE + "department", "is now in {new}", old=NONE),
    Rule(_ENTERPRISE + "department", "is no longer in {old}", new=NONE),
    Rule("title", "{attribute}: {old} → {new}", old=SOME, new=SOME),
    Rule(_ENTERPRISE + "manager.value", "has a new manager: {new}", new=SOME),
    Rule(_ENTERPRISE + "manager.value", "no longer has a manager", new=NONE),
    Rule('emails[type eq "work"].value', "has a new e-mail address: {new}", new=SOME),
    Rule("", "{attribute}: {old} → {new}", old=SOME, new=SOME),
    Rule("", "{attribute}: {new}", new=SOME),
    Rule("", "{attribute}: {old} was removed"),
)
"""The rules in order: the first that matches a change is used, and changes of earlier rules are named first, since
space is limited."""

VERBS: Mapping[str, str] = {"create": "{who} was created", "delete": "{who} was deleted"}

ACTIONS: Mapping[str, str] = {
    "": "{method} {path}",
    "probe": "Connection check (Test Connection or the start of a sync)",
    "list": "Entra listed {kind}",
    "read": "Entra read {who}",
    "schema": "Entra asked what this service offers ({path})",
    "create": "{who} was created",
    "change": "{who} was changed",
    "confirm": "{who} already had these values, so nothing changed",
    "disable": "{who} was disabled",
    "enable": "{who} was enabled again",
    "delete": "{who} was deleted",
    "bulk": "A bulk request",
}
"""The sentences for requests that changed nothing, or whose history no longer exists."""

UNSTORED = "Nothing changed for {who}, because these attributes are not stored here: {attribute}"
"""The sentence for "confirm" if the names that were sent are not stored here."""

MATCHED, UNMATCHED = "Entra looked up {who}", "Entra looked up {who}: no match"

METHODS: Mapping[str, str] = {
    "GET": "reading {who}",
    "POST": "creating {who}",
    "PUT": "changing {who}",
    "PATCH": "changing {who}",
    "DELETE": "deleting {who}",
}
"""The refused action of each method; other methods are named as they are."""

KEY_FAULTS: Mapping[str, str] = {
    "missing": "no key was sent",
    "no-bearer": "the Authorization header contains no key",
    "twice-bearer": "the word Bearer was pasted into Entra with the key",
    "entra-token": "Entra sent a token of its own, because its field Secret Token is empty",
    "cut": "the key is incomplete or mistyped",
    "stopped": "the key was revoked",
    "unknown": "the key is unknown",
    "expired": "the access token had expired",
    "client-secret": "the secret of an OAuth client was sent instead of a key",
    "foreign": "the token is not a key of this server",
    "client": "the client identifier or the client secret is wrong",
    "assertion": "a signed assertion was not accepted",
}


def place(change: Change) -> int:
    """Return the index in `RULES` of the rule that describes a change."""
    return next(at for at, rule in enumerate(RULES) if rule.fits(change))


def _is_like(pattern: Any, value: Any) -> bool:
    if pattern is ANY:
        return True
    return value is not None if pattern is SOME else value == pattern and type(value) is type(pattern)
