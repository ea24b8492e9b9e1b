"""What an administrator wants to know first: how many people and groups there are, and whether Entra still comes.

Not here: how it is worded (templates).
"""

from dataclasses import dataclass

from app.store import accounts


@dataclass(frozen=True, slots=True)
class Contact:
    """The last request with a right key: when (wire form, exact to a minute), from which address, with which key."""

    at: str
    address: str
    key_name: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts, and the last contact (None: there was none yet). `has_key`: whether a key is active."""

    users: int
    active_users: int
    groups: int
    last_contact: Contact | None
    has_key: bool


def overview() -> Overview:
    """All of it from one state of the database."""
    with accounts.reading() as session:
        totals = accounts.totals(session)
        used = accounts.key_used_last(session)
        return Overview(
            users=totals.get("User", 0),
            active_users=accounts.count_active_users(session),
            groups=totals.get("Group", 0),
            last_contact=Contact(used.last_used or "", used.last_address or "", used.name) if used else None,
            has_key=bool(accounts.active_keys(session)),
        )
