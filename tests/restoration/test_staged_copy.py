"""What a restore keeps from the present database, and what it takes from the copy."""

import errno
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from app import create_app, data_folder, exit_codes, file_swap
from app.administration import audit
from app.administration.accounts import administrators, password_sign_in
from app.administration.accounts.sessions import Browser
from app.administration.audit import HOST
from app.administration.credentials import oauth_clients, scim_keys
from app.administration.errors import Refused
from app.administration.roles import granted_roles, role_mapping, users_to_confirm
from app.console_roles import Role
from app.provisioning import erasures, resource_operations
from app.provisioning.resource_operations import Author
from app.restoration import staged_copy
from app.restoration.console_restore import ConsoleRestore
from app.restoration.staged_copy import Preview
from app.scim.protocol_messages import Operation
from app.scim.resource_types import GROUP, USER
from app.settings import Settings
from app.store import integrity_check
from app.store.access import audit_rows, scim_key_rows
from app.store.database import directory_database, sqlite_driver
from app.web.request_log import middleware
from tests.cheap import make_database
from tests.conftest import wait_until
from tests.web.visitor import PASSWORD

ENTRA = Author("1", "key 1")
ANOTHER = "a green kettle sings"


class World:
    """A data folder and an application on it, which a restore replaces by a new one."""

    def __init__(self, data: Path) -> None:
        self.settings = Settings(data=data, listen=("127.0.0.1", 7644))
        data.mkdir()
        make_database(self.settings.database)
        self.app = create_app(self.settings)

    def copy(self, name: str = "copy") -> Path:
        path = self.settings.data.parent / f"{name}.sqlite3"
        with closing(sqlite_driver.module.connect(self.settings.database)) as connection:
            connection.execute("VACUUM INTO ?", (str(path),))
        return path

    def preview(self, copy: Path) -> Preview:
        try:
            return staged_copy.stage(copy, self.settings).preview()
        finally:
            staged_copy.discard(self.settings)

    def restore(self, copy: Path, *, is_reactivating: bool = False) -> Preview:
        self.close()
        staged = staged_copy.stage(copy, self.settings)
        preview = staged.preview()
        staged.complete(HOST, is_reactivating=is_reactivating)
        file_swap.swap(self.settings.data, staged.also_replaced)
        self.app = create_app(self.settings)
        return preview

    def close(self) -> None:
        middleware.of(self.app).recorder.close()
        with self.app.app_context():
            directory_database.file.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "recnice")
    yield world
    with world.app.app_context(), directory_database.reading() as connection:
        assert not integrity_check.check(connection, world.app.config["RECNICE_RESOURCE_TYPES"])
    world.close()


def sign_in(app: Flask, password: str) -> bool:
    with app.app_context():
        try:
            return bool(password_sign_in.sign_in("eva", password, Browser("127.0.0.1")))
        except Refused:
            return False


def test_who_may_do_what_stays_as_it_is_now(world: World) -> None:
    with world.app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
        administrators.create_operator("mia", PASSWORD, HOST)
        kept, revoked = (scim_keys.create_key(name, HOST).row.id for name in ("kept", "revoked"))
        client = oauth_clients.create_client("client", HOST)
    copy = world.copy()
    with world.app.app_context():
        administrators.reset_password("eva", ANOTHER, HOST)
        administrators.delete_operator("mia", HOST)
        scim_keys.stop_key(revoked, HOST)
        made = scim_keys.create_key("made", HOST).row.id
        oauth_clients.stop_client(client.client_id, HOST)
        with directory_database.reading() as connection:
            before = audit_rows.head(connection)
    preview = world.restore(copy)
    assert preview.differences is not None
    assert preview.differences.administrators == 1
    assert preview.differences.revoked >= 2, "a key, and a client"
    assert not sign_in(world.app, PASSWORD), "the former password"
    assert sign_in(world.app, ANOTHER)
    with world.app.app_context():
        assert [one.user_name for one in administrators.list_operators()] == ["eva"]
        with directory_database.reading() as connection:
            assert {key.id for key in scim_key_rows.list_active(connection)} == {kept, made}
            assert audit_rows.find_by_hash(connection, before[1]) == before[0], "a noted hash is still there"


