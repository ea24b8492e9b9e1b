"""What is remembered of administrators' rows: read once, and again after every change, whoever makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from app import clock
from app.administration import audit, strict_attributes
from app.administration.credentials import access_tokens, bearer_token_check, key_last_use, oauth_clients, scim_keys
from app.administration.ip_allow_list import allow_list
from app.administration.ip_allow_list.enforcement import Mode
from app.console_roles import Role
from app.store.access import audit_rows, role_rows
from app.store.access.role_rows import MappingRule
from app.store.database import directory_database, remembered_reads
from app.store.database.directory_database import Connection
from app.store.directory import strict_attribute_rows
from tests.store.conftest import make_app

pytestmark = pytest.mark.usefixtures("app")
BY = audit.HOST
OWNERS = MappingRule("app_role", "Owner", Role.OWNER)


def number() -> int:
    with directory_database.reading() as connection:
        return remembered_reads.number_of(connection)


def map_roles() -> None:
    with directory_database.writing() as connection:
        role_rows.rewrite_mapping(connection, [OWNERS])


@pytest.fixture
def changes() -> dict[str, Callable[[], object]]:
    """Administrators' actions in an order in which each is possible."""
    key, client = scim_keys.create_key("", BY), oauth_clients.create_client("Entra", BY)
    second = oauth_clients.create_secret(client.client_id, BY)
    access_tokens.token_for_secret(client.client_id, second.text, "")
    [secret, _] = oauth_clients.list_clients()[0].secrets
    return {
        "revoke a key": lambda: scim_keys.stop_key(key.row.id, BY),
        "revoke a secret": lambda: oauth_clients.stop_secret(secret.id, BY),
        "revoke a client": lambda: oauth_clients.stop_client(client.client_id, BY),
        "allow a network": lambda: allow_list.allow(["192.0.2.0/24", "10.0.0.1"], "", BY),
        "enforce the list": lambda: allow_list.set_mode(Mode.ENFORCE, BY),
        "remove a network": lambda: allow_list.remove("10.0.0.1", BY),
        "require an attribute": lambda: strict_attributes.set_strict("User", "title", True, BY),
        "recommend an attribute": lambda: strict_attributes.set_strict("User", "title", False, BY),
        "map roles": map_roles,
    }


def test_each_change_has_another_number(changes: dict[str, Callable[[], object]]) -> None:
    numbers = [number()]
    for name, change in changes.items():
        change()
        assert number() > numbers[-1], name
        numbers.append(number())


def test_a_use_of_a_key_is_no_change() -> None:
    key, client = scim_keys.create_key("", BY), oauth_clients.create_client("Entra", BY)
    token = access_tokens.token_for_secret(client.client_id, client.text, "").text
    before = number()
    key_last_use.note_key_use(key.row.id, "192.0.2.1")
    with directory_database.reading() as connection:
        access_tokens.note_token_use(bearer_token_check.judge_bearer(connection, token).credential, "192.0.2.1")
    assert scim_keys.list_keys()[0].last_used and oauth_clients.list_clients()[0].secrets[0].last_used
    assert number() == before


@pytest.fixture
def other(path: Path) -> Iterator[Flask]:
    """Another process on the same file: an application with a memory of its own."""
    other = make_app(directory_database.address(path))
    yield other
    with other.app_context():
        directory_database.file.close()


def test_what_another_process_changes_holds_for_the_next_transaction(other: Flask) -> None:
    key, client = scim_keys.create_key("", BY), oauth_clients.create_client("Entra", BY)
    token = access_tokens.token_for_secret(client.client_id, client.text, "").text

    def are_valid() -> list[bool]:
        with directory_database.reading() as connection:
            return [bearer_token_check.judge_bearer(connection, one).is_valid for one in (key.text, token)]

    assert are_valid() == are_valid() == [True, True]
    with other.app_context():
        scim_keys.stop_key(key.row.id, BY)
    assert are_valid() == [False, True]
    with other.app_context():
        oauth_clients.stop_client(client.client_id, BY)
    assert are_valid() == [False, False]
    with other.app_context():
        strict_attributes.set_strict("User", "title", True, BY)
    with directory_database.writing() as connection:
        assert strict_attribute_rows.strict_paths(connection, "User") == {"title"}


def test_what_was_remembered_before_a_rollback_is_forgotten() -> None:
    """Also where the next change would raise the number by the same step."""

    def mapping(connection: Connection) -> list[MappingRule]:
        return list(role_rows.mapping(connection))

    class UndoneError(Exception):
        pass

    for _ in range(2):
        with pytest.raises(UndoneError), directory_database.writing() as connection:
            role_rows.rewrite_mapping(connection, [OWNERS])
            assert mapping(connection) == [OWNERS]
            raise UndoneError
        strict_attributes.set_strict("User", "title", True, BY)
        strict_attributes.set_strict("User", "title", False, BY)
        with directory_database.reading() as connection:
            assert mapping(connection) == []


def test_what_is_remembered_is_not_read() -> None:
    read: list[tuple[str, ...]] = []

    @remembered_reads.remembered
    def double(connection: Connection, *texts: str) -> str | None:
        read.append(texts)
        return texts[0] * 2 if texts else None

    with directory_database.reading() as connection:
        assert [double(connection, "a"), double(connection, "a"), double(connection, "b")] == ["aa", "aa", "bb"]
        assert read == [("a",), ("b",)]
        assert double(connection) is double(connection) is None
        assert len(read) == 4, "None is read each time"


def test_an_expired_token_is_refused_though_it_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    client = oauth_clients.create_client("Entra", BY)
    token = access_tokens.token_for_secret(client.client_id, client.text, "")
    with directory_database.reading() as connection:
        assert bearer_token_check.judge_bearer(connection, token.text).is_valid
        now = clock.utc_now()
        monkeypatch.setattr(clock, "utc_now", lambda: now + access_tokens.timedelta(seconds=token.expires_s + 1))
        assert bearer_token_check.judge_bearer(connection, token.text).fault == "expired"


def test_a_missing_trigger_is_a_fault() -> None:
    with directory_database.writing() as connection:
        assert not list(audit_rows.faults(connection))
        for name in remembered_reads.TRIGGERS:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
            assert list(audit_rows.faults(connection)) == [
                "generation: the triggers that raise its number are missing, or are others"
            ]
            connection.exec_driver_sql(remembered_reads.TRIGGERS[name])
