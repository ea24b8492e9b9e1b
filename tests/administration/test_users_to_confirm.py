"""Users that may be another person than before: when they are, what they have until an owner confirms them."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import bounds
from app.administration.accounts import sessions
from app.administration.errors import Refused
from app.administration.roles import granted_roles, users_to_confirm
from app.provisioning import resource_operations
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER
from app.store.database import directory_database
from app.store.directory import rebuild_derived_rows
from tests.administration.conftest import EVA
from tests.administration.test_granted_roles import ADMIN, CLIENT, enter, faults, group, patch, person, role, save, told
from tests.statements import recorded

FORMER, NEW = "former-object-id", "new-object-id"
DISABLE = {"op": "Replace", "path": "active", "value": "False"}
ENABLE = {"op": "Replace", "path": "active", "value": "True"}


def identify(external_id: str | None) -> dict[str, Any]:
    """The operation that gives a user another externalId."""
    if external_id is None:
        return {"op": "Remove", "path": "externalId"}
    return {"op": "Replace", "path": "externalId", "value": external_id}


TO_NEW, TO_NONE = identify(NEW), identify(None)
Requests = tuple[tuple[dict[str, Any], ...], ...]


@pytest.fixture(autouse=True)
def ready(app: Flask) -> Iterator[None]:
    """A mapping that gives a role; afterwards what is kept is what follows from the mapping."""
    save(ADMIN)
    yield
    assert faults() == []


def renewed(*requests: tuple[dict[str, Any], ...]) -> str:
    """The id of a user with an app role that has become another person's, or what the requests make of it."""
    ana = person("ana", "Admin", externalId=FORMER)
    for operations in requests or ((DISABLE,), (TO_NEW, ENABLE)):
        patch(USER, ana, *operations)
    return ana


def waiting() -> list[tuple[str, str, str]]:
    return [(one.name, one.former_id, one.external_id) for one in users_to_confirm.list_unconfirmed().users]


@pytest.mark.parametrize(
    "requests",
    [
        ((DISABLE,), (TO_NEW, ENABLE)),
        ((DISABLE,), (ENABLE, TO_NEW)),
        ((DISABLE,), ({"op": "Replace", "value": {"active": True, "externalId": NEW}},)),
        ((DISABLE,), (TO_NEW,), (ENABLE,)),
        ((DISABLE,), (ENABLE,), (TO_NEW,)),
        ((DISABLE, TO_NEW), (ENABLE,)),
        ((DISABLE,), (TO_NONE,), (ENABLE, TO_NEW)),
        ((DISABLE,), (TO_NONE, ENABLE), (TO_NEW,)),
        ((DISABLE,), (identify("third"),), (TO_NEW,), (ENABLE,)),
        ((DISABLE,), (TO_NEW, ENABLE), (DISABLE,), (ENABLE,)),
        ((TO_NEW,), (DISABLE,), (ENABLE,)),
        ((identify("third"),), (TO_NEW,), (DISABLE,), (ENABLE,)),
        ((TO_NONE,), (TO_NEW,), (DISABLE,), (ENABLE,)),
        ((TO_NONE,), (DISABLE,), (TO_NEW, ENABLE)),
        ((TO_NONE,), (DISABLE,), (TO_NEW,), (ENABLE,)),
        ((TO_NONE,), (DISABLE,), (ENABLE,), (TO_NEW,)),
        ((TO_NONE,), (DISABLE, TO_NEW), (ENABLE,)),
        ((TO_NONE,), (DISABLE,), (identify("third"),), (TO_NONE,), (TO_NEW, ENABLE)),
    ],
)
def test_a_user_that_was_disabled_and_gets_another_external_id_has_no_role(requests: Requests):
    ana = renewed(*requests)
    assert role(ana) == "" and waiting() == [("ana", FORMER, NEW)]
    found = users_to_confirm.find_unconfirmed(ana)
    assert found and found.grant and (found.grant.role, found.grant.because) == ("operator", 'app role "Admin"')


@pytest.mark.parametrize("between", [(), (TO_NONE,)])
def test_the_former_person_is_the_one_whose_external_id_the_user_had_last(between: tuple[dict[str, Any], ...]):
    ana = renewed((identify("second"),), between, (DISABLE,), (TO_NEW, ENABLE))
    assert role(ana) == "" and waiting() == [("ana", "second", NEW)]


