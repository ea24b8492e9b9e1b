"""Roles of provisioned people: the rule, every road on which a role comes or goes, the audit, the sessions that end."""

import json
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import bounds, clock
from app.administration.accounts import administrators, sessions
from app.administration.accounts.sessions import Browser
from app.administration.audit import Action, Actor, record
from app.administration.errors import Refused
from app.administration.roles import granted_roles, role_mapping
from app.administration.roles import granted_roles as grants
from app.administration.roles.role_mapping import Outdated, RawRule
from app.console_roles import Role
from app.provisioning import bulk_execution, resource_operations
from app.provisioning.resource_operations import Author
from app.scim.bulk_message import read_bulk
from app.scim.projection import Selection
from app.scim.protocol_messages import read_patch
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER, ResourceType
from app.store import integrity_check
from app.store.access import audit_rows
from app.store.database import directory_database
from app.store.directory import rebuild_derived_rows
from tests.administration.conftest import EVA, PASSWORD

CLIENT = Author("abc123", "key 1a2b3c4d")
NOTHING = Selection(attributes=frozenset())
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ADMIN: RawRule = ("app_role", "Admin", "operator")


@pytest.fixture(autouse=True)
def ready(app: Flask) -> Iterator[None]:
    """In the application's context; afterwards what is kept is what follows from the mapping."""
    yield
    assert faults() == []


def person(name: str, *app_roles: str, **values: Any) -> str:
    roles = [{"value": one} for one in app_roles]
    body = {"schemas": [USER.schema.urn], "userName": name, "roles": roles, "active": True} | values
    return resource_operations.create(USER, body, CLIENT).record.id


def group(name: str, *members: str) -> str:
    body = {"schemas": [GROUP.schema.urn], "displayName": name, "members": [{"value": one} for one in members]}
    return resource_operations.create(GROUP, body, CLIENT, NOTHING).record.id


def patch(resource_type: ResourceType, resource_id: str, *operations: dict[str, Any]) -> None:
    message = read_patch({"schemas": [PATCH], "Operations": list(operations)})
    resource_operations.change(resource_type, resource_id, message, CLIENT, selection=NOTHING)


def save(*lines: RawRule) -> None:
    role_mapping.save(lines, role_mapping.preview(lines).fingerprint, EVA)


def role(user_id: str) -> str:
    found = granted_roles.grant_of(user_id)
    return found.role if found else ""


def enter(user_id: str) -> str:
    with directory_database.writing() as connection:
        now = clock.to_wire(clock.utc_now())
        record(connection, Actor("person"), Action.SIGNED_IN, person=user_id)
        return sessions.begin(connection, Browser(), "single sign-on", now, user_id=user_id)


def told(since: int = 0) -> list[tuple[str, str, str, str, str, str]]:
    """The audit but for sign-ins: actor, action, target, old, new, because."""
    acts = "SELECT actor, action, target, detail FROM audit WHERE action <> 'signed-in' ORDER BY id"
    with directory_database.reading() as connection:
        found = connection.exec_driver_sql(acts).all()
    entries = [(actor, action, target, json.loads(detail)) for actor, action, target, detail in found[since:]]
    return [
        (actor, action, target, detail.get("old", ""), detail.get("new", ""), detail.get("because", ""))
        for actor, action, target, detail in entries
    ]


def faults() -> list[str]:
    with directory_database.reading() as connection:
        return integrity_check.check(connection, RESOURCE_TYPES)


# --- the rule ---------------------------------------------------------------------------------------------------------


def test_without_a_mapping_nobody_has_a_role():
    ana = person("ana", "Admin")
    group("Admins", ana)
    assert role(ana) == "" and told() == [] and granted_roles.granted().people == []


COMPOSED, APART = "Vérificateur", unicodedata.normalize("NFD", "Vérificateur")


