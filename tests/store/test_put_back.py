"""Deleted users and groups are put back as they were, in any order, and purged when they are too old."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from flask import Flask

from app import bounds, clock
from app.administration.audit import HOST, Action
from app.administration.errors import Refused
from app.administration.roles import role_mapping, users_to_confirm
from app.provisioning import deleted_resources, resource_operations, resource_queries
from app.scim.protocol_messages import Operation
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER, ResourceType
from app.store.access import audit_rows, role_rows
from app.store.database import directory_database
from app.store.directory import deletion_rows, history_pruning, history_rows, word_index
from app.store.directory.stored_resource import Record
from tests.store.test_deletions import ADA, CLIENT, created, delete, group_of, is_sound


def put_back(record: Record, **choices: bool) -> None:
    deleted_resources.put_back(RESOURCE_TYPES, record.id, HOST, **choices)


def here(resource_type: ResourceType, record: Record) -> Record:
    return resource_queries.get(resource_type, record.id).record


def memberships() -> set[tuple[str, str]]:
    with directory_database.reading() as connection:
        return set(connection.exec_driver_sql("SELECT group_id, member_id FROM membership").all())


def count(table: str) -> int:
    with directory_database.reading() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def sought(word: str) -> list[str]:
    """The ids of the users that a search finds, after the words that wait are written."""
    while word_index.write_due(RESOURCE_TYPES):
        pass
    with directory_database.reading() as connection:
        text = word_index.expression(USER, word)
        return list(
            connection.exec_driver_sql(
                f"SELECT id FROM resource WHERE position IN ({word_index.MATCHING.replace(':words', '?')})", [text]
            ).scalars()
        )


def test_a_user_is_back_as_it_was_and_disabled(app: Flask) -> None:
    before = created(USER, **ADA | {"active": True, "externalId": "e-1", "displayName": "Ada Lovelace"})
    later = created(USER, userName="later")
    group = group_of(before.id)
    delete(USER, before)
    assert sought("lovelace") == []
    put_back(before)
    after = here(USER, before)
    assert after.content == {**before.content, "active": False}
    assert list(after.content) == list(before.content)
    assert (after.created, after.version, after.position) == (before.created, before.version + 1, before.position)
    assert after.last_modified > before.last_modified
    assert after.position < later.position, "it has its place in lists"
    assert here(GROUP, group).version == group.version + 2, "a member left and joined again"
    assert memberships() == {(group.id, before.id)}
    assert sought("lovelace") == [before.id]
    with pytest.raises(Exception, match="no other resource has"):
        created(USER, userName="ADA")
    with directory_database.reading() as connection:
        last, deletion, *_ = history_rows.events_of(connection, before.id, None, 10)
        [entry] = audit_rows.page(connection, audit_rows.AuditFilter(), None, 1)[0]
    assert (last.verb, last.request, last.actor, last.joined) == ("put back", "", "host command line", 1)
    assert [(one.attribute, one.old, one.new) for one in last.changes] == [("active", True, False)]
    assert (deletion.verb, deletion.departed) == ("delete", 1)
    assert (entry.action, entry.target) == (Action.PUT_BACK.key, "Ada Lovelace")
    assert json.loads(entry.detail) == {"type": "User", "active": "false", "person": before.id}
    assert is_sound()


@pytest.mark.parametrize("is_disabled", [True, False])
def test_a_user_is_as_active_as_before_if_chosen(app: Flask, is_disabled: bool) -> None:
    ada = created(USER, **ADA | {"active": not is_disabled})
    delete(USER, ada)
    put_back(ada, becomes_active=True)
    assert here(USER, ada).content == ada.content
    assert is_sound()


def test_what_never_was_enabled_or_disabled_is_put_back_disabled(app: Flask) -> None:
    ada = created(USER, userName="ada")
    delete(USER, ada)
    put_back(ada)
    assert here(USER, ada).content["active"] is False
    assert is_sound()


ORDERS = list(itertools.permutations(range(3)))


@pytest.mark.parametrize("deleted", ORDERS)
@pytest.mark.parametrize("back", ORDERS[2:4])
def test_the_order_of_user_and_groups_does_not_matter(app: Flask, deleted: Sequence[int], back: Sequence[int]) -> None:
    ada = created(USER, **ADA)
    inner = group_of(ada.id, "nobody")
    add = Operation("add", "members", [{"value": inner.id}])
    resource_operations.change(GROUP, inner.id, [add], CLIENT)  # in itself, too
    outer = group_of(inner.id, ada.id)
    resources = [(USER, ada), (GROUP, inner), (GROUP, outer)]
    before = memberships()
    for place in deleted:
        delete(*resources[place])
    assert memberships() == set()
    for place in back:
        put_back(resources[place][1])
    assert memberships() == before
    assert [here(*one).members for one in resources] == [0, 3, 2]
    assert is_sound()


def test_who_left_before_is_no_member_again(app: Flask) -> None:
    """Neither who was removed from the group, nor who was deleted and is not put back."""
    ada, ben, cy = (created(USER, userName=name) for name in ("ada", "ben", "cy"))
    group = group_of(ada.id, ben.id, cy.id)
    remove = Operation("remove", "members", [{"value": ben.id}])
    resource_operations.change(GROUP, group.id, [remove], CLIENT)
    for record in (ada, ben, cy):
        delete(USER, record)
    delete(GROUP, group)
    preview = deleted_resources.preview(RESOURCE_TYPES, ada.id)
    assert (preview.groups, list(preview.missing_groups)) == ({}, [group.id])
    for record in (ada, ben):
        put_back(record)
    preview = deleted_resources.preview(RESOURCE_TYPES, group.id)
    assert (preview.members, preview.missing_members) == (1, 1)
    put_back(group)
    assert memberships() == {(group.id, ada.id)}
    assert list(deleted_resources.preview(RESOURCE_TYPES, cy.id).groups) == [group.id]
    assert is_sound()


def test_a_member_that_was_added_while_it_was_deleted_is_resolved(app: Flask) -> None:
    ada = created(USER, **ADA)
    group = group_of(ada.id)
    delete(USER, ada)
    add = Operation("add", "members", [{"value": ada.id}])
    resource_operations.change(GROUP, group.id, [add], CLIENT)
    put_back(ada)
    assert memberships() == {(group.id, ada.id)}
    assert is_sound()


def test_another_user_with_the_name_is_named_and_nothing_is_written(app: Flask) -> None:
    old = created(USER, **ADA)
    delete(USER, old)
    new = created(USER, userName="ADA", displayName="Another Ada")
    [same] = deleted_resources.preview(RESOURCE_TYPES, old.id).same_values
    assert (same.path, same.resource_id, same.name, same.is_unique) == ("userName", new.id, "Another Ada", True)
    assert same.created == new.created
    before = count("event"), count("audit")
    with pytest.raises(Refused, match="Another Ada, created .* has the same userName"):
        put_back(old, has_same_external_id=True)
    assert (count("event"), count("audit")) == before
    delete(USER, new)
    put_back(old)
    with pytest.raises(Refused, match="has the same userName"):
        put_back(new)
    assert is_sound()


def test_the_same_external_id_is_refused_unless_chosen(app: Flask) -> None:
    old = created(USER, userName="ada", externalId="e-1")
    delete(USER, old)
    created(USER, userName="ada2", externalId="e-1")
    with pytest.raises(Refused, match="has the same externalId"):
        put_back(old)
    put_back(old, has_same_external_id=True)
    assert here(USER, old).content["externalId"] == "e-1"
    assert is_sound()


def test_what_is_here_or_never_was_cannot_be_put_back(app: Flask) -> None:
    ada = created(USER, **ADA)
    for id in (ada.id, "nonsense"):
        with pytest.raises(Refused, match="here again, or was purged"):
            deleted_resources.put_back(RESOURCE_TYPES, id, HOST)
    delete(USER, ada)
    put_back(ada)
    with pytest.raises(Refused):
        put_back(ada)


def grants() -> dict[str, str]:
    with directory_database.reading() as connection:
        return {row.user_id: row.role for row in role_rows.granted(connection, 10)}


def test_roles_follow_as_for_a_created_one(app: Flask) -> None:
    """From both sides of the group: nobody who is disabled has one."""
    ada = created(USER, userName="ada", active=True)
    group = group_of(ada.id)
    lines = [("group", group.id, "viewer")]
    role_mapping.save(lines, role_mapping.preview(lines).fingerprint, HOST)
    assert grants() == {ada.id: "viewer"}
    delete(USER, ada)
    put_back(ada)
    assert grants() == {}
    delete(USER, ada)
    put_back(ada, becomes_active=True)
    assert grants() == {}, "it was put back disabled before"
    resource_operations.change(USER, ada.id, [Operation("replace", "active", True)], CLIENT)
    assert grants() == {ada.id: "viewer"}
    delete(GROUP, group)
    assert grants() == {}
    put_back(group)
    assert grants() == {ada.id: "viewer"}
    delete(USER, ada)
    put_back(ada, becomes_active=True)
    assert grants() == {ada.id: "viewer"}
    assert is_sound()


def test_who_may_be_another_person_still_may_be(app: Flask) -> None:
    lines = [("app_role", "Admin", "owner")]
    role_mapping.save(lines, role_mapping.preview(lines).fingerprint, HOST)
    values = {"userName": "ada", "roles": [{"value": "Admin"}]}
    ada = created(USER, **values, externalId="former", active=False)
    resource_operations.replace(USER, ada.id, {**values, "externalId": "new", "active": True}, CLIENT)
    assert users_to_confirm.find_unconfirmed(ada.id)
    delete(USER, ada)
    put_back(ada, becomes_active=True)
    unconfirmed = users_to_confirm.find_unconfirmed(ada.id)
    assert unconfirmed and (unconfirmed.former_id, unconfirmed.external_id) == ("former", "new")
    assert grants() == {}
    users_to_confirm.confirm_user(ada.id, "new", HOST)
    delete(USER, ada)
    put_back(ada, becomes_active=True)
    assert not users_to_confirm.find_unconfirmed(ada.id)
    assert grants() == {ada.id: "owner"}


def test_many_are_put_back_and_each_refusal_is_named(app: Flask) -> None:
    users = [created(USER, userName=f"u{number}", displayName=f"User {number}") for number in range(7)]
    group = group_of(*(one.id for one in users))
    for resource_type, record in ((GROUP, group), *((USER, one) for one in users)):
        delete(resource_type, record)
    created(USER, userName="u3")
    ids = [one.id for one in (*users[:4], group, *users[4:])]
    with mock.patch.multiple(bounds, PUT_BACK_IN_A_TRANSACTION=2):
        outcome = deleted_resources.put_all_back(RESOURCE_TYPES, ids, HOST)
    assert outcome.done == 7
    [(name, reason)] = outcome.refused
    assert name == "User 3" and "has the same userName" in reason
    assert memberships() == {(group.id, one.id) for one in users if one is not users[3]}
    assert count("audit") == 7
    assert is_sound()


def test_an_undone_deletion_ages_as_any_other_event(app: Flask) -> None:
    """A history of a week must not bring back a membership that a client ended since."""
    ada = created(USER, **ADA)
    group = group_of(ada.id)
    delete(USER, ada)
    put_back(ada)
    remove = Operation("remove", "members", [{"value": ada.id}])
    resource_operations.change(GROUP, group.id, [remove], CLIENT)
    with directory_database.reading() as connection:
        _, deletion, creation = history_rows.events_of(connection, ada.id, None, 9)
        assert connection.exec_driver_sql("SELECT count(*) FROM event WHERE deleted IS NOT NULL").scalar_one() == 0
    assert {one.attribute for one in deletion.changes} >= {"userName", "emails"}
    with mock.patch.object(bounds, "EVENTS_PRUNED_AT_ONCE", 2), directory_database.writing() as connection:
        word_index_done = "UPDATE job SET done = (SELECT max(id) FROM event) WHERE name = 'words'"
        connection.exec_driver_sql(word_index_done)
        place: history_pruning.Place | None = history_pruning.Place()
        while place:
            place = history_pruning.prune(connection, "2999-01-01T00:00:00.000Z", place)
    delete(USER, ada)
    put_back(ada)
    assert memberships() == set()
    assert creation.verb == "create"


# --- purge ------------------------------------------------------------------------------------------------------------


def kept_ids() -> list[str]:
    with directory_database.reading() as connection:
        return [one.resource_id for one in deletion_rows.page(connection, (), None, 100)]


def purge_after(days: int, monkeypatch: pytest.MonkeyPatch, kept_days: int = 30) -> int:
    with monkeypatch.context() as later:
        later.setattr(clock, "utc_now", lambda: datetime.now(UTC) + timedelta(days=days))
        return deleted_resources.purge(kept_days)


def test_deletions_are_purged_after_their_days(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    users = [created(USER, **ADA | {"userName": f"u{number}"}) for number in range(5)]
    group = group_of(*(one.id for one in users))
    resource_operations.change(USER, users[0].id, [Operation("replace", "title", "Countess")], CLIENT)
    for one in users[:3]:
        delete(USER, one)
    put_back(users[1])
    delete(USER, users[4])
    assert purge_after(29, monkeypatch) == 0
    assert purge_after(10_000, monkeypatch, kept_days=0) == 0, "0 is off"
    assert kept_ids() == [users[4].id, users[2].id, users[0].id]
    with mock.patch.multiple(bounds, DELETIONS_PURGED_AT_ONCE=2, DELETIONS_READ_AT_ONCE=2):
        assert purge_after(31, monkeypatch) == 3
        assert purge_after(31, monkeypatch) == 0
        delete(USER, users[3])
        assert kept_ids() == [users[3].id]
    with pytest.raises(Refused, match="purged"):
        put_back(users[0])
    with directory_database.reading() as connection:
        last, change, _ = history_rows.events_of(connection, users[0].id, None, 10)
        entries = audit_rows.page(connection, audit_rows.AuditFilter((Action.DELETIONS_PURGED.key,)), None, 10)[0]
        raw = connection.exec_driver_sql("SELECT deleted, changes FROM event WHERE id = ?", [last.id]).one()
    assert (last.verb, last.name, last.changes, last.departed) == ("delete", users[0].content["userName"], (), 1)
    assert tuple(raw) == (None, None)
    assert [one.new for one in change.changes] == ["Countess"], "the history of before has its own retention"
    assert [(one.actor, one.target) for one in entries] == [("itself", "1"), ("itself", "2")]
    assert memberships() == {(group.id, users[1].id)}
    assert is_sound()


def test_older_deletions_are_found_behind_those_that_were_undone(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    users = [created(USER, userName=f"u{number}") for number in range(7)]
    for one in users:
        delete(USER, one)
    for one in users[2:]:
        put_back(one)
    with mock.patch.multiple(bounds, DELETIONS_READ_AT_ONCE=2):
        assert kept_ids() == [users[1].id, users[0].id]
        assert purge_after(31, monkeypatch) == 2
        assert kept_ids() == []


def test_a_purge_ends_between_its_parts(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    users = [created(USER, userName=f"u{number}") for number in range(5)]
    for one in users:
        delete(USER, one)

    def stop() -> None:
        raise InterruptedError

    monkeypatch.setattr(clock, "utc_now", lambda: datetime.now(UTC) + timedelta(days=31))
    with mock.patch.multiple(bounds, DELETIONS_PURGED_AT_ONCE=2):
        with pytest.raises(InterruptedError):
            deleted_resources.purge(30, stop)
        assert kept_ids() == [one.id for one in users[:1:-1]], "the oldest are purged first"
        assert deleted_resources.purge(30) == 3
    assert kept_ids() == []


def test_nothing_is_purged_while_an_alarm_of_the_guard_is_open(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = created(USER, **ADA)
    delete(USER, ada)
    alarm = "INSERT INTO guard_alarm (id, raised, last, cycle_started) VALUES (1, '2026', '2026', '')"
    with directory_database.writing() as connection:
        connection.exec_driver_sql(alarm)
    assert purge_after(31, monkeypatch) == 0
    assert kept_ids() == [ada.id]
    with directory_database.writing() as connection:
        connection.exec_driver_sql("UPDATE guard_alarm SET answered = '2026', answer = 'meant', answered_by = 'x'")
    assert purge_after(31, monkeypatch) == 1


def test_the_list_has_pages_and_finds_by_words(app: Flask) -> None:
    users = [created(USER, userName=f"u{number}", displayName=f"Person {number}") for number in range(5)]
    for one in users:
        delete(USER, one)
    ids = [one.id for one in reversed(users)]
    with directory_database.reading() as connection, mock.patch.multiple(bounds, DELETIONS_READ_AT_ONCE=2):
        first = deletion_rows.page(connection, (), None, 3)
        rest = deletion_rows.page(connection, (), first[-1].event_id, 3)
        assert [one.resource_id for one in (*first, *rest)] == ids
        assert [one.resource_id for one in deletion_rows.page(connection, ("son", "3"), None, 9)] == [users[3].id]
        assert deletion_rows.page(connection, (), None, 9, "Group") == []