def test_who_would_get_back_a_role_waits_for_an_owner(world: World) -> None:
    with world.app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
        ids = [resource_operations.create(USER, {"userName": name}, ENTRA).record.id for name in ("ana", "bob")]
        members = [{"value": id} for id in ids]
        group = resource_operations.create(GROUP, {"displayName": "Owners", "members": members}, ENTRA).record.id
        lines = [("group", group, "owner")]
        role_mapping.save(lines, role_mapping.preview(lines).fingerprint, HOST)
        assert all(granted_roles.grant_of(id) for id in ids)
    copy = world.copy()
    with world.app.app_context():
        leave = Operation("remove", "members", [{"value": ids[0]}])
        resource_operations.change(GROUP, group, [leave], ENTRA)
    preview = world.restore(copy)
    assert preview.differences is not None
    assert preview.differences.memberships == 1
    assert not preview.faults
    with world.app.app_context():
        assert granted_roles.grant_of(ids[0]) is None
        kept = granted_roles.grant_of(ids[1])
        assert kept is not None
        assert kept.role is Role.OWNER
        assert [one.user_id for one in users_to_confirm.list_unconfirmed().users] == [ids[0]]
        users_to_confirm.confirm_user(ids[0], "", HOST)
        assert granted_roles.grant_of(ids[0]) is not None


def make_owners(app: Flask, ids: list[str]) -> str:
    """Make a group whose members are owners, as who has the app role Admin, and return its id."""
    with app.app_context():
        members = [{"value": id} for id in ids]
        group = resource_operations.create(GROUP, {"displayName": "Owners", "members": members}, ENTRA).record.id
        lines = [("group", group, "owner"), ("app_role", "Admin", "owner")]
        role_mapping.save(lines, role_mapping.preview(lines).fingerprint, HOST)
        return group


def test_who_is_disabled_gets_no_role_back_when_enabled_later(world: World) -> None:
    """Entra does not send again that the user left the group, or has the app role no longer."""
    app_role = {"roles": [{"value": "Admin"}]}
    with world.app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
        values: list[dict[str, object]] = [{}, {}, {}, app_role, app_role]
        ids = [
            resource_operations.create(USER, {"userName": f"user{number}"} | value, ENTRA).record.id
            for number, value in enumerate(values)
        ]
    group = make_owners(world.app, ids[:3])
    disable, enable = (Operation("replace", "active", value) for value in (False, True))
    with world.app.app_context():
        resource_operations.change(USER, ids[2], [disable], ENTRA)  # also disabled in the copy
    copy = world.copy()
    left = [ids[0], ids[2], ids[3]]
    with world.app.app_context():
        for id in (ids[0], ids[2]):
            resource_operations.change(GROUP, group, [Operation("remove", "members", [{"value": id}])], ENTRA)
        resource_operations.change(USER, ids[3], [Operation("remove", "roles", None)], ENTRA)
        for id in (ids[0], ids[1], ids[3], ids[4]):
            resource_operations.change(USER, id, [disable], ENTRA)
    world.restore(copy)
    with world.app.app_context():
        for id in ids:
            assert granted_roles.grant_of(id) is None
            resource_operations.change(USER, id, [enable], ENTRA)
        assert [id for id in ids if granted_roles.grant_of(id) is None] == left
        assert {one.user_id for one in users_to_confirm.list_unconfirmed().users} == set(left)


