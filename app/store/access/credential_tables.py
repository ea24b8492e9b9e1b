"""This module declares the tables of SCIM Keys, OAuth clients and the IP allow list.

The migrations contain the same as frozen SQL, and a test compares the two. Moments are text in the form of
`app.clock.to_wire`; NULL means never. Of every secret only the hash (SHA-256, hexadecimal) is stored.
"""

from sqlalchemy import CheckConstraint, Index

from app.store.database.columns import numbers, texts
from app.store.database.directory_database import directory_table

scim_key = directory_table(
    "scim_key",
    *texts("id", primary_key=True),
    *texts("name", "prefix"),
    *texts("hash", unique=True),
    *texts("created", "created_by"),
    *texts("last_used", "last_address", "stopped", "first_used", "successor", "relieved", nullable=True),
    *texts("stopped_by", server_default=""),
    *texts("last_simulated", "last_simulated_address", nullable=True),
)
"""A SCIM Key, of which only the hash and its first characters are stored.

`successor` is the id of the key that replaces it, also after it was revoked automatically; a key that was revoked by
hand has none. `relieved`: since when only the successor is used. `stopped_by`: who revoked it. `last_simulated`: when a
simulation used it last, which does not count as `last_used`.
"""

oauth_client = directory_table(
    "oauth_client",
    *texts("id", primary_key=True),
    *texts("name", "created", "created_by"),
    *texts("stopped", nullable=True),
)
"""A client of the token endpoint (RFC 6749 §4.4); `id` is its client_id."""

oauth_secret = directory_table(
    "oauth_secret",
    *texts("id", primary_key=True),
    *texts("client_id", parent="oauth_client.id"),
    *texts("prefix"),
    *texts("hash", unique=True),
    *texts("created", "created_by"),
    *texts("last_used", "last_address", "stopped", nullable=True),
    Index("oauth_secret_client_id", "client_id"),
)
"""A secret of a client, of which only the hash and its first characters are stored; several may be active."""

oauth_trust = directory_table(
    "oauth_trust",
    *texts("id", primary_key=True),
    *texts("client_id", parent="oauth_client.id"),
    *texts("issuer", "subject", "audience", "created", "created_by"),
    *texts("last_used", "last_address", "stopped", nullable=True),
    Index("oauth_trust_client_id", "client_id"),
)
"""A federated credential: an assertion with exactly these three values replaces a client's secret (RFC 7523 §2.2)."""

access_token = directory_table(
    "access_token",
    *texts("hash", primary_key=True),
    *texts("client_id", parent="oauth_client.id"),
    *texts("credential", "created", "expires"),
    Index("access_token_expires", "expires"),
    sqlite_with_rowid=False,
)
"""An access token of the token endpoint; `credential` is the id of the secret or federated credential used for it."""

source_policy = directory_table(
    "source_policy", *numbers("id", primary_key=True), *texts("mode", "since", "set_by"), CheckConstraint("id = 1")
)
"""The mode of the IP allow list for requests to /scim; at most one row."""

allowed_network = directory_table(
    "allowed_network",
    *texts("network", primary_key=True),
    *texts("note", "created", "created_by"),
    sqlite_with_rowid=False,
)
"""A network of the IP allow list, as CIDR."""

seen_source = directory_table(
    "seen_source", *texts("address", primary_key=True), *texts("first_seen", "last_seen"), sqlite_with_rowid=False
)
"""An IP address of requests with a valid key that were received while addresses were monitored."""
