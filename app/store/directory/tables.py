"""This module declares the tables of the directory for SQLAlchemy.

Moments are text in the form of `app.clock.to_wire`, whose order is the order of time.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Dialect, ForeignKey, Index, Integer, Table, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from app.store.database.directory_database import Model


class Switch(TypeDecorator[bool]):
    """True and false as 1 and 0: STRICT tables have no boolean."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> Any:
        return None if value is None else int(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


class Resource(Model):
    """A User, a Group or one of a custom type. `document` is sent out as it stands, or read to leave values out;
    `search` is its folded copy, for filters and order only. `shelf` is JSON text in the shape of a document: the values
    that were stored under a declaration which is gone.

    `position` gives lists their order; `members` is how many members a group has. A rowid table on purpose: such long
    rows would not fit well into WITHOUT ROWID.
    """

    __tablename__ = "resource"
    __table_args__ = (
        Index("resource_type_position", "type", "position"),
        Index("resource_type_last_modified", "type", "last_modified"),
        Index(
            "resource_disabled",
            "type",
            "position",
            "id",
            sqlite_where=text("json_extract(document, '$.active') = 0"),
        ),
        {"sqlite_strict": True, "sqlite_autoincrement": True},
    )

    position: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    type: Mapped[str]
    document: Mapped[str]
    search: Mapped[str]
    version: Mapped[int]
    created: Mapped[str]
    last_modified: Mapped[str]
    shelf: Mapped[str | None]
    members: Mapped[int] = mapped_column(default=0, server_default=text("0"))


class Lookup(Model):
    """One folded value of an attribute that a client may match on; `attribute` is its path, like `emails.value`."""

    __tablename__ = "lookup"
    __table_args__ = (
        Index("lookup_unique", "type", "attribute", "value", unique=True, sqlite_where=text("is_unique = 1")),
        Index("lookup_resource_id", "resource_id"),
        {"sqlite_strict": True, "sqlite_with_rowid": False},
    )

    type: Mapped[str] = mapped_column(primary_key=True)
    attribute: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    resource_id: Mapped[str] = mapped_column(ForeignKey("resource.id", ondelete="CASCADE"), primary_key=True)
    is_unique: Mapped[bool] = mapped_column(Switch)


class Membership(Model):
    """Who is in which group. `member_id` may be an id that no resource has: it was sent, so it is kept.

    `is_absolute`: the client named the member's address in full, so it is answered with the address in full.
    `is_unresolved`: no user or group has the id. Ids are never used again, and a resource that is deleted leaves its
    groups, so only the creation of a resource whose id was told before (Bulk) changes it.
    """

    __tablename__ = "membership"
    __table_args__ = (
        Index("membership_member_id", "member_id"),
        Index("membership_unresolved", "group_id", "member_id", sqlite_where=text("is_unresolved = 1")),
        {"sqlite_strict": True, "sqlite_with_rowid": False},
    )

    group_id: Mapped[str] = mapped_column(ForeignKey("resource.id", ondelete="CASCADE"), primary_key=True)
    member_id: Mapped[str] = mapped_column(primary_key=True)
    is_absolute: Mapped[bool] = mapped_column(Switch, default=False, server_default=text("0"))
    is_unresolved: Mapped[bool] = mapped_column(Switch, default=False, server_default=text("0"))


class Population(Model):
    """How many resources of a type there are, and how many are not disabled: to count a million for
    `totalResults` takes longer than the page.
    """

    __tablename__ = "population"
    __table_args__ = {"sqlite_strict": True, "sqlite_with_rowid": False}

    type: Mapped[str] = mapped_column(primary_key=True)
    total: Mapped[int]
    active: Mapped[int] = mapped_column(default=0, server_default=text("0"))


class Coverage(Model):
    """How many resources of a type have a value at a mapped path (app/scim/recnice_mapping.py)."""

    __tablename__ = "coverage"
    __table_args__ = {"sqlite_strict": True, "sqlite_with_rowid": False}

    type: Mapped[str] = mapped_column(primary_key=True)
    attribute: Mapped[str] = mapped_column(primary_key=True)
    filled: Mapped[int]


class StrictAttribute(Model):
    """A mapped path without which nobody comes in."""

    __tablename__ = "strict_attribute"
    __table_args__ = {"sqlite_strict": True, "sqlite_with_rowid": False}

    type: Mapped[str] = mapped_column(primary_key=True)
    attribute: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[str]
    set_by: Mapped[str]


class Event(Model):
    """What one request did to one resource, written in the same transaction; it outlives the resource.

    `request` is the request's number, `actor` who asked, like `key 1a2b3c4d`. `joined` and `departed` count the rows of
    `membership_event`. `is_simulated`: a simulation did it, to a resource that a simulation had created.
    """

    __tablename__ = "event"
    __table_args__ = (
        Index("event_resource_id", "resource_id", "id"),
        Index("event_request", "request"),
        Index("event_at", "at"),
        Index("event_deletion", "resource_type", "name", sqlite_where=text("verb = 'delete'")),
        {"sqlite_strict": True, "sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[str]
    request: Mapped[str]
    actor: Mapped[str]
    verb: Mapped[str]
    resource_type: Mapped[str]
    resource_id: Mapped[str]
    name: Mapped[str]
    version: Mapped[int]
    joined: Mapped[int]
    departed: Mapped[int]
    is_simulated: Mapped[bool] = mapped_column(Switch, default=False, server_default=text("0"))


class AttributeChange(Model):
    """An attribute before and after an event, as JSON; NULL where it had no value."""

    __tablename__ = "change"
    __table_args__ = {"sqlite_strict": True, "sqlite_with_rowid": False}

    event_id: Mapped[int] = mapped_column(ForeignKey("event.id", ondelete="CASCADE"), primary_key=True)
    attribute: Mapped[str] = mapped_column(primary_key=True)
    old: Mapped[str | None]
    new: Mapped[str | None]


class MembershipEvent(Model):
    """Somebody joined a group or left it. Of a deleted user, the groups that lost it stand under its own event."""

    __tablename__ = "membership_event"
    __table_args__ = (
        Index("membership_event_group_id", "group_id", "event_id"),
        Index("membership_event_member_id", "member_id", "event_id"),
        {"sqlite_strict": True, "sqlite_with_rowid": False},
    )

    event_id: Mapped[int] = mapped_column(ForeignKey("event.id", ondelete="CASCADE"), primary_key=True)
    group_id: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[str] = mapped_column(primary_key=True)
    has_joined: Mapped[bool] = mapped_column(Switch)


class Derivation(Model):
    """By which declarations the rows of a resource type were last derived (ResourceType.fingerprint).

    It stays while the type is not declared, and so do the type's rows.
    """

    __tablename__ = "derivation"
    __table_args__ = {"sqlite_strict": True, "sqlite_with_rowid": False}

    type: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]


class DeclaredAttribute(Model):
    """An attribute of an own schema that was declared; the attribute "" stands for the schema itself.

    `missing_since`: the start that found it declared no longer; NULL for one that is declared. `resources`: how many
    resources of the type had a value of what was missing of the schema then.
    """

    __tablename__ = "declared_attribute"
    __table_args__ = {"sqlite_strict": True, "sqlite_with_rowid": False}

    type: Mapped[str] = mapped_column(primary_key=True)
    urn: Mapped[str] = mapped_column(primary_key=True)
    attribute: Mapped[str] = mapped_column(primary_key=True)
    missing_since: Mapped[str | None]
    resources: Mapped[int] = mapped_column(default=0, server_default=text("0"))


# The hot paths speak Core to these tables: the ORM would cost several times as much for the same row.
resource = cast(Table, Resource.__table__)
lookup = cast(Table, Lookup.__table__)
membership = cast(Table, Membership.__table__)
population = cast(Table, Population.__table__)
derivation = cast(Table, Derivation.__table__)
declared_attribute = cast(Table, DeclaredAttribute.__table__)
coverage = cast(Table, Coverage.__table__)
strict_attribute = cast(Table, StrictAttribute.__table__)
event = cast(Table, Event.__table__)
change = cast(Table, AttributeChange.__table__)
membership_event = cast(Table, MembershipEvent.__table__)