@pytest.mark.parametrize("is_reactivating", [False, True])
def test_a_record_that_another_person_got_since_returns_without_access(world: World, is_reactivating: bool) -> None:
    """In the copy it is the record of the former person, who was disabled since."""
    disable, enable = (Operation("replace", "active", value) for value in (False, True))
    with world.app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
        ids = [
            resource_operations.create(USER, {"userName": name, "externalId": f"former {name}"}, ENTRA).record.id
            for name in ("ana", "bob", "carl")
        ]
    make_owners(world.app, ids)
    copy = world.copy()
    with world.app.app_context():
        resource_operations.change(USER, ids[0], [disable], ENTRA)
        for id in ids[:2]:  # of bob, the mapping of the attribute was changed
            resource_operations.change(USER, id, [Operation("replace", "externalId", f"other {id}")], ENTRA)
        resource_operations.change(USER, ids[0], [enable], ENTRA)
        users_to_confirm.confirm_user(ids[0], f"other {ids[0]}", HOST)
        for value in (disable, enable):
            resource_operations.change(USER, ids[2], [value], ENTRA)
        assert all(granted_roles.grant_of(id) for id in ids)
    preview = world.restore(copy, is_reactivating=is_reactivating)
    assert preview.differences is not None
    assert preview.differences.active_again.first == ["ana"]
    with world.app.app_context():
        assert [one.user_id for one in users_to_confirm.list_unconfirmed().users] == ids[: int(is_reactivating)]
        assert [id for id in ids if granted_roles.grant_of(id)] == ids[1:]


def test_a_state_from_before_a_move_is_known_also_without_the_first_audit_entries(world: World) -> None:
    """A folder that was restored on another machine has another text, and `audit_days` deletes its first entries."""
    with world.app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
        id = resource_operations.create(USER, {"userName": "ana"}, ENTRA).record.id
    copy = world.copy()
    with world.app.app_context():
        resource_operations.change(USER, id, [Operation("replace", "active", False)], ENTRA)
        with directory_database.writing() as connection:
            connection.exec_driver_sql("UPDATE installation SET instance = 'moved'")
            audit.summarize(connection, HOST, 1, "retention")
    preview = world.restore(copy)
    assert preview.differences is not None
    assert preview.differences.active_again.first == ["ana"]