@pytest.mark.parametrize(
    ("sent", "gives"),
    [
        ([{"value": "Admin"}], True),
        ([{"value": "  Admin\t"}], True),
        ([{"value": "Reader"}, {"value": "Admin"}], True),
        ("Admin", True),
        (["Admin"], True),
        ([{"primary": "True", "type": "WindowsAzureActiveDirectoryRole", "value": "Admin"}], True),
        ([{"value": '{"id":"1","value":"Admin","displayName":"Administrators"}'}], True),
        ([{"value": "admin"}], False),
        ([{"value": "Admin2"}], False),
        ([{"value": "Ad min"}], False),
        ([{"displayName": "Admin"}], False),
        ([{"display": "Admin", "type": "Admin", "id": "Admin", "primary": True}], False),
        ([{"value": '{"id":"1","displayName":"Admin"}'}], False),
        ([], False),
        (None, False),
    ],
)
def test_the_shapes_of_an_app_role(sent: Any, gives: bool):
    save(ADMIN)
    ana = person("ana", roles=sent)
    assert role(ana) == ("operator" if gives else "")
    patch(USER, ana, {"op": "Replace", "path": "roles", "value": [{"value": "Other"}]})
    assert role(ana) == ""
    if sent:
        patch(USER, ana, {"op": "Replace", "path": "roles", "value": sent})
        assert role(ana) == ("operator" if gives else "")


@pytest.mark.parametrize(("mapped", "sent"), [(COMPOSED, APART), (APART, COMPOSED), (f" {APART} ", COMPOSED)])
def test_letters_are_the_same_however_they_were_composed(mapped: str, sent: str):
    save(("app_role", mapped, "viewer"))
    assert role(person("ana", sent)) == "viewer"
    assert role(person("ben", sent.upper())) == ""


def test_the_highest_role_counts():
    ana = person("ana", "Reader", "Admin", "Chief")
    readers = group("Readers", ana)
    save(("app_role", "Reader", "viewer"), ("app_role", "Chief", "owner"), ADMIN, ("group", readers, "operator"))
    assert role(ana) == "owner"
    patch(USER, ana, {"op": "Remove", "path": 'roles[value eq "Chief"]'})
    assert role(ana) == "operator"
    patch(USER, ana, {"op": "Remove", "path": "roles"})
    found = granted_roles.grant_of(ana)
    assert found and (found.role, found.because) == ("operator", 'group "Readers"')
    patch(GROUP, readers, {"op": "Remove", "path": "members", "value": [{"value": ana}]})
    assert role(ana) == ""


def test_only_active_people_and_direct_members():
    ana, ben, cid = person("ana"), person("ben", active=False), person("cid", active=None)
    inner = group("Inner", ana)
    outer = group("Outer", inner, ben, cid, "nobody-here")
    save(("group", outer, "viewer"))
    assert [role(one) for one in (ana, ben, cid)] == ["", "", "viewer"]
    assert granted_roles.granted().totals == {Role.VIEWER: 1}


# --- every road -------------------------------------------------------------------------------------------------------

Road = Callable[[str], Any]


def put(user_id: str, *app_roles: str, active: bool = True) -> None:
    body = {"schemas": [USER.schema.urn], "userName": "ana", "active": active}
    resource_operations.replace(USER, user_id, body | {"roles": [{"value": one} for one in app_roles]}, CLIENT)


def one(op: str, path: str, value: Any) -> Road:
    return lambda user_id: patch(USER, user_id, {"op": op, "path": path, "value": value})


def in_bulk(method: str, data: Any = None) -> Road:
    def run(user_id: str) -> None:
        operation = {"method": method, "path": f"/Users/{user_id}"} | ({"data": data} if data else {})
        message = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [operation]}
        done = bulk_execution.run(read_bulk(message), RESOURCE_TYPES, "https://here", CLIENT)
        assert [outcome.error for outcome in done.outcomes] == [None]

    return run


OFF = {"schemas": [PATCH], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]}


