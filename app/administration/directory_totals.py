"""This module counts users and groups and finds the last contact of Entra."""

from dataclasses import dataclass

from app.store.access import oauth_rows, scim_key_rows
from app.store.database import directory_database
from app.store.directory import resource_counts


@dataclass(frozen=True, slots=True)
class Contact:
    """The last request with a valid key: its time (wire form, exact to a minute), IP address and key.

    `key_name` is the name of the OAuth client for a request with an access token.
    """

    at: str
    address: str
    key_name: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts, and the last contact (None: none yet). `has_key`: whether an active key or client credential exists."""

    users: int
    active_users: int
    groups: int
    last_contact: Contact | None
    has_key: bool


def overview() -> Overview:
    """Return counts and last contact, read in one transaction."""
    with directory_database.reading() as connection:
        counts = resource_counts.count_all(connection)
        uses = [used for used in (scim_key_rows.find_used_last(connection), oauth_rows.used_last(connection)) if used]
        used = max(uses, key=lambda one: one.last_used or "", default=None)
        return Overview(
            users=counts["User"].total,
            active_users=counts["User"].active,
            groups=counts["Group"].total,
            last_contact=Contact(used.last_used or "", used.last_address or "", used.name) if used else None,
            has_key=bool(scim_key_rows.list_active(connection)) or oauth_rows.has_credential(connection),
        )
