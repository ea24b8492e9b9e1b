"""This module declares the tables of administrators, sessions, roles and the audit.

The migrations contain the same as frozen SQL, and a test compares the two.
Moments are text in the form of `app.clock.to_wire`; "" or NULL means never. Of secrets that this server creates, only
the hash (SHA-256, hexadecimal) is stored; values that must be read again are encrypted
(app/administration/encryption.py).
"""

from sqlalchemy import CheckConstraint, Index

from app.store.database.columns import ZERO, blobs, numbers, switches, texts
from app.store.database.directory_database import directory_table

operator = directory_table(
    "operator",
    *texts("id", primary_key=True),
    *texts("user_name"),
    *texts("folded_name", unique=True),
    *texts("password_hash", "created"),
    *switches("disabled", server_default=ZERO),
    *texts("role", server_default="owner"),
)
"""An administrator of this instance; never a SCIM resource. `role` is one of app/console_roles.py."""

second_factor = directory_table(
    "second_factor",
    *texts("operator_id", parent="operator.id", primary_key=True),
    *texts("secret", "created"),
    *texts("confirmed", nullable=True),
    *numbers("last_step", "wrong_codes", server_default=ZERO),
)
"""An administrator's authenticator app (TOTP, RFC 6238).

`secret` is encrypted; `confirmed`: since when the factor is required. `last_step` is the time step of the last accepted
code, which is not accepted again. `wrong_codes`: the number of invalid codes since the last valid one.
"""

recovery_code = directory_table(
    "recovery_code",
    *texts("operator_id", parent="operator.id", primary_key=True),
    *texts("hash", primary_key=True),
    *texts("used", nullable=True),
    sqlite_with_rowid=False,
)
"""A code that replaces the authenticator app, once."""

session = directory_table(
    "session",
    *texts("token_hash", primary_key=True),
    *texts("operator_id", parent="operator.id", nullable=True),
    *texts("user_id", parent="resource.id", nullable=True),
    *texts("method", "created", "last_seen", "proved"),
    *numbers("wrong_proofs", server_default=ZERO),
    *texts("address", "user_agent"),
    CheckConstraint("(operator_id IS NULL) <> (user_id IS NULL)"),
    Index("session_operator_id", "operator_id"),
    Index("session_user_id", "user_id"),
)
"""A signed-in browser, identified by the hash of its token: of an administrator, or of a user.

`proved`: when its owner last confirmed their identity, by password or through the provider; "" if that is unknown.
`wrong_proofs`: failed attempts to confirm it since then.
"""

identity_provider = directory_table(
    "identity_provider",
    *numbers("id", primary_key=True),
    *texts("tenant", "issuer", "client_id", "client_secret", "generation", "saved", "saved_by"),
    CheckConstraint("id = 1"),
)
"""The provider that signs users in by OpenID Connect; at most one row.

`generation` is a new random text with every change, so a sign-in that started before the change cannot finish after it.
"""

role_mapping = directory_table(
    "role_mapping", *texts("source", "value", primary_key=True), *texts("role"), sqlite_with_rowid=False
)
"""A rule that gives users a role here: `source` is `app_role` (its value) or `group` (its id)."""

granted_role = directory_table(
    "granted_role",
    *texts("user_id", parent="resource.id", primary_key=True),
    *texts("role", "because", "since"),
    sqlite_with_rowid=False,
)
"""The role that a user has by the mapping; derived, and written with every change that affects it.

`because` is the mapping rule that gives it: `app_role:Admin`, `group:<id>`.
"""

unconfirmed_user = directory_table(
    "unconfirmed_user",
    *texts("user_id", parent="resource.id", primary_key=True),
    *texts("external_id", "since"),
    sqlite_with_rowid=False,
)
"""A user that was disabled and has another externalId than before, so it may be another person.

`external_id` is the former one. The row is deleted when an owner confirms the user, or the former one returns."""

used_once = directory_table(
    "spent",
    *texts("kind", "hash", primary_key=True),
    *texts("expires"),
    Index("spent_expires", "expires"),
    sqlite_with_rowid=False,
)
"""A value that may be used once (a state, an assertion's identifier) and was used; kept until it expires."""

audit = directory_table(
    "audit",
    *numbers("id", primary_key=True),
    *texts("at", "actor", "address", "action", "target", "detail", "hash"),
    *texts("commitment", nullable=True),
    *texts("salt", server_default=""),
    *numbers("erased", server_default=ZERO),
    Index("audit_at", "at"),
    Index("audit_action_at", "action", "at"),
    sqlite_autoincrement=True,
)
"""An administrative action or a sign-in; `hash` covers the row before it (audit_rows.py), `detail` is a JSON object.

Triggers refuse to change or delete a row, with two exceptions. The actor, address, target and detail may be erased once
and for all, with the `salt`: their `commitment` stays, and `erased` is the id of the entry that records it. The first
rows may be deleted when a row of `audit_summary` replaces them. `commitment` is NULL in entries from before 0014.
"""

audit_summary = directory_table(
    "audit_summary",
    *numbers("last", primary_key=True),
    *texts("at", "reason", "until", "hash"),
    *blobs("digests"),
)
"""What replaced the first entries of the audit, up to the id `last`; the rows before it replaced those before.

`hash` is that of the last one, `until` the newest time of these entries, `digests` the first four bytes of the SHA-256
of each one's hash: enough to recognize a hash that was recorded, too little to guess what an entry said.
"""

erasure = directory_table(
    "erasure",
    *numbers("number", primary_key=True),
    *texts("at", "id_hash"),
    *texts("external_id_hash", "done", server_default=""),
    sqlite_autoincrement=True,
)
"""A person who was erased permanently, called "erased person <number>" where what they did is still stored.

The hashes are keyed (app/administration/erasures.py), so that they find the person in a restored database and tell
nothing else. `done`: when it was completed; "" while it is not.
"""

audit_head = directory_table(
    "audit_head",
    *numbers("id", primary_key=True),
    *numbers("entries"),
    *texts("hash", "began"),
    CheckConstraint("id = 1"),
)
"""The number of audit entries and the hash of the last one, so that a truncated audit is detected.

`began`: since when actions are audited. It proves nothing, so no check relies on it.
"""

setup_code = directory_table(
    "setup_code", *texts("hash", primary_key=True), *texts("created", "expires"), *texts("consumed", nullable=True)
)
"""The one-time code of the setup link, stored as its hash."""

sign_in_failure = directory_table(
    "sign_in_failure",
    *numbers("id", primary_key=True),
    *texts("account", "address", "at"),
    Index("sign_in_failure_account", "account", "at"),
    Index("sign_in_failure_address", "address", "at"),
)
"""A refused sign-in, counted for its account and its IP address."""