@pytest.mark.parametrize(
    ("road", "because"),
    [
        (lambda user_id: put(user_id), 'no longer by app role "Admin"'),
        (lambda user_id: put(user_id, "Admin", active=False), "disabled"),
        (one("Replace", "active", "False"), "disabled"),
        (one("Replace", "roles", [{"value": "Other"}]), 'no longer by app role "Admin"'),
        (one("Replace", 'roles[value eq "Admin"].value', "Other"), 'no longer by app role "Admin"'),
        (lambda user_id: resource_operations.delete(USER, user_id, CLIENT), "deleted"),
        (in_bulk("DELETE"), "deleted"),
        (in_bulk("PATCH", OFF), "disabled"),
    ],
)
def test_roads_on_which_a_person_loses_it(road: Road, because: str):
    save(ADMIN)
    ana, ben = person("ana", "Admin"), person("ben", "Admin")
    tokens = [enter(ana), enter(ben)]
    before = len(told())
    road(ana)
    assert (role(ana), role(ben)) == ("", "operator")
    assert told(before) == [("client 1a2b3c4d", "role-lost", "ana", "operator", "", because)]
    assert [sessions.session(one) is not None for one in tokens] == [False, True]


@pytest.mark.parametrize(
    "road",
    [
        lambda g, ids: patch(GROUP, g, {"op": "Remove", "path": "members", "value": [{"value": ids[0]}]}),
        lambda g, ids: patch(GROUP, g, {"op": "Remove", "path": f'members[value eq "{ids[0]}"]'}),
        lambda g, ids: patch(GROUP, g, {"op": "Replace", "path": "members", "value": [{"value": ids[1]}]}),
        lambda g, ids: resource_operations.replace(
            GROUP, g, {"schemas": [GROUP.schema.urn], "displayName": "A", "members": [{"value": ids[1]}]}, CLIENT
        ),
    ],
)
def test_roads_on_which_a_member_loses_it(road: Callable[[str, list[str]], Any]):
    ids = [person("ana"), person("ben")]
    mapped, other = group("Admins"), group("Others", *ids)
    save(("group", mapped, "operator"))
    before = len(told())
    patch(GROUP, mapped, {"op": "Add", "path": "members", "value": [{"value": one} for one in ids]})
    tokens = [enter(one) for one in ids]
    road(mapped, ids)
    resource_operations.delete(GROUP, other, CLIENT)
    assert [role(one) for one in ids] == ["", "operator"]
    given, lost = ("", "operator", 'group "Admins"'), ("operator", "", 'no longer by group "A')
    assert sorted(told(before)[:2]) == [("client 1a2b3c4d", "role-granted", name, *given) for name in ("ana", "ben")]
    ((actor, action, name, old, new, because),) = told(before)[2:]
    assert (actor, action, name) == ("client 1a2b3c4d", "role-lost", "ana")
    assert (old, new) == lost[:2] and because.startswith(lost[2])
    assert [sessions.session(one) is not None for one in tokens] == [False, True]


def test_a_mapped_group_is_deleted():
    ana, ben = person("ana", "Admin"), person("ben")
    mapped = group("Chiefs", ana, ben)
    save(ADMIN, ("group", mapped, "owner"))
    before = len(told())
    resource_operations.delete(GROUP, mapped, CLIENT)
    assert (role(ana), role(ben)) == ("operator", "")
    assert sorted(told(before)) == [
        ("client 1a2b3c4d", "role-changed", "ana", "owner", "operator", 'app role "Admin"'),
        ("client 1a2b3c4d", "role-lost", "ben", "owner", "", 'no longer by group "Chiefs"'),
    ]
    assert role_mapping.mapping().rules[0].is_gone
    with pytest.raises(Refused, match="There is no group"):
        role_mapping.preview([("group", mapped, "owner")])


def test_a_rename_and_an_unmapped_group_change_nothing():
    ana = person("ana")
    mapped, other = group("Chiefs", ana), group("Others")
    save(("group", mapped, "owner"))
    token, before = enter(ana), told()
    patch(GROUP, mapped, {"op": "Replace", "path": "displayName", "value": "Chairs"})
    patch(GROUP, other, {"op": "Add", "path": "members", "value": [{"value": ana}]})
    patch(USER, ana, {"op": "Replace", "path": "title", "value": "Chief"})
    assert told() == before and sessions.session(token)
    found = granted_roles.grant_of(ana)
    assert found and found.because == 'group "Chairs"'