@pytest.mark.parametrize("bodies", [[{"externalId": NEW}], [{}, {"active": False}, {"externalId": NEW}]])
def test_a_whole_record_that_is_put_is_recognized_as_well(bodies: list[dict[str, Any]]):
    ana = renewed((DISABLE,)) if len(bodies) == 1 else renewed(())
    for body in bodies:
        whole = {"schemas": [USER.schema.urn], "userName": "ana", "active": True, "roles": [{"value": "Admin"}]}
        resource_operations.replace(USER, ana, whole | body, CLIENT)
    assert role(ana) == "" and waiting() == [("ana", FORMER, NEW)]


@pytest.mark.parametrize(
    "requests",
    [
        ((DISABLE,), (ENABLE,)),
        ((TO_NEW,),),
        ((DISABLE,), (TO_NEW,), (identify(FORMER),), (ENABLE,)),
        ((DISABLE,), (TO_NEW, ENABLE), (identify(FORMER),)),
        ((DISABLE,), (TO_NONE,), (identify(FORMER), ENABLE)),
        ((TO_NONE,), (DISABLE,), (identify(FORMER), ENABLE)),
        ((TO_NONE,), (TO_NEW,)),
        ((TO_NEW,), (identify(FORMER),), (DISABLE,), (ENABLE,)),
        ((DISABLE,), (TO_NEW, ENABLE), (identify(FORMER),), (DISABLE,), (ENABLE,)),
    ],
)
def test_the_same_person_keeps_the_role(requests: Requests):
    """Another externalId of somebody who was not disabled is another mapping of Entra's, which changes everybody."""
    ana = renewed(*requests)
    assert role(ana) == "operator" and waiting() == []
    assert users_to_confirm.find_unconfirmed(ana) is None


def test_a_first_external_id_is_nobody_elses():
    ana = person("ana", "Admin")
    patch(USER, ana, DISABLE)
    patch(USER, ana, TO_NEW, ENABLE)
    assert role(ana) == "operator" and waiting() == []


def test_long_after_it_was_enabled_a_user_is_the_same_person(pass_time: Callable[[float], None]):
    ana = renewed((DISABLE,), (ENABLE,))
    pass_time(bounds.ENABLED_LATELY_S - 1)
    patch(USER, ana, identify("second"))
    assert role(ana) == ""
    patch(USER, ana, identify(FORMER))
    pass_time(2)
    patch(USER, ana, TO_NEW)
    assert role(ana) == "operator" and waiting() == []


def test_a_user_that_is_disabled_long_after_another_external_id_is_the_same_person(pass_time: Callable[[float], None]):
    ana, ben = renewed((TO_NEW,)), person("ben", "Admin", externalId="ben")
    pass_time(bounds.ENABLED_LATELY_S - 1)
    patch(USER, ben, identify("new ben"))
    pass_time(2)
    for user_id in (ana, ben):
        patch(USER, user_id, DISABLE)
        patch(USER, user_id, ENABLE)
    assert role(ana) == "operator" and waiting() == [("ben", "ben", "new ben")]


def test_a_removed_external_id_is_compared_however_long_ago_it_was(pass_time: Callable[[float], None]):
    ana = renewed((TO_NONE,))
    for operations in ((DISABLE,), (ENABLE,), (TO_NEW,)):
        pass_time(bounds.ENABLED_LATELY_S + 1)
        patch(USER, ana, *operations)
    assert role(ana) == "" and waiting() == [("ana", FORMER, NEW)]


def test_the_external_id_of_a_user_that_was_confirmed_without_one_is_compared():
    ana = renewed((DISABLE,), (TO_NONE, ENABLE))
    users_to_confirm.confirm_user(ana, "", EVA)
    assert role(ana) == "operator"
    patch(USER, ana, TO_NEW)
    assert role(ana) == "" and waiting() == [("ana", FORMER, NEW)]


def test_a_disabled_user_waits_for_nobody():
    ana = renewed((DISABLE,), (TO_NEW,))
    assert waiting() == [] and users_to_confirm.list_unconfirmed().total == 0
    assert users_to_confirm.find_unconfirmed(ana) is None
    patch(USER, ana, ENABLE)
    assert users_to_confirm.list_unconfirmed().total == 1


