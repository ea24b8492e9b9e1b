"""The rules about operators: an owner always stays, and who lost a permission meanwhile changes nothing."""

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text

from app.administration import strict_attributes
from app.administration.accounts import administrators, password_sign_in, passwords, sessions
from app.administration.accounts import two_factor as factors
from app.administration.accounts.sessions import Browser, SignedIn
from app.administration.audit import HOST, Actor
from app.administration.credentials import scim_keys
from app.administration.errors import Refused, Withdrawn
from app.administration.permissions import Permission
from app.console_roles import Role
from app.provisioning.resource_operations import Author, create
from app.scim.resource_types import USER
from app.store.access.account_tables import granted_role
from app.store.database import directory_database
from tests.administration.conftest import HERE, PASSWORD, SEALER, signed_in
from tests.authenticator import Authenticator


@pytest.fixture(autouse=True)
def eva(app: Flask, monkeypatch: pytest.MonkeyPatch) -> SignedIn:
    """The one owner, with a session."""
    monkeypatch.setattr(passwords, "matches", lambda password, kept: password == PASSWORD and kept is not None)
    monkeypatch.setattr(passwords, "hash_password", lambda password: f"not hashed, {len(password)}")
    administrators.create_operator("eva", PASSWORD, HOST)
    return signed_in()


def roles() -> dict[str, tuple[Role, bool]]:
    return {one.user_name: (one.role, one.disabled) for one in administrators.list_operators()}


LAST_WAY_IN: dict[str, Callable[[Actor], None]] = {
    "delete": lambda by: administrators.delete_operator("eva", by),
    "demote": lambda by: administrators.set_role("eva", Role.OPERATOR, by),
    "disable": lambda by: administrators.set_disabled("eva", True, by),
}


@pytest.mark.parametrize("act", LAST_WAY_IN)
@pytest.mark.parametrize("by", ["herself", "host"])
def test_the_last_active_owner_stays(eva: SignedIn, act: str, by: str):
    administrators.create_operator("ada", PASSWORD, HOST, Role.OPERATOR)
    administrators.create_operator("bob", PASSWORD, HOST)
    administrators.set_disabled("bob", True, HOST)
    before = roles()
    actor = HOST if by == "host" else eva.actor(HERE, Permission.OPERATORS)
    with pytest.raises(Refused, match="last active owner"):
        LAST_WAY_IN[act](actor)
    assert roles() == before
    administrators.set_disabled("bob", False, HOST)
    LAST_WAY_IN[act](actor)
    assert roles() != before


def test_whatever_changes_an_operator_ends_their_sessions(eva: SignedIn):
    administrators.create_operator("ada", PASSWORD, HOST)
    by = eva.actor(HERE, Permission.OPERATORS)
    acts: list[Callable[[], None]] = [
        lambda: administrators.set_role("ada", Role.VIEWER, by),
        lambda: administrators.reset_password("ada", PASSWORD, by),
        lambda: administrators.remove_second_factor("ada", by),
        lambda: administrators.set_disabled("ada", True, by),
    ]
    for act in acts:
        token = password_sign_in.sign_in("ada", PASSWORD, Browser(HERE))
        who = sessions.session(token)
        assert who
        turn_on(who)
        act()
        assert sessions.session(token) is None
        if act is not acts[-1]:
            administrators.reset_password("ada", PASSWORD, HOST, removes_second_factor=True)


def turn_on(who: SignedIn) -> None:
    factors.begin(who, SEALER)
    pairing = factors.pairing(who, SEALER)
    assert pairing
    factors.confirm(who, Authenticator(pairing.secret).code_of(0), SEALER, who.actor(HERE))


def test_the_list_says_who_has_a_second_factor_and_signed_in_when(eva: SignedIn):
    administrators.create_operator("ada", PASSWORD, HOST)
    turn_on(eva)
    [first, second] = administrators.list_operators()
    assert (first.user_name, first.has_second_factor) == ("eva", True) and first.signed_in
    assert (second.user_name, second.has_second_factor, second.signed_in) == ("ada", False, "")


def test_a_reset_password_keeps_the_second_factor_unless_it_is_said(eva: SignedIn):
    turn_on(eva)
    administrators.reset_password("eva", PASSWORD, HOST)
    assert administrators.find_operator(" EVA ").has_second_factor
    administrators.reset_password("eva", PASSWORD, HOST, removes_second_factor=True)
    assert not administrators.find_operator("eva").has_second_factor
    assert password_sign_in.sign_in("eva", PASSWORD, Browser(HERE))
    with pytest.raises(Refused, match="already off"):
        administrators.remove_second_factor("eva", HOST)
    with pytest.raises(Refused, match="no administrator"):
        administrators.find_operator("nobody")


# --- permission and write in one transaction --------------------------------------------------------------------------

