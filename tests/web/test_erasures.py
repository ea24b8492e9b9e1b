"""A user that is erased permanently: nothing of it is left in any file, and all others are as they were."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import bounds, clock, create_app, data_folder
from app.administration import audit
from app.administration.audit import HOST, Action, Actor
from app.administration.credentials import scim_keys
from app.administration.errors import Refused
from app.administration.roles import role_mapping
from app.backup import copies
from app.observation.directory import deletion_list
from app.provisioning import deleted_resources, erasures
from app.scim.resource_types import RESOURCE_TYPES
from app.settings import Settings
from app.store import integrity_check
from app.store.access import audit_rows
from app.store.database import directory_database, sqlite_driver
from app.store.database.connection import Connection
from app.store.erasure import ledger_rows, restored_copy
from app.store.request_log import log_database, log_database_file
from app.web.request_log import middleware
from tests.cheap import make_database
from tests.conftest import Appliance, wait_until, with_values
from tests.examples import examples
from tests.web.visitor import Visitor

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
BASE = "https://scim.recnice.example"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
VICTIM = ("zülfiye.öztürk@recnice.example", "Zülfiye Öztürk", "9b0d7f6e-77aa-4f6e-9a57-0a6f2b1c9d11")
NEVER = (*VICTIM, "zoe.oeztuerk@recnice.example", "Zülfiye Altınay", "z.oe@private.example", "+49 30 901820")
"""What must not be left anywhere: the values that the user had, today's and former ones."""