def test_no_group_and_no_change_of_the_mapping_gives_a_role():
    ana = renewed()
    console = group("Console")
    save(ADMIN, ("group", console, "owner"))
    patch(GROUP, console, {"op": "Add", "path": "members", "value": [{"value": ana}]})
    patch(USER, ana, {"op": "Replace", "path": "roles", "value": [{"value": "Other"}]})
    assert role(ana) == ""
    found = users_to_confirm.find_unconfirmed(ana)
    assert found and found.grant and (found.grant.role, found.grant.because) == ("owner", 'group "Console"')
    patch(GROUP, console, {"op": "Remove", "path": "members"})
    found = users_to_confirm.find_unconfirmed(ana)
    assert found and found.grant is None, "nothing would give a role"


def test_the_audit_says_why_a_role_is_lost():
    ana = renewed((DISABLE,), (ENABLE,))
    token, before = enter(ana), len(told())
    patch(USER, ana, TO_NEW)
    assert sessions.session(token) is None
    assert told(before) == [("client 1a2b3c4d", "role-lost", "ana", "operator", "", "another externalId")]


def test_an_owner_confirms_a_user():
    ana = renewed()
    who, before = sessions.session(enter(ana)), len(told())
    assert who and who.role is None, "signed in, with a profile and nothing more"
    users_to_confirm.confirm_user(ana, NEW, EVA)
    assert role(ana) == "operator" and waiting() == []
    assert told(before) == [
        ("operator eva", "user-confirmed", "ana", FORMER, NEW, ""),
        ("operator eva", "role-granted", "ana", "", "operator", 'app role "Admin"'),
    ]
    patch(USER, ana, DISABLE)
    patch(USER, ana, ENABLE)
    assert role(ana) == "operator" and waiting() == [], "the confirmed person comes back"
    patch(USER, ana, DISABLE)
    patch(USER, ana, identify(FORMER), ENABLE)
    assert role(ana) == "" and waiting() == [("ana", NEW, FORMER)]


def test_nobody_is_confirmed_whom_the_owner_did_not_see():
    ana = renewed()
    patch(USER, ana, identify("third"))
    before = told()
    with pytest.raises(Refused, match="another externalId"):
        users_to_confirm.confirm_user(ana, NEW, EVA)
    for user_id in (person("ben", "Admin", externalId="ben"), "nobody"):
        with pytest.raises(Refused, match="already confirmed"):
            users_to_confirm.confirm_user(user_id, "ben", EVA)
    assert [one for one in told() if one not in before] == [
        ("client 1a2b3c4d", "role-granted", "ben", "", "operator", 'app role "Admin"')
    ]
    assert role(ana) == ""


def test_it_survives_a_start_that_derives_rows_again(path: Path):
    ana = renewed()
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE derivation SET fingerprint = ''")
        file.execute("INSERT OR IGNORE INTO derivation VALUES ('User', '')")
    rebuild_derived_rows.rebuild(RESOURCE_TYPES, granted_roles.settle)
    assert role(ana) == "" and waiting() == [("ana", FORMER, NEW)]


def test_it_ends_with_the_user():
    resource_operations.delete(USER, renewed(), CLIENT)
    with directory_database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM unconfirmed_user").scalar_one() == 0


def test_the_latest_are_listed_up_to_a_bound(pass_time: Callable[[float], None], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "UNCONFIRMED_SHOWN", 2)
    for name in ("a", "b", "c"):
        user_id = person(name, externalId=FORMER + name)
        pass_time(1)
        patch(USER, user_id, DISABLE)
        patch(USER, user_id, identify(NEW + name), ENABLE)
    found = users_to_confirm.list_unconfirmed()
    assert ([one.name for one in found.users], found.total) == (["c", "b"], 3)


def test_the_list_reads_no_other_users(app: Flask) -> None:
    """The Status page has it: SQLite must not begin with all active users."""
    renewed()
    with recorded() as statements:
        assert len(waiting()) == 1
    with directory_database.reading() as connection:
        plans = [
            row[3]
            for sql, parameters in statements
            if "unconfirmed_user" in sql
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)
        ]
    assert "SCAN unconfirmed_user" in plans
    assert not [step for step in plans if step.startswith("SCAN resource")]