def test_whoever_is_enabled_again_has_it_again(pass_time: Callable[[float], None]):
    save(ADMIN)
    ana = person("ana", "Admin")
    for value, expected in (("False", ""), ("True", "operator")):
        pass_time(60)
        patch(USER, ana, {"op": "Replace", "path": "active", "value": value})
        assert role(ana) == expected
    found = granted_roles.grant_of(ana)
    assert found and found.since == "2026-03-01T08:02:00.000Z"


def test_another_line_with_the_same_role_is_no_other_role(pass_time: Callable[[float], None]):
    ana = person("ana", "Admin")
    admins = group("Admins", ana)
    save(ADMIN, ("group", admins, "operator"))
    token, before = enter(ana), told()
    pass_time(60)
    patch(USER, ana, {"op": "Remove", "path": "roles"})
    found = granted_roles.grant_of(ana)
    assert found and (found.because, found.since) == ('group "Admins"', "2026-03-01T08:00:00.000Z")
    assert told() == before and sessions.session(token)


def test_somebody_made_in_bulk():
    """In a circle, whose members are told their ids before they are made."""
    save(ADMIN)
    schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]
    new = {"schemas": [USER.schema.urn], "userName": "ana", "roles": [{"value": "Admin"}], "title": "bulkId:g"}
    inside = {"schemas": [GROUP.schema.urn], "displayName": "A", "members": [{"value": "bulkId:u"}]}
    operations = [
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": inside},
        {"method": "POST", "path": "/Users", "bulkId": "u", "data": new},
    ]
    bulk_execution.run(
        read_bulk({"schemas": schemas, "Operations": operations}), RESOURCE_TYPES, "https://here", CLIENT
    )
    (found,) = granted_roles.granted().people
    assert (found.name, found.role) == ("ana", "operator")


def test_a_refused_change_leaves_the_role():
    save(ADMIN)
    ana = person("ana", "Admin")
    token, before = enter(ana), told()
    with pytest.raises(Exception, match="userName"):
        patch(USER, ana, {"op": "Remove", "path": "roles"}, {"op": "Remove", "path": "userName"})
    assert role(ana) == "operator" and told() == before and sessions.session(token)
    patch(
        USER,
        ana,
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Remove", "path": "userName"},
    )
    assert role(ana) == "" and not sessions.session(token), "a disable is not refused for another value"


def test_without_a_mapping_a_session_ends_with_its_person():
    ana, ben = person("ana"), person("ben")
    tokens = [enter(ana), enter(ana), enter(ben)]
    patch(USER, ana, {"op": "Replace", "path": "title", "value": "Chief"})
    assert all(map(sessions.session, tokens))
    patch(USER, ana, {"op": "Replace", "path": "active", "value": "False"})
    patch(USER, ana, {"op": "Replace", "path": "active", "value": "True"})
    assert [sessions.session(one) is not None for one in tokens] == [False, False, True]
    resource_operations.delete(USER, ben, CLIENT)
    assert sessions.session(tokens[2]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"op": "Replace", "path": "externalId", "value": "another"},
        {"op": "Replace", "value": {"externalId": "ANA"}},
        {"op": "Remove", "path": "externalId"},
    ],
)
def test_a_session_ends_when_its_record_comes_to_mean_somebody_else(change: dict[str, str]):
    """Whoever signed in was found by the externalId: with another one the record is not theirs any more."""
    ana, ben = person("ana", externalId="ana"), person("ben", externalId="ben")
    tokens = [enter(ana), enter(ben)]
    patch(USER, ana, {"op": "Replace", "path": "title", "value": "Chief"})
    assert all(map(sessions.session, tokens))
    patch(USER, ana, change)
    assert [sessions.session(one) is not None for one in tokens] == [False, True]


def test_a_session_ends_when_a_whole_record_is_put_for_somebody_else():
    ana = person("ana", externalId="ana")
    token = enter(ana)
    body = {"schemas": [USER.schema.urn], "userName": "ana", "active": True}
    resource_operations.replace(USER, ana, body | {"externalId": "ana", "title": "Chief"}, CLIENT)
    assert sessions.session(token)
    resource_operations.replace(USER, ana, body, CLIENT)
    assert sessions.session(token) is None