def test_a_copy_of_a_state_that_was_left_behind_by_a_restore_can_be_restored(world: World) -> None:
    with world.app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
    first = world.copy("first")
    with world.app.app_context():
        ana = resource_operations.create(USER, {"userName": "ana"}, ENTRA).record
        scim_keys.create_key("of the state between", HOST)
    second = world.copy("second")
    world.restore(first)
    with world.app.app_context():
        bob = resource_operations.create(USER, {"userName": "bob"}, ENTRA).record
    preview = world.restore(second)
    assert preview.differences is not None, "it is compared"
    assert (preview.differences.deleted.first, preview.differences.created_users) == (["ana"], 1)
    with world.app.app_context(), directory_database.reading() as connection:
        found = {row.id: row.active for row in connection.exec_driver_sql("SELECT id, active FROM resource")}
        assert found == {ana.id: 0}
        numbers = dict(connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence"))
        assert numbers["resource"] >= bob.position, "no number is given twice"


def test_a_copy_of_another_installation_replaces_everything(world: World, tmp_path: Path) -> None:
    other = World(tmp_path / "other")
    with other.app.app_context():
        administrators.create_operator("eva", ANOTHER, HOST)
        resource_operations.create(USER, {"userName": "ana"}, ENTRA)
        with directory_database.writing() as connection:  # the tests' databases are copies of one
            connection.exec_driver_sql("UPDATE installation SET instance = 'other'")
    copy = other.copy("of-another")
    other.close()
    with world.app.app_context():
        administrators.create_operator("mia", PASSWORD, HOST)
    (world.settings.data / "recnice-requests.sqlite3").write_bytes(b"")
    preview = world.restore(copy)
    assert preview.because == "the backup is of another installation"
    assert sign_in(world.app, ANOTHER)
    assert not (world.settings.data / "recnice-requests.sqlite3").exists()
    with world.app.app_context(), directory_database.reading() as connection:
        assert connection.exec_driver_sql("SELECT active FROM resource").scalar() == 1


def test_a_copy_that_check_finds_faults_in_is_restored_with_a_warning(world: World) -> None:
    with world.app.app_context():
        resource_operations.create(USER, {"userName": "ana"}, ENTRA)
    copy = world.copy()
    with closing(sqlite_driver.module.connect(copy)) as connection:
        connection.execute("UPDATE population SET total = 9")
        connection.commit()
    assert any("population" in fault for fault in world.preview(copy).faults)


def test_who_was_erased_since_is_not_restored(world: World) -> None:
    names = ("ana.the.erased@example.com", "bob")
    with world.app.app_context():
        ids = [resource_operations.create(USER, {"userName": name}, ENTRA).record.id for name in names]
        resource_operations.create(GROUP, {"displayName": "staff", "members": [{"value": id} for id in ids]}, ENTRA)
    copy = world.copy()
    assert names[0].encode() in copy.read_bytes()
    with world.app.app_context():
        erasures.begin(ids[0], names[0], HOST, data_folder.secret(world.settings.data))
    preview = world.restore(copy)
    assert preview.erased == 1
    assert preview.differences is not None
    assert preview.differences.deleted.number == 0
    for file in (world.settings.database, world.settings.database.with_name("recnice.sqlite3-wal")):
        assert not file.exists() or names[0].encode() not in file.read_bytes(), file.name
    with world.app.app_context(), directory_database.reading() as connection:
        assert [row.id for row in connection.exec_driver_sql("SELECT id FROM resource WHERE type = 'User'")] == ids[1:]


def damage(database: Path) -> None:
    """Overwrite a page of the list of resources, after the first ones."""
    with closing(sqlite_driver.module.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'resource'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with open(database, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(bytes(size))


def test_a_present_database_that_is_damaged_or_of_another_version(world: World) -> None:
    with world.app.app_context():
        resource_operations.create(USER, {"userName": "ana"}, ENTRA)
    copy = world.copy()
    world.close()
    present = world.settings.database
    whole = present.read_bytes()
    damage(present)
    with pytest.raises(staged_copy.RestoreError, match="cannot be compared .the database is damaged"):
        world.preview(copy)
    assert not (world.settings.data / file_swap.STAGED_NAME).exists()
    present.write_bytes(whole)
    with closing(sqlite_driver.module.connect(present)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert world.preview(copy).because == "the present database is that of another version"
    with closing(sqlite_driver.module.connect(present)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0012'")
    with pytest.raises(staged_copy.RestoreError, match="was not upgraded .step 0012.: to restore without that"):
        world.preview(copy)
    present.write_bytes(whole)
    wal = present.with_name(f"{present.name}-wal")
    wal.unlink(missing_ok=True)
    wal.mkdir()
    with pytest.raises(
        staged_copy.RestoreError, match="cannot be compared now: the database cannot be opened"
    ) as caught:
        world.preview(copy)
    assert caught.value.code == exit_codes.TRY_AGAIN
    wal.rmdir()
    present.write_bytes(b"no database at all" * 100)
    assert world.preview(copy).because.startswith("the present database cannot be read")
    world.restore(copy)


def test_files_that_cannot_be_moved_leave_the_present_ones_in_use(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server begins again with them: without that, it would have ended."""
    copy = world.settings.data / "pre-upgrade-0000-20260101T000000Z.sqlite3"
    world.copy().rename(copy)
    restore = ConsoleRestore(world.settings)
    with world.app.app_context():
        id = resource_operations.create(USER, {"userName": "ana"}, ENTRA).record.id
        restore.init_app(world.app)
        restore.prepare(copy.name)
        wait_until(restore.preview, "the copy is prepared")
        restore.begin(copy.name, HOST, is_reactivating=False)
    wait_until(lambda: not restore.is_preparing, "the copy is complete")
    world.close()
    real = os.rename

    def refuse(source: Path, target: Path) -> None:
        if source == world.settings.database:
            raise OSError(errno.EBUSY, "Device or resource busy")
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", refuse)
        assert restore.finish()
    assert (restore.restored, restore.preview()) == ("", None)
    assert restore.failure.startswith("The restore failed, and nothing was changed: data folder")
    assert not file_swap.is_under_way(world.settings.data)
    assert not file_swap.finish(world.settings.data)
    assert not file_swap.replaced_folders(world.settings.data)
    world.app = create_app(world.settings)
    with world.app.app_context(), directory_database.reading() as connection:
        assert connection.exec_driver_sql("SELECT id FROM resource").scalar() == id
