"""A restore takes users and groups back to a copy, and nothing that would give somebody access again."""

import json
import os
import shutil
import signal
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyrage
import pytest

from app.restoration import restore_request
from app.version import VERSION
from tests.conftest import Appliance, wait_until
from tests.web.visitor import Visitor, set_up

DATABASE = "recnice.sqlite3"
COPY = "pre-upgrade-0000-20260101T000000Z.sqlite3"
DISABLE = {"Operations": [{"op": "Replace", "path": "active", "value": False}]}
PASSWORD = "another blue kettle"


@dataclass(frozen=True)
class Scene:
    """A stopped server, a copy of its database, and what happened after the copy. `before`: what GET answered then."""

    appliance: Appliance
    visitor: Visitor
    copy: Path
    ids: dict[str, str]
    before: dict[str, Any]


def query(database: Path, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql, parameters).fetchall()


def rows(appliance: Appliance) -> list[str]:
    with closing(sqlite3.connect(appliance.data / DATABASE)) as connection:
        return list(connection.iterdump())


def content(appliance: Appliance) -> dict[str, Any]:
    """Every user and group by its id, as answered, but for the port."""
    found = {}
    for kind in ("Users", "Groups"):
        answer = appliance.request("GET", f"/scim/{kind}?count=200").text.replace(appliance.url, "")
        for one in json.loads(answer)["Resources"]:
            found[one["id"]] = one
    return found