def test_the_audit_tells_two_people_of_one_name_apart():
    """A client gives display names, and any number of people the same one."""
    who = [sessions.session(enter(person(name, displayName="Ana Ruiz"))) for name in ("ana", "ana.too")]
    assert [str(one and one.actor("")) for one in who] == ["person ana", "person ana.too"]
    assert {one.user_name for one in who if one} == {"Ana Ruiz"}, "as pages show them"


def test_a_start_that_derives_rows_anew_mends_roles(path: Path):
    save(ADMIN)
    ana = person("ana", "Admin")
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE resource SET document = replace(document, 'Admin', 'Other')")
        file.execute("UPDATE derivation SET fingerprint = ''")
        file.execute("INSERT OR IGNORE INTO derivation VALUES ('User', '')")
    before = len(told())
    rebuild_derived_rows.rebuild(RESOURCE_TYPES, grants.settle)
    assert role(ana) == ""
    assert told(before) == [("itself", "role-lost", "ana", "operator", "", 'no longer by app role "Admin"')]


# --- preview and saving -----------------------------------------------------------------------------------------------


def test_a_preview_says_who_gains_loses_and_changes():
    ana, ben, cid = person("ana", "Admin"), person("ben", "Reader"), person("cid", "Admin", "Reader")
    save(ADMIN)
    tokens = [enter(one) for one in (ana, ben, cid)]
    lines: list[RawRule] = [("app_role", "Reader", "viewer")]
    found = role_mapping.preview(lines)
    shown = [[(one.name, one.old, one.new) for one in of.people] for of in (found.gains, found.loses, found.changes)]
    assert shown == [[("ben", None, "viewer")], [("ana", "operator", None)], [("cid", "operator", "viewer")]]
    assert [role(one) for one in (ana, ben, cid)] == ["operator", "", "operator"], "nothing is saved yet"
    before = len(told())
    role_mapping.save(lines, found.fingerprint, EVA)
    assert [role(one) for one in (ana, ben, cid)] == ["", "viewer", "viewer"]
    assert [sessions.session(one) for one in tokens] == [None, None, None]
    assert told(before)[:2] == [
        ("operator eva", "mapping-saved", 'app role "Admin"', "operator", "no role", ""),
        ("operator eva", "mapping-saved", 'app role "Reader"', "no role", "viewer", ""),
    ]
    assert sorted(told(before)[2:], key=lambda entry: entry[2]) == [
        ("operator eva", "role-lost", "ana", "operator", "", 'no longer by app role "Admin"'),
        ("operator eva", "role-granted", "ben", "", "viewer", 'app role "Reader"'),
        ("operator eva", "role-changed", "cid", "operator", "viewer", 'app role "Reader"'),
    ]


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda: person("ben", "Admin"),
        lambda: save(("app_role", "Nobody", "viewer")),
        lambda: resource_operations.delete(USER, granted_roles.granted().people[0].user_id, CLIENT),
    ],
)
def test_what_changed_since_the_preview_is_not_saved(meanwhile: Callable[[], Any]):
    save(("app_role", "Chief", "owner"))
    person("ana", "Chief")
    found = role_mapping.preview([ADMIN])
    meanwhile()
    before, held = told(), role_mapping.mapping()
    with pytest.raises(Outdated):
        role_mapping.save([ADMIN], found.fingerprint, EVA)
    assert told() == before and role_mapping.mapping() == held


def test_what_does_not_matter_to_the_outcome_may_change():
    found = role_mapping.preview([ADMIN])
    person("ben", "Reader")
    role_mapping.save([ADMIN], found.fingerprint, EVA)
    assert role(person("ana", "Admin")) == "operator"


