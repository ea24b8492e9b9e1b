"""This module lists a group's members for its page."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app import bounds
from app.store.database import directory_database
from app.store.directory import console_members, membership_rows
from app.store.directory.console_members import ListedMember


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A member of a group; `type` is "" while no resource here has the id, and the id is then the name."""

    id: str
    type: str
    name: str


@dataclass(frozen=True, slots=True)
class MemberPage:
    """A page of members; `total` counts all, or with `is_at_least` only the first ones of more."""

    total: int
    members: Sequence[GroupMember]
    is_at_least: bool = False


def find(group_id: str, members: int, sought: str, start: int, count: int) -> MemberPage:
    """Return a page of a group's members by id, from the `start`-th on (1-based). `members`: how many the group has."""
    with directory_database.reading() as connection:
        if not sought:
            page = console_members.page(connection, group_id, start - 1, count)
            return MemberPage(members, list(_members(page)))
        ids = console_members.with_words(connection, group_id, members, sought, bounds.LISTED_RESOURCES + 1)
        listed = ids[: bounds.LISTED_RESOURCES]
        page = console_members.named(connection, listed[start - 1 : start - 1 + count])
    return MemberPage(len(listed), list(_members(page)), len(ids) > len(listed))


def every(group_id: str, members: int, sought: str) -> Iterator[GroupMember]:
    """Yield all members for an export, in portions, each from its own state of the database."""
    if sought:
        with directory_database.reading() as connection:
            ids = console_members.with_words(connection, group_id, members, sought, members)
        for first in range(0, len(ids), bounds.EXPORT_ROWS_AT_ONCE):
            with directory_database.reading() as connection:
                page = console_members.named(connection, ids[first : first + bounds.EXPORT_ROWS_AT_ONCE])
            yield from _members(page)
        return
    after = ""
    while True:
        with directory_database.reading() as connection:
            page = console_members.following(connection, group_id, after, bounds.EXPORT_ROWS_AT_ONCE)
        yield from _members(page)
        if len(page) < bounds.EXPORT_ROWS_AT_ONCE:
            return
        after = page[-1].id


def count_unresolved(group_ids: Iterable[str]) -> Mapping[str, int]:
    """Return how many members of each group are unresolved; groups without any are left out."""
    with directory_database.reading() as connection:
        return membership_rows.count_unresolved(connection, group_ids)


def _members(listed: Iterable[ListedMember]) -> Iterator[GroupMember]:
    for one in listed:
        yield GroupMember(one.id, one.type or "", one.name or one.id)