@pytest.fixture(scope="module")
def scene(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Scene:
    appliance = Appliance(program, tmp_path_factory.mktemp("restore") / "recnice").start()
    visitor = set_up(appliance)
    appliance.make_key("old")
    old_key = appliance.key
    ids = {}
    for name in ("anna", "bert", "carl", "dora"):
        ids[name] = appliance.request("POST", "/scim/Users", {"userName": name}).json["id"]
    members = [{"value": ids["anna"]}, {"value": ids["carl"]}]
    ids["staff"] = appliance.request("POST", "/scim/Groups", {"displayName": "staff", "members": members}).json["id"]
    before = content(appliance)
    copy = appliance.data.with_name(COPY)
    with closing(sqlite3.connect(appliance.data / DATABASE)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    copy.chmod(0o600)

    made = appliance.command("key", "create", "--name", "new")
    key_id = appliance.command("key", "list").stdout.split(" old ")[0].split()[-1]
    assert appliance.request("PATCH", f"/scim/Users/{ids['anna']}", DISABLE).status == 200
    assert appliance.request("DELETE", f"/scim/Users/{ids['carl']}").status == 204
    title = {"Operations": [{"op": "Add", "path": "title", "value": "T"}]}
    assert appliance.request("PATCH", f"/scim/Users/{ids['bert']}", title).status == 200
    ids["erna"] = appliance.request("POST", "/scim/Users", {"userName": "erna"}).json["id"]
    assert appliance.command("key", "revoke", key_id).returncode == 0
    visitor.get("/me")
    assert appliance.stop() == 0
    return Scene(replace(appliance, key=made.stdout.strip()), visitor, copy, ids | {"key": old_key}, before)


@pytest.fixture
def stage(scene: Scene, new_appliance: Callable[..., Appliance]) -> Scene:
    """A copy of the scene, with a data folder of its own."""
    appliance = new_appliance(key=scene.appliance.key)
    shutil.copytree(scene.appliance.data, appliance.data)
    visitor = Visitor(appliance.url, dict(scene.visitor.cookies))
    return replace(scene, appliance=appliance, visitor=visitor)


def test_the_preview_says_what_matters_first_and_changes_nothing(stage: Scene) -> None:
    appliance = stage.appliance
    before = rows(appliance)
    names = set(os.listdir(appliance.data))
    told = appliance.command("restore", str(stage.copy), "--preview")
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0] == "1 user (anna) was disabled since. They stay disabled, though active in the backup."
    assert lines[1] == "1 user (carl) was deleted since. They return as disabled users."
    assert "The backup lacks 1 user created since." in lines
    assert "2 users and 1 group changed since: as in the backup again." in lines
    assert "1 credential revoked since: not restored." in lines
    assert any("Restart provisioning" in line for line in lines)
    assert rows(appliance) == before
    assert set(os.listdir(appliance.data)) - {"recnice.sqlite3-wal", "recnice.sqlite3-shm"} <= names


def test_a_restore_brings_back_content_and_no_access(stage: Scene) -> None:
    appliance, ids = stage.appliance, stage.ids
    generation = query(appliance.data / DATABASE, "SELECT number FROM generation")
    entries = query(appliance.data / DATABASE, "SELECT * FROM audit ORDER BY id")
    ((instance, epoch),) = query(appliance.data / DATABASE, "SELECT instance, feed_epoch FROM installation")
    # What a killed server left next to the database belongs to it alone.
    (appliance.data / f"{DATABASE}-journal").write_bytes(b"a journal of the former file" * 1000)
    restored = appliance.command("restore", str(stage.copy), "--yes")
    assert restored.returncode == 0, restored.stderr
    (folder,) = appliance.data.glob("replaced-*")
    assert (folder / DATABASE).exists()
    assert appliance.command("check").returncode == 0
    database = appliance.data / DATABASE
    assert query(database, "SELECT number FROM generation") > generation
    assert query(database, "SELECT * FROM audit ORDER BY id")[: len(entries)] == entries
    ((action, target, detail),) = query(database, "SELECT action, target, detail FROM audit ORDER BY id DESC LIMIT 1")
    told = json.loads(detail)
    assert (action, target, told["disabled"], told["entries"]) == ("restored", COPY, "2", str(len(entries)))
    assert told["hash"] == entries[-1][7]
    assert len(told["copy"]) == 64
    ((same, new),) = query(database, "SELECT instance, feed_epoch FROM installation")
    assert same == instance
    assert new != epoch

    appliance.start()
    after = content(appliance)
    disabled = {ids["anna"], ids["carl"]}
    assert {one for one, document in after.items() if document.get("active") is False} == disabled
    assert after.keys() == stage.before.keys()
    for one in after.keys() - disabled:
        assert after[one] == stage.before[one], "as it was, also the version"
    assert appliance.request("GET", "/scim/Users", headers={"Authorization": f"Bearer {ids['key']}"}).status == 401
    assert stage.visitor.get("/me").status == 200, "the session goes on"
    page = stage.visitor.get("/").text
    assert folder.name in page, "Status says that replaced data is kept"
    assert appliance.stop() == 0
    undone = appliance.command("restore", str(folder / DATABASE), "--preview")
    assert "1 user (erna) was deleted since." in undone.stdout, undone.stderr
    deleted = appliance.command("restore", "--delete-replaced", "--yes")
    assert deleted.returncode == 0
    assert not folder.exists()


def test_who_was_disabled_since_is_active_if_that_is_wanted(stage: Scene) -> None:
    restored = stage.appliance.command("restore", str(stage.copy), "--yes", "--reactivate")
    assert restored.returncode == 0, restored.stderr
    assert "They become active again, as in the backup." in restored.stdout
    active = query(stage.appliance.data / DATABASE, "SELECT count(*) FROM resource WHERE active = 1 AND type = 'User'")
    assert active == [(4,)]
    ((detail,),) = query(stage.appliance.data / DATABASE, "SELECT detail FROM audit WHERE action = 'restored'")
    assert json.loads(detail)["reactivated"] == "2"


def test_a_new_folder_gets_all_of_the_copy(stage: Scene, new_appliance: Callable[..., Appliance]) -> None:
    elsewhere = new_appliance("elsewhere", key=stage.ids["key"])
    restored = elsewhere.command("restore", str(stage.copy), "--yes")
    assert restored.returncode == 0, restored.stderr
    assert restored.stdout.startswith("Users who were disabled or deleted since")
    assert "sends nothing about users whom it has disabled already" in restored.stdout
    ((instance,),) = query(elsewhere.data / DATABASE, "SELECT instance FROM installation")
    assert [(instance,)] != query(stage.appliance.data / DATABASE, "SELECT instance FROM installation")
    elsewhere.start()
    assert content(elsewhere) == stage.before
    assert Visitor(elsewhere.url, stage.visitor.cookies).get("/me").status == 303, "nobody is signed in"
    assert elsewhere.stop() == 0
    # The other machine is the same installation still, so its copy can be compared.
    told = elsewhere.command("restore", str(stage.copy), "--preview")
    assert told.returncode == 0 and " since" not in told.stdout.partition("Administrators, keys")[0], told


def damaged(copy: Path) -> bytes:
    content = bytearray(copy.read_bytes())
    for place in range(8192, len(content), 4096):
        content[place : place + 64] = os.urandom(64)
    return bytes(content)


def newer(copy: Path) -> bytes:
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    return copy.read_bytes()


def foreign(copy: Path) -> bytes:
    copy.unlink()
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("CREATE TABLE other (a)")
    return copy.read_bytes()


REFUSED = {
    "empty": (lambda copy: b"", "the file is empty"),
    "truncated": (lambda copy: copy.read_bytes()[:20_000], "is damaged"),
    "damaged": (damaged, "is damaged"),
    "newer": (newer, "from a newer Recnice SCIM"),
    "foreign": (foreign, "the database of another program"),
    "text": (lambda copy: b"no backup", "got a file of another kind"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_copy_is_refused_before_anything_is_touched(stage: Scene, tmp_path: Path, kind: str) -> None:
    make, sentence = REFUSED[kind]
    copy = tmp_path / "copy.sqlite3"
    shutil.copy(stage.copy, copy)
    copy.write_bytes(make(copy))
    before = {path.name: path.stat().st_ino for path in stage.appliance.data.iterdir()}
    refused = stage.appliance.command("restore", str(copy), "--yes")
    assert refused.returncode == 78, refused.stdout
    assert sentence in refused.stderr and "restore-staged" not in refused.stderr, refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    after = {path.name: path.stat().st_ino for path in stage.appliance.data.iterdir()}
    assert {name: number for name, number in after.items() if "-" not in name} == {
        name: number for name, number in before.items() if "-" not in name
    }


def prepare(stage: Scene) -> None:
    """Start the server and let the console prepare the copy."""
    stage.appliance.start()
    shutil.copy(stage.copy, stage.appliance.data / COPY)
    page = stage.visitor.get("/backups/restore").text
    assert COPY in page and 'href="/help/operate/restore"' in page and 'class="way"><a href="/backups"' in page
    assert stage.visitor.post("/backups/restore/prepare", copy=COPY).status == 303
    wait_until(lambda: "What the restore of" in stage.visitor.get("/backups/restore").text, "the copy is prepared")


@pytest.mark.executable
def test_the_console_restores_in_the_running_server(stage: Scene) -> None:
    prepare(stage)
    appliance, visitor, ids = stage.appliance, stage.visitor, stage.ids
    assert appliance.command("restore", str(stage.copy), "--yes").returncode == 75, "a server uses the folder"
    assert "1 user (anna) was disabled since" in visitor.get("/backups/restore").text
    process = appliance.process.pid if appliance.process else 0
    begun = visitor.post("/backups/restore/begin", copy=COPY)
    assert begun.status == 200
    statuses = set()

    def is_restored() -> bool:
        answer = visitor.get("/backups/restore")
        statuses.add(answer.status)
        return "Restored <bdi>" in answer.text

    wait_until(is_restored, "restored")
    assert statuses <= {200, 503}
    assert appliance.process and appliance.process.poll() is None and appliance.process.pid == process
    users = content(appliance)
    assert users.keys() == stage.before.keys()
    assert users[ids["anna"]]["active"] is False
    assert appliance.request("POST", "/scim/Users", {"userName": "new"}).status == 201
    audit = query(appliance.data / DATABASE, "SELECT actor, action FROM audit ORDER BY id DESC LIMIT 2")
    assert audit == [("operator eva", "restored"), ("operator eva", "restore-begun")]
    (folder,) = appliance.data.glob("replaced-*")
    assert visitor.post("/backups/replaced/delete", folder="../recnice").status == 303
    assert visitor.post("/backups/replaced/delete", folder=folder.name).status == 303
    assert not folder.exists()
    assert appliance.stop() == 0, appliance.output
    assert appliance.command("check").returncode == 0


def test_a_restore_that_fails_leaves_the_present_data_in_the_running_server(stage: Scene) -> None:
    prepare(stage)
    appliance, visitor = stage.appliance, stage.visitor
    before = content(appliance)
    staged = appliance.data / "restore-staged" / DATABASE
    with closing(sqlite3.connect(staged)) as connection:
        connection.execute("DROP TABLE recovery_code")
    assert visitor.post("/backups/restore/begin", copy=COPY).status == 200

    def told() -> str:
        page = visitor.get("/backups/restore").text
        return page if "The restore failed, and nothing was changed" in page else ""

    wait_until(told, "the page says that it failed")
    assert content(appliance) == before
    assert appliance.request("POST", "/scim/Users", {"userName": "new"}).status == 201
    assert not staged.parent.exists()
    assert not list(appliance.data.glob("replaced-*"))
    assert appliance.stop() == 0


def test_the_command_restores_in_the_running_server(stage: Scene) -> None:
    appliance, ids = stage.appliance.start(), stage.ids
    process = appliance.process.pid if appliance.process else 0
    before = content(appliance)
    seen = appliance.command("restore", str(stage.copy), "--preview")
    assert (seen.returncode, seen.stderr) == (0, ""), seen
    assert seen.stdout.startswith("1 user (anna) was disabled since.")
    assert "Restored" not in seen.stdout and content(appliance) == before

    restored = appliance.command("restore", str(stage.copy), "--yes")
    assert restored.returncode == 0, restored.stderr
    assert f"Restored {COPY} in {appliance.data}." in restored.stdout.splitlines()
    users = content(appliance)
    assert users.keys() == stage.before.keys()
    assert users[ids["anna"]]["active"] is False
    assert appliance.process and appliance.process.poll() is None and appliance.process.pid == process
    entries = query(appliance.data / DATABASE, "SELECT actor, action FROM audit ORDER BY id DESC LIMIT 2")
    assert entries == [("host command line", "restored"), ("host command line", "restore-begun")]
    left = {"recnice.restore-request", "recnice.restore-answer", "recnice.restore", "restore-staged"}
    assert not left & set(os.listdir(appliance.data))
    assert appliance.stop() == 0, appliance.output
    assert appliance.command("check").returncode == 0


def test_a_server_does_not_take_what_cannot_be_restored(stage: Scene) -> None:
    """What a command has staged may be damaged, or be gone, before the server takes the request."""
    appliance = stage.appliance.start()
    before = content(appliance)
    shutil.copy(stage.copy, appliance.data / COPY)
    assert stage.visitor.get("/backups/restore").status == 200
    request = restore_request.RestoreRequest("x.sqlite3", "0" * 64, "2027-01-01T00:00:00.000Z", "", False)
    with restore_request.sole(appliance.data):
        assert "Another restore is being prepared" in stage.visitor.post("/backups/restore/prepare", copy=COPY).text
        busy = appliance.command("restore", str(stage.copy), "--yes")
        assert busy.returncode == 75 and "another restore is being prepared" in busy.stderr
        with pytest.raises(restore_request.ServerRestoreError, match="no database there|x.sqlite3"):
            restore_request.ask(appliance.data, request, lambda: True)
    assert content(appliance) == before
    assert appliance.stop() == 0
    with restore_request.sole(appliance.data), pytest.raises(restore_request.RequestNotTakenError):
        restore_request.ask(appliance.data, request, lambda: False)
    assert not (appliance.data / "recnice.restore-request").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_that_is_ended_while_it_restores_has_the_former_or_the_restored_data(
    stage: Scene, number: signal.Signals
) -> None:
    prepare(stage)
    appliance = stage.appliance
    assert stage.visitor.post("/backups/restore/begin", copy=COPY).status == 200
    assert appliance.process is not None
    os.killpg(appliance.process.pid, number)
    appliance.process.wait(30)
    appliance.start()
    names = {one.get("userName") for one in content(appliance).values()}
    assert names in ({"anna", "bert", "carl", "dora", None}, {"anna", "bert", "dora", "erna", None})
    assert not (appliance.data / "restore-staged").exists()
    assert appliance.stop() == 0
    assert appliance.command("check").returncode == 0


@pytest.fixture(scope="module")
def archive(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of the scene as it is at its end."""
    path = tmp_path_factory.mktemp("archive") / "recnice.zip"
    (scene.appliance.data / "recnice.toml").write_text("threads = 6\n")
    try:
        made = scene.appliance.command("backup", "--to", str(path))
    finally:
        (scene.appliance.data / "recnice.toml").unlink()
    assert made.returncode == 0, made.stderr
    return path


@pytest.mark.executable
def test_a_backup_is_restored_with_all_its_files_into_a_new_folder(
    stage: Scene, archive: Path, new_appliance: Callable[..., Appliance]
) -> None:
    elsewhere = new_appliance("elsewhere", key=stage.appliance.key)
    restored = elsewhere.command("restore", str(archive), "--yes")
    assert restored.returncode == 0, restored.stderr
    assert (elsewhere.data / "recnice.secret").read_bytes() == (stage.appliance.data / "recnice.secret").read_bytes()
    assert (elsewhere.data / "recnice.toml").read_text() == "threads = 6\n"
    assert not list(elsewhere.data.glob("replaced-*"))
    logged = query(elsewhere.data / "recnice-requests.sqlite3", "SELECT count(*) FROM request")
    assert logged == query(stage.appliance.data / "recnice-requests.sqlite3", "SELECT count(*) FROM request")
    stage.appliance.start()
    elsewhere.start()
    assert content(elsewhere) == content(stage.appliance)
    assert stage.appliance.stop() == elsewhere.stop() == 0


def test_the_files_of_the_folder_stay_where_the_backup_is_its_own(stage: Scene, archive: Path) -> None:
    (stage.appliance.data / "recnice.toml").write_text("threads = 7\n")
    secret = (stage.appliance.data / "recnice.secret").read_bytes()
    restored = stage.appliance.command("restore", str(archive), "--yes")
    assert restored.returncode == 0, restored.stderr
    assert (stage.appliance.data / "recnice.toml").read_text() == "threads = 7\n"
    assert (stage.appliance.data / "recnice.secret").read_bytes() == secret


def with_manifest(archive: Path, target: Path, **values: Any) -> Path:
    with zipfile.ZipFile(archive) as read, zipfile.ZipFile(target, "w") as written:
        for entry in read.infolist():
            text = read.read(entry)
            if entry.filename == "manifest.json":
                text = json.dumps(json.loads(text) | values).encode()
            written.writestr(entry.filename, text)
    return target


def test_a_backup_of_a_newer_version_names_both_versions(stage: Scene, archive: Path, tmp_path: Path) -> None:
    newer = with_manifest(archive, tmp_path / "newer.zip", version="9.9.9", step="9999")
    refused = stage.appliance.command("restore", str(newer), "--yes")
    assert refused.returncode == 78
    assert "9.9.9, step 9999" in refused.stderr
    assert f"this one is {VERSION}" in refused.stderr
    assert not (stage.appliance.data / "restore-staged").exists()


def test_an_archive_with_a_flipped_bit_or_without_its_end_is_refused(
    stage: Scene, archive: Path, tmp_path: Path
) -> None:
    whole = archive.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for broken in (bytes(flipped), whole[: len(whole) // 2]):
        file = tmp_path / "broken.zip"
        file.write_bytes(broken)
        refused = stage.appliance.command("restore", str(file), "--yes")
        assert refused.returncode == 78
        assert "damaged" in refused.stderr or "incomplete" in refused.stderr
        assert not (stage.appliance.data / "restore-staged").exists()


def test_an_encrypted_backup_needs_its_key(stage: Scene, tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(f"{identity}\n")
    made = stage.appliance.command(
        "backup", "--to", str(tmp_path / "out") + "/", "--backup-public-key", str(identity.to_public())
    )
    assert made.returncode == 0, made.stderr
    (file,) = (tmp_path / "out").iterdir()
    refused = stage.appliance.command("restore", str(file), "--preview")
    assert refused.returncode == 78
    assert "--identity FILE" in refused.stderr
    told = stage.appliance.command("restore", str(file), "--preview", "--identity", str(tmp_path / "key.txt"))
    assert told.returncode == 0, told.stderr
    assert "The backup lacks 1 user created since." not in told.stdout
    assert "The backup was made at " in told.stdout