@dataclass
class World:
    """An application on files of its own, with a key."""

    app: Flask
    settings: Settings
    key: str
    ids: dict[str, str]

    def scim(self, method: str, path: str, body: Any = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/scim+json"}
        sent = json.dumps(body, ensure_ascii=False).encode() if body is not None else None
        return Context().run(
            partial(
                self.app.test_client().open, f"/scim{path}", method=method, headers=headers, data=sent, base_url=BASE
            )
        )

    def create(self, user_name: str, name: str, external_id: str, **more: Any) -> str:
        given, _, family = name.partition(" ")
        body = {
            "schemas": [USER],
            "userName": user_name,
            "externalId": external_id,
            "displayName": name,
            "active": True,
        }
        body |= {"name": {"givenName": given, "familyName": family, "formatted": name}, **more}
        body.setdefault("emails", [{"type": "work", "value": user_name, "primary": True}])
        answer = self.scim("POST", "/Users", body)
        assert answer.status_code == 201, answer.text
        self.ids[user_name] = str(answer.json["id"])
        return self.ids[user_name]

    def patch(self, path: str, *operations: dict[str, Any]) -> TestResponse:
        return self.scim("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})

    @property
    def secret(self) -> bytes:
        return data_folder.secret(self.settings.data)

    def begin(self, victim: str, name: str = VICTIM[1]) -> int:
        return erasures.begin(victim, name, HOST, self.secret)

    def finish(self) -> list[erasures.ErasureOutcome]:
        files = erasures.Files(self.settings.data, self.settings.database, self.settings.requests_database)
        return erasures.finish_due(files, self.secret)

    def settle(self) -> None:
        assert middleware.of(self.app).recorder.settle(30)

    def rows(self) -> dict[str, list[Any]]:
        """All rows of both files."""
        content: dict[str, list[Any]] = {}
        for path in (self.settings.database, self.settings.requests_database):
            with closing(sqlite_driver.module.connect(path)) as connection:
                tables = connection.execute(
                    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'word%'"
                ).fetchall()
                content |= {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables}
        return content

    def in_files(self, values: Any) -> dict[str, list[str]]:
        """The values that a file of the folder has, byte by byte."""
        there: dict[str, list[str]] = {}
        for path in self.settings.data.rglob("*"):
            content = path.read_bytes().lower() if path.is_file() else b""
            for value in values:
                forms = (value, value.lower(), json.dumps(value)[1:-1], json.dumps(value.lower())[1:-1], quote(value))
                if any(form.encode().lower() in content for form in forms):
                    there.setdefault(path.name, []).append(value)
        return there


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    settings = Settings(data=tmp_path, listen=("127.0.0.1", 7644), public_url=BASE)
    make_database(settings.database)
    log_database_file.prepare(settings.requests_database)
    data_folder.secret(tmp_path)
    app = create_app(settings)
    with app.app_context():
        yield World(app, settings, scim_keys.create_key("", HOST).text, {})
        middleware.of(app).recorder.close()
        directory_database.file.close()
        log_database.file.close()


def live(world: World, chance: random.Random) -> str:
    """Create others and the user, with all that leaves traces; return the user's id."""
    for number in range(chance.randrange(3, 12)):
        name = "".join(chance.choice("abcdefghijklmnop") for _ in range(8))
        world.create(f"{name}@recnice.example", f"{name.title()} Other{number}", f"other-{name}", title="x" * 300)
    victim = world.create(*VICTIM, phoneNumbers=[{"type": "work", "value": NEVER[-1]}], title="y" * 900)
    members = [{"value": id} for id in world.ids.values()]
    made = world.scim("POST", "/Groups", {"displayName": "Öztürk's team", "members": members})
    group = made.json["id"]
    world.patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{victim}"]'})
    world.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": victim}]})
    lines = [("group", group, "viewer")]
    role_mapping.save(lines, role_mapping.preview(lines).fingerprint, HOST)
    changes = [
        {"op": "replace", "path": "userName", "value": NEVER[3]},
        {"op": "replace", "path": "displayName", "value": NEVER[4]},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": NEVER[5]},
        {"op": "replace", "path": "title", "value": "z" * 1_000},
        {"op": "replace", "path": "title", "value": "short"},
        {"op": "replace", "path": "userName", "value": VICTIM[0]},
        {"op": "replace", "path": "displayName", "value": VICTIM[1]},
    ]
    for change in (*chance.sample(changes[:-2], 5), *changes[-2:]):
        assert world.patch(f"/Users/{victim}", change).status_code == 200
    assert world.scim("POST", "/Users", {"schemas": [USER], "userName": VICTIM[0]}).status_code == 409
    refused = {"schemas": [USER], "userName": "", "emails": [{"value": VICTIM[0]}]}
    assert world.scim("POST", "/Users", refused).status_code == 400
    assert world.patch(f"/Users/{victim}", {"op": "replace", "path": "active", "value": VICTIM[1]}).status_code == 400
    other = next(iter(world.ids.values()))
    for text in (f"Contact:\n{VICTIM[0]}", f"mailto:%20{quote(VICTIM[0])}", "perhaps"):
        assert world.patch(f"/Users/{other}", {"op": "replace", "path": "active", "value": text}).status_code == 400
    world.scim("GET", f'/Users?filter=userName eq "{VICTIM[0]}"')
    person = Actor("person", VICTIM[0], "192.0.2.77")
    scim_keys.stop_key(scim_keys.create_key("", person).row.id, person)
    with directory_database.writing() as connection:
        audit.record(connection, person, Action.SIGNED_IN, person=victim)
        audit.record(connection, Actor("operator", "eva", "192.0.2.1"), Action.USER_CONFIRMED, VICTIM[1], person=victim)
        audit.record(connection, Actor("operator", "eva", "192.0.2.1"), Action.OPERATOR_MADE, "mia", role="viewer")
    world.settle()
    return victim


def erase(world: World, victim: str, name: str = VICTIM[1]) -> erasures.ErasureOutcome:
    world.begin(victim, name)
    return world.finish()[-1]


def sound(world: World) -> bool:
    with directory_database.reading() as connection:
        assert integrity_check.check(connection, RESOURCE_TYPES) == []
    return True


@pytest.mark.parametrize("seed", range(examples(2)))
def test_nothing_of_the_user_is_left_and_everything_of_the_others(world: World, seed: int):
    chance = random.Random(seed)
    victim = live(world, chance)
    if chance.random() < 0.5:
        assert world.scim("DELETE", f"/Users/{victim}").status_code == 204
        world.settle()
    assert world.in_files(NEVER)
    with directory_database.reading() as connection:
        recorded = audit_rows.head(connection)[1]
    before = world.rows()
    assert [row for row in before["problem"] if not is_about(row, (victim, *NEVER))]
    outcome = erase(world, victim)
    assert outcome.is_searched and outcome.found == {}, outcome
    assert world.in_files((victim, *NEVER)) == {}
    with directory_database.reading() as connection:
        assert integrity_check.check(connection, RESOURCE_TYPES, recorded) == []
        entries = {entry.id: entry for entry in audit_rows.entries(connection, 0)}
    [signed_in] = [entry for entry in entries.values() if entry.action == Action.SIGNED_IN.key]
    assert (signed_in.actor, signed_in.address) == ("person erased person 1", "")
    [confirmed] = [entry for entry in entries.values() if entry.action == Action.USER_CONFIRMED.key]
    assert (confirmed.actor, confirmed.address, confirmed.target) == ("operator eva", "192.0.2.1", "erased person 1")
    after = world.rows()
    for table, rows in before.items():
        kept = [row for row in rows if not is_about(row, (victim, *NEVER))]
        if table in ("resource", "population", "audit_head", "generation", "sqlite_sequence", "job", "problem_key"):
            continue
        assert [row for row in kept if row not in after[table]] == [], table
    others = {row[1]: row[3] for row in before["resource"] if row[1] != victim}
    assert {row[1]: row[3] for row in after["resource"]} == others


def is_about(row: Any, values: Any) -> bool:
    text = json.dumps([str(value) for value in row], ensure_ascii=False).lower()
    return any(form.lower() in text for value in values for form in (value, quote(value)))


def test_another_name_erases_nobody(world: World):
    victim = world.create(*VICTIM)
    with pytest.raises(Refused, match="is not the name of this user"):
        world.begin(victim, "Zülfiye")
    with pytest.raises(Refused, match="no such user"):
        world.begin("x", VICTIM[1])
    assert world.scim("GET", f"/Users/{victim}").status_code == 200
    assert world.finish() == []


def test_the_same_person_may_be_created_again(world: World):
    victim = world.create(*VICTIM)
    erase(world, victim)
    again = world.create(*VICTIM)
    assert again != victim and world.finish() == []
    assert world.scim("GET", f"/Users/{again}").status_code == 200
    assert erase(world, again).number == 2 and sound(world)


def test_values_of_others_are_not_taken_for_what_is_left(world: World):
    victim = world.create(*VICTIM)
    other = world.create("other@recnice.example", VICTIM[1], "other")
    outcome = erase(world, victim)
    assert outcome.found == {}
    assert world.scim("GET", f"/Users/{other}").json["displayName"] == VICTIM[1]
    assert world.in_files((VICTIM[0], VICTIM[2], victim)) == {}


def test_a_copy_in_the_folder_is_named(world: World):
    victim = world.create(*VICTIM)
    copy = world.settings.data / "pre-upgrade-0012-20260101T000000Z.sqlite3"
    with closing(sqlite_driver.module.connect(world.settings.database)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    (world.settings.data / "backups.zip").write_bytes(b"PK")
    outcome = erase(world, victim)
    assert list(outcome.found) == [copy.name] and outcome.copies == ["backups.zip"]
    assert f"values in {copy.name}" in outcome.sentence


def test_what_was_deleted_before_the_files_were_overwritten_is_erased_too(world: World):
    """A folder of an earlier version: what is free in its pages has the former values."""
    victim = world.create(*VICTIM, title="t" * 1_000)
    world.settle()
    directory_database.file.clean()
    with closing(sqlite_driver.module.connect(world.settings.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE former (text TEXT)")
        connection.executemany("INSERT INTO former VALUES (?)", [(VICTIM[0] * 200,)] * 5)
        connection.execute("DROP TABLE former")
    assert erase(world, victim).found == {}
    assert world.in_files((victim, *VICTIM)) == {} and sound(world)


def test_a_user_that_is_being_erased_cannot_be_put_back(world: World, monkeypatch: pytest.MonkeyPatch):
    """Otherwise it would be here again, and the files would be said to have nothing of it."""
    former = world.create(*VICTIM)
    world.scim("DELETE", f"/Users/{former}")
    victim = world.create(*VICTIM)
    world.begin(victim)
    assert deletion_list.find(RESOURCE_TYPES) == []

    def erase_log(*_: Any) -> None:
        for id in (former, victim):
            with pytest.raises(Refused, match="is here again, or was purged"):
                deleted_resources.put_back(RESOURCE_TYPES, id, HOST, becomes_active=True)
        erased_log(*_)

    erased_log = erasures._erase_log
    monkeypatch.setattr(erasures, "_erase_log", erase_log)
    assert [outcome.found for outcome in world.finish()] == [{}, {}]
    assert world.in_files((victim, former, *VICTIM)) == {} and sound(world)


def test_erased_users_do_not_hide_older_deletions(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "DELETIONS_READ_AT_ONCE", 2)
    kept = world.create("kept@recnice.example", "Kept User", "kept")
    assert world.scim("DELETE", f"/Users/{kept}").status_code == 204
    for number in range(3):
        erase(world, world.create(f"gone{number}@recnice.example", f"Gone User{number}", ""), f"Gone User{number}")
    assert [one.deletion.resource_id for one in deletion_list.find(RESOURCE_TYPES)] == [kept]
    assert deleted_resources.purge(30) == 0
    monkeypatch.setattr(clock, "utc_now", lambda: datetime.now(UTC) + timedelta(days=31))
    assert deleted_resources.purge(30) == 1


def test_a_former_account_of_the_same_person_is_erased_with_it(world: World):
    former = world.create(*VICTIM)
    world.scim("DELETE", f"/Users/{former}")
    victim = world.create("other@recnice.example", "Other Name", VICTIM[2])
    world.begin(victim, "Other Name")
    assert [outcome.found for outcome in world.finish()] == [{}, {}]
    assert world.in_files((victim, former, *VICTIM)) == {} and sound(world)


@pytest.mark.parametrize("is_same_id", [True, False])
def test_a_restored_copy_is_erased_again(world: World, tmp_path: Path, is_same_id: bool):
    victim = live(world, random.Random(2))
    files_of_copy = [tmp_path / name for name in ("directory.copy", "log.copy")]
    files = (world.settings.database, world.settings.requests_database)
    for path, copy in zip(files, files_of_copy, strict=True):
        with closing(sqlite_driver.module.connect(path)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
    if not is_same_id:  # in the copy, the same person has another id
        world.scim("DELETE", f"/Users/{victim}")
        victim = world.create(*VICTIM)
    erase(world, victim)
    key = ledger_rows.key_of(world.secret)
    directory, log = (Connection(sqlite_driver.connect(sqlite_driver.address(copy))) for copy in files_of_copy)
    with directory_database.reading() as live_connection:
        assert restored_copy.count_again(directory, live_connection, key) == 1
        for row in ledger_rows.all_rows(live_connection):
            directory.exec_driver_sql("INSERT INTO erasure VALUES (?, ?, ?, ?, ?)", tuple(row))
    assert directory.exec_driver_sql("SELECT count(*) FROM resource WHERE document LIKE '%Öztürk\"%'").scalar() == 1
    assert restored_copy.apply_again(directory, log, key) == 1
    assert restored_copy.apply_again(directory, log, key) == 0
    assert integrity_check.check(directory, RESOURCE_TYPES) == []
    for connection in (directory, log):
        connection.run("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        rows = {
            name: connection.exec_driver_sql(f"SELECT * FROM {name}").all()
            for name in connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'table'")
            .scalars()
            .all()
            if name != "audit"  # the restore takes that of the live database
        }
        assert not [name for name, content in rows.items() if any(is_about(row, NEVER) for row in content)]
        connection.driver.close()


STEPS = ("_erase_log", "_erase_directory", "_search")


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_an_interrupted_erasure_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str, is_after: bool
) -> None:
    victim = live(world, random.Random(1))
    real = getattr(erasures, step)

    def interrupted(*of: Any) -> None:
        if is_after:
            real(*of)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(erasures, step, interrupted)
        world.begin(victim, VICTIM[1])
        with pytest.raises(KeyboardInterrupt):
            world.finish()
    assert world.scim("GET", f"/Users/{victim}").status_code == 404
    world.settle()
    [outcome] = world.finish()
    assert outcome.is_searched is (step == "_erase_log" or (step, is_after) == ("_erase_directory", False))
    assert world.in_files(NEVER) == {} and sound(world)
    assert world.finish() == []


def test_the_list_of_erasures_names_nobody(world: World):
    victim = world.create(*VICTIM)
    erase(world, victim)
    [row] = world.rows()["erasure"]
    key = ledger_rows.key_of(world.secret)
    assert row[2] == ledger_rows.hash_of(key, victim) and row[3] == ledger_rows.hash_of(key, VICTIM[2])
    assert not is_about(row, (victim, *VICTIM))


@pytest.mark.parametrize(
    ("kind", "daily", "weekly", "recent", "until"),
    [
        ("nightly", 7, 4, 1, "2026-01-29T03:00:00.000Z"),
        ("nightly", 30, 4, 1, "2026-01-31T03:00:00.000Z"),
        ("nightly", 0, 0, 1, ""),
        ("recent", 7, 4, 1, "2026-01-02T03:00:00.000Z"),
        ("recent", 7, 4, 0, ""),
        ("manual", 7, 4, 1, ""),
        ("before-upgrade", 7, 4, 1, ""),
    ],
)
def test_until_when_a_backup_has_the_user(tmp_path: Path, kind: str, daily: int, weekly: int, recent: int, until: str):
    settings = Settings(tmp_path, backup_daily=daily, backup_weekly=weekly, backup_recent_mb=recent)
    assert copies.kept_until(settings, copies.Backup(tmp_path / "x", kind, "2026-01-01T03:00:00.000Z", 1)) == until


# --- the pages and the commands ---------------------------------------------------------------------------------------


def test_an_owner_exports_and_erases_on_a_page(console: Appliance, eva: Visitor):
    user = {"schemas": [USER], "userName": VICTIM[0], "displayName": VICTIM[1], "externalId": VICTIM[2]}
    made = console.request("POST", "/scim/Users", user)
    assert made.status == 201
    id = made.json["id"]
    assert console.request("POST", "/scim/Groups", {"displayName": "Team", "members": [{"value": id}]}).status == 201
    change = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": "Lead"}]}
    assert console.request("PATCH", f"/scim/Users/{id}", change).status == 200
    assert console.request("POST", "/scim/Users", user).status == 409
    page = f"/users/{id}/personal-data"
    assert f'href="{page}"' in eva.get(f"/users/{id}").text
    assert console.command("backup").returncode == 0
    shown = eva.get(page).text
    assert "Remove the assignment in Entra first" in shown
    assert re.search(r"<code class=\"long\">recnice-manual-\w+\.zip</code>, until you delete it", shown)
    file = eva.post(f"/users/{id}/export")
    assert file.status == 200 and "attachment" in file.headers["content-disposition"]
    content = json.loads(file.text)
    assert content["user"]["userName"] == VICTIM[0]
    assert [event["verb"] for event in content["history"]] == ["change", "create"]
    assert [(link["group_name"], link["has_joined"]) for link in content["memberships"]] == [("Team", 1)]
    assert {(one["method"], one["status"]) for one in content["requests"]} >= {("POST", 201), ("POST", 409)}
    assert len(content["problems"]) == 1
    assert [entry["action"] for entry in content["audit"]] == [Action.USER_EXPORTED.key]
    refused = eva.post(f"/users/{id}/erase", name="Zülfiye")
    assert refused.status == 400 and "is not the name of this user" in refused.text
    assert console.request("GET", f"/scim/Users/{id}").status == 200
    erased = eva.post(f"/users/{id}/erase", name=VICTIM[1])
    assert erased.status == 303
    where = f"/audit{erased.headers['location'].partition('/audit')[2]}"
    wait_until(lambda: "nothing was found" in eva.get(where).text, "the erasure is complete")
    assert console.request("GET", f"/scim/Users/{id}").status == 404
    assert eva.get(f"/users/{id}").status == 404 and eva.get(page).status == 404
    assert VICTIM[1] not in eva.get("/audit").text and "administrator eva" in eva.get(where).text
    assert console.command("check").returncode == 0


def test_commands_export_and_erase(console: Appliance, tmp_path: Path):
    user = {"schemas": [USER], "userName": VICTIM[0], "displayName": VICTIM[1]}
    id = console.request("POST", "/scim/Users", user).json["id"]
    file = tmp_path / "ö.json"
    for to in ((), ("--to", str(file))):
        done = console.command("user", "export", VICTIM[0].upper(), *to)
        assert done.returncode == 0, done.stderr
        text = file.read_text("utf-8") if to else done.stdout
        assert json.loads(text)["user"]["displayName"] == VICTIM[1]
    assert file.stat().st_mode & 0o077 == 0
    again = console.command("user", "export", id, "--to", str(file))
    assert again.returncode == 1 and "exists" in again.stderr
    nobody = console.command("user", "export", "nobody@recnice.example")
    assert nobody.returncode == 1 and nobody.stderr.count("\n") == 1 and "No user has this id" in nobody.stderr
    wrong = console.command("user", "erase", id, "--name", "x")
    assert wrong.returncode == 1 and "is not the name" in wrong.stderr
    assert console.request("DELETE", f"/scim/Users/{id}").status == 204
    done = console.command("user", "erase", id, "--name", VICTIM[1])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("erased person ") and "nothing was found" in done.stdout


@pytest.mark.parametrize("step", ["_erase_directory"])
def test_killed_in_the_middle_it_goes_on_at_the_next_start(with_key: Appliance, tmp_path: Path, step: str):
    program = with_values(bounds__JOB_START_S=0.05)
    appliance = Appliance(program, tmp_path / "recnice", key=with_key.key)
    shutil.copytree(with_key.data, appliance.data)
    user = {"schemas": [USER], "userName": VICTIM[0], "displayName": VICTIM[1], "externalId": VICTIM[2]}
    id = appliance.start().request("POST", "/scim/Users", user).json["id"]
    assert appliance.stop() == 0
    if (child := os.fork()) == 0:
        try:
            erase_until_killed(appliance.data, id, step)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert appliance.start().request("GET", f"/scim/Users/{id}").status == 404
    wait_until(lambda: "erasure-ended" in actions(appliance.data), "the erasure is complete")
    assert appliance.stop() == 0 and appliance.command("check").returncode == 0
    world = World(Flask("x"), Settings(appliance.data), "", {})
    assert world.in_files(VICTIM) == {}


def erase_until_killed(data: Path, id: str, step: str) -> None:
    settings = Settings(data)
    setattr(erasures, step, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with create_app(settings).app_context():
        world = World(Flask("x"), settings, "", {})
        world.begin(id)
        world.finish()


def actions(data: Path) -> set[str]:
    with closing(sqlite_driver.module.connect(data / "recnice.sqlite3")) as connection:
        return {action for (action,) in connection.execute("SELECT action FROM audit")}