def test_saving_the_same_again_is_no_act():
    save(ADMIN)
    before = told()
    save(("app_role", " Admin ", "operator"))
    assert told() == before


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([("app_role", "Admin", "emperor")], "Choose a source and a role"),
        ([("person", "ana", "owner")], "Choose a source and a role"),
        ([("group", "Nowhere", "viewer")], 'There is no group "Nowhere" here'),
        ([ADMIN, ("app_role", "Admin ", "owner")], 'app role "Admin" is in two rules'),
        ([("app_role", "x" * (bounds.ROLE_VALUE_LENGTH + 1), "viewer")], "at most 120 printable"),
        ([("app_role", "a\x00b", "viewer")], "at most 120 printable"),
        ([("app_role", f"Role {n}", "viewer") for n in range(bounds.ROLE_RULES + 1)], "at most 20 rules"),
    ],
)
def test_lines_that_are_refused(lines: list[RawRule], says: str):
    for attempt in (lambda: role_mapping.preview(lines), lambda: role_mapping.save(lines, "", EVA)):
        with pytest.raises(Refused, match=says):
            attempt()
    assert role_mapping.mapping().rules == [] and told() == []


def test_a_group_is_found_by_its_name_and_kept_by_its_id():
    admins = group("Console Admins")
    save(("group", "console ADMINS", "viewer"))
    (found,) = role_mapping.mapping().rules
    assert (found.rule.value, found.name) == (admins, "Console Admins")
    with pytest.raises(Refused, match="two rules"):
        role_mapping.preview([("group", admins, "viewer"), ("group", "Console Admins", "owner")])


def test_many_people_are_named_up_to_a_bound_and_audited_one_by_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "GRANTS_SHOWN", 3)
    monkeypatch.setattr(grants, "_ROWS_AT_ONCE", 4)
    people = [person(f"person{number}", "Admin") for number in range(10)]
    found = role_mapping.preview([ADMIN])
    assert (len(found.gains.people), found.gains.total) == (3, 10)
    save(ADMIN)
    assert sorted(entry[2] for entry in told() if entry[1] == "role-granted") == sorted(
        f"person{number}" for number in range(len(people))
    )
    assert (len(granted_roles.granted().people), granted_roles.granted().totals) == (3, {Role.OPERATOR: 10})


# --- news, check ------------------------------------------------------------------------------------------------------


def test_news_of_the_last_days(pass_time: Callable[[float], None], monkeypatch: pytest.MonkeyPatch):
    people = [person(f"person{number}", "Admin") for number in range(3)]
    save(ADMIN)
    pass_time(60)
    person("late", "Admin")
    for active in ("False", "True", "False"):
        patch(USER, people[0], {"op": "Replace", "path": "active", "value": active})
    shown = sorted((one.number, one.has_lost, one.role, one.is_provisioned) for one in granted_roles.news())
    assert shown == [(1, True, "operator", True), (2, False, "operator", True), (3, False, "operator", False)]
    monkeypatch.setattr(bounds, "ROLE_NEWS", 2)
    assert any(one.is_more for one in granted_roles.news())
    pass_time(bounds.ROLE_NEWS_DAYS * 86_400 - 30)
    assert {one.is_provisioned for one in granted_roles.news()} == {True}, "what is older is no news"
    pass_time(60)
    assert granted_roles.news() == []


def test_the_audit_is_a_chain_behind_many_entries():
    for number in range(3):
        person(f"person{number}", "Admin")
    save(ADMIN)
    administrators.create_operator("ada", PASSWORD, EVA)
    with directory_database.reading() as connection:
        assert list(audit_rows.faults(connection)) == []


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("UPDATE granted_role SET role = 'owner'", "has owner, by the mapping it is operator"),
        ("DELETE FROM granted_role", "has no role, by the mapping it is operator"),
        ("DELETE FROM role_mapping", "has operator, by the mapping it is no role"),
        ("UPDATE granted_role SET because = 'group:x'", "by another line of the mapping"),
        ("UPDATE granted_role SET role = 'emperor'", "no role is called emperor"),
        ("UPDATE role_mapping SET role = 'emperor'", "no role is called emperor"),
    ],
)
def test_check_sees_a_role_that_does_not_follow(path: Path, damage: str, says: str):
    save(ADMIN)
    person("ana", "Admin")
    with closing(sqlite3.connect(path)) as file:
        with file:
            file.execute(damage)
        finding, *others = faults()
        assert finding.startswith("granted_role: ") and says in finding
        assert all("no entry says that role_mapping" in one for one in others)
        with file:
            file.execute("DELETE FROM role_mapping")
            file.execute("DELETE FROM granted_role")
