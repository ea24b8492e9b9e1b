"""This module appends administrative actions and sign-ins to the audit, in the transaction of the action."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Literal

from app import bounds, clock
from app.administration.errors import Withdrawn
from app.administration.permissions import Permission
from app.console_roles import Role
from app.store.access import audit_rows as rows
from app.store.access import session_rows, sign_in_users, unaudited_rows
from app.store.access.unaudited_rows import MAPPING_KEPT
from app.store.database import directory_database
from app.store.database.directory_database import Connection

Kind = Literal["operator", "person", "client", "host", "nobody", "itself"]
"""The kinds of actors: an administrator, a SCIM user, a SCIM client, the command line on the host, an unauthenticated
client, or Recnice SCIM itself."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The actor of an action: `name` as displayed, `address` its IP address ("" if there is none).

    `permission` is what the action requires of the owner of the session `session_id`; `record` verifies it.
    """

    kind: Kind
    name: str = ""
    address: str = ""
    session_id: str = field(default="", repr=False)
    permission: Permission | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()

    @property
    def signature(self) -> str:
        """The name for `created_by`. It marks SCIM users, since a client can give them the name of an administrator."""
        return f"{self.name} (single sign-on)" if self.kind == "person" else self.name


HOST = Actor("host", "command line")
ITSELF = Actor("itself")


class Action(Enum):
    """An audited action: its key as stored, and its title, which follows the name of the actor."""

    SET_UP = "set-up", "created the first administrator"
    SETUP_LINK = "setup-link", "created a setup link"
    SIGNED_IN = "signed-in", "signed in"
    SIGN_IN_REFUSED = "sign-in-refused", "could not sign in"
    SIGN_INS_UNCOUNTED = "sign-ins-uncounted", "paused the recording of failed sign-ins"
    SIGNED_OUT = "signed-out", "signed out"
    PROVED = "proved", "confirmed their identity"
    PROOF_REFUSED = "proof-refused", "failed to confirm their identity"
    SESSION_ENDED = "session-ended", "ended a session"
    PASSWORD_CHANGED = "password-changed", "changed their password"
    PASSWORD_RESET = "password-reset", "reset the password of"
    SECOND_FACTOR_ON = "second-factor-on", "turned on their 2FA"
    SECOND_FACTOR_OFF = "second-factor-off", "turned off the 2FA of"
    CODES_STOPPED = "codes-stopped", "locked, after too many incorrect codes, the authenticator app of"
    RECOVERY_CODE_USED = "recovery-code-used", "used a recovery code"
    RECOVERY_CODES_MADE = "recovery-codes-made", "created new recovery codes"
    OPERATOR_MADE = "operator-made", "created the administrator"
    OPERATOR_ROLE = "operator-role", "changed the role of"
    OPERATOR_DISABLED = "operator-disabled", "disabled the administrator"
    OPERATOR_ENABLED = "operator-enabled", "enabled the administrator"
    OPERATOR_DELETED = "operator-deleted", "deleted the administrator"
    KEY_MADE = "key-made", "created the SCIM Key"
    KEY_STOPPED = "key-stopped", "revoked the SCIM Key"
    KEY_RETIRED = "key-retired", "deactivated automatically the SCIM Key"
    CLIENT_MADE = "client-made", "created the OAuth client"
    CLIENT_STOPPED = "client-stopped", "revoked the OAuth client"
    SECRET_MADE = "secret-made", "created a client secret for"
    SECRET_STOPPED = "secret-stopped", "revoked a client secret of"
    TRUST_MADE = "trust-made", "added a federated credential to"
    TRUST_STOPPED = "trust-stopped", "revoked a federated credential of"
    SOURCES_MODE = "sources-mode", "changed the IP allow list mode to"
    NETWORK_ALLOWED = "network-allowed", "added to the IP allow list the network"
    NETWORK_REMOVED = "network-removed", "removed from the IP allow list the network"
    PROVIDER_SAVED = "provider-saved", "set up single sign-on with"
    PROVIDER_REMOVED = "provider-removed", "turned off single sign-on with"
    PROVIDER_TESTED = "provider-tested", "tested single sign-on"
    MAPPING_SAVED = "mapping-saved", "changed the role mapping"
    ROLE_GRANTED = "role-granted", "granted a role to"
    ROLE_CHANGED = "role-changed", "changed the granted role of"
    ROLE_LOST = "role-lost", "withdrew a role from"
    USER_CONFIRMED = "user-confirmed", "confirmed the user"
    GROUPS_LEFT = "groups-left", "removed from all groups the user"
    USER_DISABLED = "user-disabled", "disabled in the console the user"
    USER_ENABLED = "user-enabled", "enabled in the console the user"
    MEMBER_REMOVED = "member-removed", "removed in the console from a group the user"
    MEMBERS_PUT_BACK = "members-put-back", "put members back into the group"
    ALARM_MEANT = "alarm-meant", "confirmed as meant the removals of alarm"
    ALARM_UNDONE = "alarm-undone", "undid the removals of alarm"
    PUT_BACK = "put-back", "put back the deleted"
    CHANGE_UNDONE = "change-undone", "undid in the console a change of"
    USER_DELETED = "user-deleted", "deleted in the console the user"
    DELETIONS_PURGED = "deletions-purged", "purged the values of deleted users and groups:"
    STRICT_SET = "strict-set", "made required here the attribute"
    STRICT_LIFTED = "strict-lifted", "made recommended again the attribute"
    PROBLEMS_IGNORED = "problems-ignored", "ignored problems:"
    PROBLEMS_HEEDED = "problems-heeded", "stopped ignoring problems:"
    EXPOSURE_CLOSED = "exposure-closed", "closed the notice about a key sent by plain http, in request"
    ALERT_TARGET_SAVED = "alert-target-saved", "set up alerts to"
    ALERT_TARGET_REMOVED = "alert-target-removed", "turned off alerts to"
    ALERT_TESTED = "alert-tested", "sent a test alert to"
    SETTING_CHANGED = "setting-changed", "changed the setting"
    SCHEMA_REMOVED = "schema-removed", "confirmed the removal of"
    RESTORE_BEGUN = "restore-begun", "began to restore the backup"
    RESTORED = "restored", "restored the backup"
    REPLACED_DELETED = "replaced-deleted", "deleted what a restore replaced:"
    BACKUP_STARTED = "backup-started", "started a backup"
    BACKUP_WRITTEN = "backup-written", "wrote the backup"
    BACKUP_VERIFIED = "backup-verified", "verified the backup"
    BACKUP_DOWNLOADED = "backup-downloaded", "downloaded the backup"
    AUDIT_BEGAN = "audit-began", "started the audit; earlier events have no entry"
    AUDIT_RENEWED = rows.RENEWED, "closed the former part of the audit"
    AUDIT_SUMMARIZED = rows.SUMMARIZED, "replaced the first entries of the audit by a summary"
    MAPPING_KEPT = MAPPING_KEPT, "kept the record of the role mapping of"
    ERASURE_BEGAN = "erasure-began", "began to erase permanently"
    ERASURE_ENDED = "erasure-ended", "searched the files for what is left of"
    USER_EXPORTED = "user-exported", "exported everything about the user"
    SUPPORT_BUNDLE = "support-bundle", "created a support bundle"
    PERSON_ERASED = rows.ERASED, "erased permanently"
    AUDIT_EXPORTED = "audit-exported", "exported the audit"

    def __init__(self, key: str, title: str) -> None:
        self.key = key
        self.title = title


def record(connection: Connection, actor: Actor, action: Action, target: str = "", /, **detail: str) -> str:
    """Record an action in the transaction of the action, and return its time. `detail` must not contain secrets.

    Raises Withdrawn, so that nothing is changed, if the actor no longer has the permission. Therefore an action that
    changes the actor's own role, or ends their session, must be recorded before the change.
    """
    if actor.permission is not None:
        _require(connection, actor.session_id, actor.permission)
    at = clock.to_wire(clock.utc_now())
    by, address = _bounded(str(actor)), _bounded(actor.address)
    rows.append(connection, at, by, address, action.key, _bounded(target), _detail(detail))
    return at


def record_alone(actor: Actor, action: Action, target: str = "", /, **detail: str) -> None:
    """Record an action that changes nothing in the database. Raises as `record` does."""
    with directory_database.writing() as connection:
        record(connection, actor, action, target, **detail)


def _require(connection: Connection, session_id: str, permission: Permission) -> None:
    """Raise Withdrawn unless the session exists and its owner has the permission now.

    The permission is checked before the view runs (app/web/security/request_authentication.py); in between, the owner
    can be demoted, disabled or signed out.
    """
    owner = session_rows.owner(connection, session_id)
    if owner is None:
        raise Withdrawn
    if owner.operator_id:
        is_given = not owner.is_disabled and permission.is_given_to(Role(owner.role), is_local=True)
    else:
        person = sign_in_users.person(connection, owner.user_id)
        role = Role(person.role) if person and person.role else None
        is_given = person is not None and person.is_active and permission.is_given_to(role, is_local=False)
    if not is_given:
        raise Withdrawn


def summarize(connection: Connection, actor: Actor, last: int, reason: str) -> None:
    """Replace the entries up to the id `last` by a summary, and record that.

    An entry of the role mapping is recorded again, since `check` needs one for each line.
    """
    first, first_hash, last_hash, until = rows.first_entries(connection, last)
    lines = unaudited_rows.lines_to_keep(connection, last)
    detail = {"first": str(first), "last": str(last), "first_hash": first_hash, "last_hash": last_hash}
    at = record(connection, actor, Action.AUDIT_SUMMARIZED, until=until, reason=reason, **detail)
    rows.append_summary(connection, rows.Summary(last, at, reason, until, last_hash))
    for line in lines:
        group = line.value if line.source == "group" else ""
        record(connection, actor, Action.MAPPING_KEPT, f'{line.source} "{line.value}"', new=line.role, group=group)


def record_all(connection: Connection, actor: Actor, acts: Iterable[tuple[Action, str, Mapping[str, str]]]) -> None:
    """Record many actions of one actor; each of `acts` has the action, the target and the texts of the detail."""
    at, by, address = clock.to_wire(clock.utc_now()), _bounded(str(actor)), _bounded(actor.address)
    rows.append_all(
        connection,
        ((at, by, address, action.key, _bounded(target), _detail(detail)) for action, target, detail in acts),
    )


def _detail(detail: Mapping[str, str]) -> str:
    return json.dumps({name: _bounded(value) for name, value in detail.items() if value}, ensure_ascii=False)


def record_refusal(connection: Connection, actor: Actor, target: str = "", /, **detail: str) -> None:
    """Record a refused sign-in, up to a limit, since any client can cause one.

    In an hour, at most `bounds.REFUSALS_AUDITED` are recorded in total, and `bounds.REFUSALS_AUDITED_OF_ONE` per IP
    address. One entry states that further ones are not recorded. `record` always records successful sign-ins.
    """
    now = clock.utc_now()
    window = clock.to_wire(now - timedelta(seconds=bounds.REFUSALS_WINDOW_S)), clock.to_wire(now)

    def counted(action: Action, address: str | None = None) -> int:
        return rows.count_since(connection, action.key, *window, address)

    if counted(Action.SIGN_IN_REFUSED) >= bounds.REFUSALS_AUDITED:
        full, address = bounds.REFUSALS_AUDITED, ""
    elif counted(Action.SIGN_IN_REFUSED, actor.address) >= bounds.REFUSALS_AUDITED_OF_ONE:
        full, address = bounds.REFUSALS_AUDITED_OF_ONE, actor.address
    else:
        record(connection, actor, Action.SIGN_IN_REFUSED, target, **detail)
        return
    if not counted(Action.SIGN_INS_UNCOUNTED, address):
        record(connection, Actor("itself", address=address), Action.SIGN_INS_UNCOUNTED, after=f"{full} in an hour")


def _bounded(text: str) -> str:
    """Return a text that can be stored: without surrogates, and at most `bounds.AUDIT_TEXT_LENGTH` long."""
    return text.encode("utf-8", "replace").decode()[: bounds.AUDIT_TEXT_LENGTH]
