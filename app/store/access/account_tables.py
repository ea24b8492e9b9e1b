"""This module declares the tables of administrators, sessions, roles and the audit.

The migrations hold the same as frozen SQL, and a test compares the two.

Moments are text in the form of `app.clock.to_wire`; "" or NULL means never. Of secrets that we made only the hash
(SHA-256, hexadecimal) is kept; what must be read again is sealed (app/administration/encryption.py).
"""

from __future__ import annotations

from typing import cast

from sqlalchemy import CheckConstraint, ForeignKey, Index, Table, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.database.columns import Switch
from app.store.database.directory_database import Model


class Operator(Model):
    """A person who administers this instance; never a SCIM resource. `role` is one of app/console_roles.py."""

    __tablename__ = "operator"
    __table_args__ = {"sqlite_strict": True}

    id: Mapped[str] = mapped_column(primary_key=True)
    user_name: Mapped[str]
    folded_name: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    created: Mapped[str]
    disabled: Mapped[bool] = mapped_column(Switch, default=False, server_default=text("0"))
    role: Mapped[str] = mapped_column(default="owner", server_default=text("'owner'"))


class SecondFactor(Model):
    """An operator's authenticator app (TOTP, RFC 6238). `secret` is sealed; `confirmed`: it counts from then on.

    `last_step` is the time step of the code that was used last, which is not taken again. `wrong_codes`: how many wrong
    ones there were since the last right one.
    """

    __tablename__ = "second_factor"
    __table_args__ = {"sqlite_strict": True}

    operator_id: Mapped[str] = mapped_column(ForeignKey("operator.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str]
    created: Mapped[str]
    confirmed: Mapped[str | None]
    last_step: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    wrong_codes: Mapped[int] = mapped_column(default=0, server_default=text("0"))


class RecoveryCode(Model):
    """A code that stands in for the authenticator app, once."""

    __tablename__ = "recovery_code"
    __table_args__ = {"sqlite_strict": True, "sqlite_with_rowid": False}

    operator_id: Mapped[str] = mapped_column(ForeignKey("operator.id", ondelete="CASCADE"), primary_key=True)
    hash: Mapped[str] = mapped_column(primary_key=True)
    used: Mapped[str | None]


class ConsoleSession(Model):
    """A signed-in browser, known by the hash of its token: of an operator, or of a provisioned person.

    `proved`: when its owner last showed who they are, by password or by the provider's own word; "" if nobody knows.
    `wrong_proofs`: failed tries to show it again since then.
    """

    __tablename__ = "session"
    __table_args__ = (
        CheckConstraint("(operator_id IS NULL) <> (user_id IS NULL)"),
        Index("session_operator_id", "operator_id"),
        Index("session_user_id", "user_id"),
        {"sqlite_strict": True},
    )

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    operator_id: Mapped[str | None] = mapped_column(ForeignKey("operator.id", ondelete="CASCADE"))
    user_id: Mapped[str | None] = mapped_column(ForeignKey("resource.id", ondelete="CASCADE"))
    method: Mapped[str]
    created: Mapped[str]
    last_seen: Mapped[str]
    proved: Mapped[str]
    wrong_proofs: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    address: Mapped[str]
    user_agent: Mapped[str]


class IdentityProvider(Model):
    """Who lets provisioned people in by OpenID Connect; at most one row.

    `generation` is a new random text with every change, so that a sign-in begun before it is not finished after it.
    """

    __tablename__ = "identity_provider"
    __table_args__ = (CheckConstraint("id = 1"), {"sqlite_strict": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    issuer: Mapped[str]
    client_id: Mapped[str]
    client_secret: Mapped[str]
    generation: Mapped[str]
    saved: Mapped[str]
    saved_by: Mapped[str]


class RoleMapping(Model):
    """What gives a provisioned person a role here: `source` is `app_role` (its value) or `group` (its id)."""

    __tablename__ = "role_mapping"
    __table_args__ = {"sqlite_strict": True, "sqlite_with_rowid": False}

    source: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]


class GrantedRole(Model):
    """The role that a provisioned person has by the mapping; derived, and written with whatever changes it.

    `because` is the line of the mapping that gives it: `app_role:Admin`, `group:<id>`.
    """

    __tablename__ = "granted_role"
    __table_args__ = {"sqlite_strict": True, "sqlite_with_rowid": False}

    user_id: Mapped[str] = mapped_column(ForeignKey("resource.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str]
    because: Mapped[str]
    since: Mapped[str]


class UnconfirmedUser(Model):
    """A user that was disabled and has another externalId than before, so it may be another person.

    `external_id` is the former one. The row is deleted when an owner confirms the user, or the former one returns.
    """

    __tablename__ = "unconfirmed_user"
    __table_args__ = {"sqlite_strict": True, "sqlite_with_rowid": False}

    user_id: Mapped[str] = mapped_column(ForeignKey("resource.id", ondelete="CASCADE"), primary_key=True)
    external_id: Mapped[str]
    since: Mapped[str]


class Spent(Model):
    """Something that counts once (a state, an assertion's identifier) and has; kept until it is too old anyway."""

    __tablename__ = "spent"
    __table_args__ = (Index("spent_expires", "expires"), {"sqlite_strict": True, "sqlite_with_rowid": False})

    kind: Mapped[str] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(primary_key=True)
    expires: Mapped[str]


class AuditEntry(Model):
    """An administrative act or a sign-in. Triggers refuse to change or delete a row; `hash` covers the row before it.

    `detail` is a JSON object of texts.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_at", "at"),
        Index("audit_action_at", "action", "at"),
        {"sqlite_strict": True, "sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[str]
    actor: Mapped[str]
    address: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    detail: Mapped[str]
    hash: Mapped[str]


class AuditHead(Model):
    """How many entries the audit has and the hash of the last one, so that an audit that was cut is noticed.

    `began`: since when acts are audited. It proves nothing, so no check relies on it.
    """

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1"), {"sqlite_strict": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    entries: Mapped[int]
    hash: Mapped[str]
    began: Mapped[str]


class SetupCode(Model):
    """The one-time code of the setup link, as its hash."""

    __tablename__ = "setup_code"
    __table_args__ = {"sqlite_strict": True}

    hash: Mapped[str] = mapped_column(primary_key=True)
    created: Mapped[str]
    expires: Mapped[str]
    consumed: Mapped[str | None]


class SignInFailure(Model):
    """A refused sign-in, counted for its account and its address."""

    __tablename__ = "sign_in_failure"
    __table_args__ = (
        Index("sign_in_failure_account", "account", "at"),
        Index("sign_in_failure_address", "address", "at"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str]
    address: Mapped[str]
    at: Mapped[str]


# Written along with every change that Entra makes, so without the ORM.
session = cast(Table, ConsoleSession.__table__)
role_mapping = cast(Table, RoleMapping.__table__)
granted_role = cast(Table, GrantedRole.__table__)
unconfirmed_user = cast(Table, UnconfirmedUser.__table__)
audit = cast(Table, AuditEntry.__table__)
audit_head = cast(Table, AuditHead.__table__)
