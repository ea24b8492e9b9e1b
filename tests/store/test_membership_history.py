"""Who joined and left: read page by page, also within one event of many, and some of each of several events."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.store.database import directory_database
from app.store.database.connection import Connection
from app.store.directory import history_rows, membership_history
from app.store.directory.history_rows import Author, Moves
from app.store.directory.membership_history import MembershipChange

Page = Callable[[Connection, str, int | None, int, str], list[MembershipChange]]


def happen(connection: Connection, group_id: str, joined: list[str], departed: list[str]) -> int:
    told = {"at": "2026-01-31T08:00:00.000Z", "resource_type": "Group", "resource_id": group_id}
    moves = Moves(frozenset(joined), frozenset(departed))
    author = Author("0a1b2c3d", "key 1a2b3c4d")
    return history_rows.record(connection, author, "change", {**told, "name": group_id, "version": 1}, (), moves).id


@pytest.fixture
def ids(app: Flask) -> list[int]:
    """Three events of one group, between them those of others."""
    members = [f"m{n}" for n in range(7)]
    with directory_database.writing() as connection:
        return [
            happen(connection, "g1", members, []),
            happen(connection, "g2", members[:2], []),
            happen(connection, "g1", ["m9"], members[:5]),
            happen(connection, "g0", members[:1], []),
            happen(connection, "g1", ["m0"], []),
        ]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    ("page", "id", "other", "count"),
    [(membership_history.of_group, "g1", "member_id", 14), (membership_history.of_member, "m0", "group_id", 5)],
)
@pytest.mark.usefixtures("ids")
def test_pages_have_every_link_once(page: Page, id: str, other: str, count: int, limit: int) -> None:
    found: list[MembershipChange] = []
    with directory_database.reading() as connection:
        while some := page(connection, id, found[-1].event_id if found else None, limit, _last(found, other)):
            assert len(some) <= limit
            found += some
        assert found == page(connection, id, None, 100, "")
    assert len({(link.event_id, link.group_id, link.member_id) for link in found}) == len(found) == count
    assert [link.event_id for link in found] == sorted((link.event_id for link in found), reverse=True)


def _last(found: list[MembershipChange], other: str) -> str:
    return str(getattr(found[-1], other)) if found else ""


def test_of_several_events_some_of_each(ids: list[int]) -> None:
    with directory_database.reading() as connection:
        found = membership_history.of_events(connection, ids[1:], 3)
    counts = {id: sum(link.event_id == id for link in found) for id in ids}
    assert counts == dict(zip(ids, (0, 2, 3, 1, 1), strict=True))
    assert {link.has_joined for link in found if link.event_id == ids[1]} == {True}
