"""This module declares the tables of SCIM Keys, OAuth clients and the IP allow list.

The migrations hold the same as frozen SQL, and a test compares the two.

Moments are text in the form of `app.clock.to_wire`; NULL means never. Of every secret only the hash (SHA-256,
hexadecimal) is kept.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.database.directory_database import Model


class ScimKey(Model):
    """A SCIM key, of which only the hash and its first characters are kept.

    `successor` is the id of the key that takes over from it, also after it has retired; a key that a person stopped has
    none. `relieved`: since when only the successor is used. `stopped_by`: who stopped it. `last_simulated`: when a
    simulation used it last, which is no use of `last_used`.
    """

    __tablename__ = "scim_key"
    __table_args__ = {"sqlite_strict": True}

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    prefix: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)
    created: Mapped[str]
    created_by: Mapped[str]
    last_used: Mapped[str | None]
    last_address: Mapped[str | None]
    stopped: Mapped[str | None]
    first_used: Mapped[str | None]
    successor: Mapped[str | None]
    relieved: Mapped[str | None]
    stopped_by: Mapped[str] = mapped_column(default="", server_default=text("''"))
    last_simulated: Mapped[str | None]
    last_simulated_address: Mapped[str | None]


class OAuthClient(Model):
    """A client of the token endpoint (RFC 6749 §4.4); `id` is its client_id."""

    __tablename__ = "oauth_client"
    __table_args__ = {"sqlite_strict": True}

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created: Mapped[str]
    created_by: Mapped[str]
    stopped: Mapped[str | None]


class OAuthCredential:
    """What a client may show at the token endpoint."""

    id: Mapped[str] = mapped_column(primary_key=True, sort_order=-1)
    client_id: Mapped[str] = mapped_column(ForeignKey("oauth_client.id", ondelete="CASCADE"), sort_order=-1)
    created: Mapped[str]
    created_by: Mapped[str]
    last_used: Mapped[str | None]
    last_address: Mapped[str | None]
    stopped: Mapped[str | None]


class OAuthSecret(OAuthCredential, Model):
    """A secret of a client, of which only the hash and its first characters are kept; several may be active."""

    __tablename__ = "oauth_secret"
    __table_args__ = (Index("oauth_secret_client_id", "client_id"), {"sqlite_strict": True})

    prefix: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)


class OAuthTrust(OAuthCredential, Model):
    """Whose signed assertions stand in for a client's secret (RFC 7523 §2.2): exactly these three."""

    __tablename__ = "oauth_trust"
    __table_args__ = (Index("oauth_trust_client_id", "client_id"), {"sqlite_strict": True})

    issuer: Mapped[str]
    subject: Mapped[str]
    audience: Mapped[str]


class AccessToken(Model):
    """A token of the token endpoint. `credential` is the id of the secret or trust that brought it."""

    __tablename__ = "access_token"
    __table_args__ = (Index("access_token_expires", "expires"), {"sqlite_strict": True, "sqlite_with_rowid": False})

    hash: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("oauth_client.id", ondelete="CASCADE"))
    credential: Mapped[str]
    created: Mapped[str]
    expires: Mapped[str]


class SourcePolicy(Model):
    """Whether addresses that reach /scim are watched or held to the list; at most one row."""

    __tablename__ = "source_policy"
    __table_args__ = (CheckConstraint("id = 1"), {"sqlite_strict": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    mode: Mapped[str]
    since: Mapped[str]
    set_by: Mapped[str]


class AllowedNetwork(Model):
    """A network on the list, as CIDR."""

    __tablename__ = "allowed_network"
    __table_args__ = {"sqlite_strict": True, "sqlite_with_rowid": False}

    network: Mapped[str] = mapped_column(primary_key=True)
    note: Mapped[str]
    created: Mapped[str]
    created_by: Mapped[str]


class SeenSource(Model):
    """An address from which requests with a right key came while addresses were watched."""

    __tablename__ = "seen_source"
    __table_args__ = {"sqlite_strict": True, "sqlite_with_rowid": False}

    address: Mapped[str] = mapped_column(primary_key=True)
    first_seen: Mapped[str]
    last_seen: Mapped[str]