LOST: dict[str, str] = {
    "demoted": "UPDATE operator SET role = 'viewer' WHERE user_name = 'eva'",
    "disabled": "UPDATE operator SET disabled = 1 WHERE user_name = 'eva'",
    "deleted": "DELETE FROM operator WHERE user_name = 'eva'",
    "signed out": "DELETE FROM session",
}
ACTS: dict[str, tuple[Permission, Callable[[Actor], object]]] = {
    "key made": (Permission.KEYS, lambda by: scim_keys.create_key("", by)),
    "key stopped": (Permission.KEYS, lambda by: scim_keys.stop_key(scim_keys.list_keys()[0].id, by)),
    "strict": (Permission.OPERATE, lambda by: strict_attributes.set_strict("User", "displayName", True, by)),
    "operator made": (Permission.OPERATORS, lambda by: administrators.create_operator("bob", PASSWORD, by)),
    "role": (Permission.OPERATORS, lambda by: administrators.set_role("ada", Role.VIEWER, by)),
    "disabled": (Permission.OPERATORS, lambda by: administrators.set_disabled("ada", True, by)),
    "deleted": (Permission.OPERATORS, lambda by: administrators.delete_operator("ada", by)),
    "password": (Permission.OPERATORS, lambda by: administrators.reset_password("ada", PASSWORD, by)),
    "second factor": (Permission.OPERATORS, lambda by: administrators.remove_second_factor("ada", by)),
}
TABLES = ("operator", "scim_key", "strict_attribute", "second_factor", "recovery_code", "audit")


def contents() -> dict[str, list[tuple[object, ...]]]:
    with directory_database.reading() as connection:
        return {name: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))] for name in TABLES}


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("act", ACTS)
def test_who_lost_the_permission_meanwhile_changes_nothing(eva: SignedIn, act: str, lost: str):
    administrators.create_operator("ada", PASSWORD, HOST)
    turn_on(signed_in("ada"))
    scim_keys.create_key("first", HOST)
    permission, do = ACTS[act]
    by = eva.actor(HERE, permission)
    with directory_database.writing() as connection:
        connection.execute(text(LOST[lost]))
    before = contents()
    with pytest.raises(Withdrawn):
        do(by)
    assert contents() == before


@pytest.mark.parametrize("act", ACTS)
def test_who_has_it_still_does(eva: SignedIn, act: str):
    administrators.create_operator("ada", PASSWORD, HOST)
    turn_on(signed_in("ada"))
    scim_keys.create_key("first", HOST)
    before = contents()
    permission, do = ACTS[act]
    do(eva.actor(HERE, permission))
    assert contents() != before


def test_a_granted_role_is_read_anew_too():
    person = create(USER, {"schemas": [USER.schema.urn], "userName": "ana"}, Author("1", "key 1")).record.id
    now = "2026-03-01T08:00:00.000Z"
    with directory_database.writing() as connection:
        row = {"user_id": person, "role": "owner", "because": "test", "since": now}
        connection.execute(granted_role.insert(), row)
        token = sessions.begin(connection, Browser(), "single sign-on", now, user_id=person)
    who = sessions.session(token)
    assert who
    scim_keys.create_key("", who.actor(HERE, Permission.KEYS))
    with pytest.raises(Withdrawn):
        administrators.create_operator("bob", PASSWORD, who.actor(HERE, Permission.OPERATORS))
    for sql in (
        "UPDATE granted_role SET role = 'operator'",
        "DELETE FROM granted_role",
        "UPDATE resource SET document = json_set(document, '$.active', json('false')), active = 0",
    ):
        with directory_database.writing() as connection:
            connection.execute(text(sql))
        with pytest.raises(Withdrawn):
            scim_keys.create_key("", who.actor(HERE, Permission.KEYS))


def test_of_two_owners_who_demote_each_other_at_once_one_stays(eva: SignedIn, app: Flask):
    for _ in range(5):
        administrators.create_operator("ada", PASSWORD, HOST)
        owners = {"eva": signed_in(), "ada": signed_in("ada")}
        barrier, came = threading.Barrier(2), []

        def demote(
            name: str,
            other: str,
            owners: dict[str, SignedIn] = owners,
            barrier: threading.Barrier = barrier,
            came: list[str] = came,
        ) -> None:
            with app.app_context():
                by = owners[name].actor(HERE, Permission.OPERATORS)
                barrier.wait(30)
                try:
                    administrators.set_role(other, Role.VIEWER, by)
                    came.append(name)
                except (Refused, Withdrawn):
                    pass

        threads = [threading.Thread(target=demote, args=pair) for pair in (("eva", "ada"), ("ada", "eva"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        [winner] = came
        assert {name for name, (role, _) in roles().items() if role is Role.OWNER} == {winner}
        administrators.set_role("eva", Role.OWNER, HOST)
        administrators.delete_operator("ada", HOST)
