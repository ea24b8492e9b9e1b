"""A support bundle has what helps to find a fault, and no value that names a person, an address, a key or a path."""

import io
import json
import re
import sqlite3
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.conftest import Appliance, wait_until
from tests.web.visitor import PASSWORD, Visitor

ADA = {
    "userName": "ada.lovelace@engines.example",
    "externalId": "ext-8f51ab-ada",
    "displayName": "Ada Lovelace-Byron",
    "name": {"givenName": "Augusta", "familyName": "Lovelace"},
    "emails": [{"type": "work", "value": "a.lovelace@engines.example"}],
    "phoneNumbers": [{"type": "work", "value": "+44 20 7946 0991"}],
    "title": "Countess of Lovelace",
}
PECULIAR = ("lovelace", "augusta", "byron", "7946", "engines", "grace", "babbage", "192.0.2.77", "hopper")
"""Parts of names and addresses, lower case; each is stored or was sent."""
STORED = {
    "recnice.sqlite3": {
        "operator": ("user_name", "password_hash"),
        "scim_key": ("id", "name", "prefix", "hash"),
        "oauth_client": ("id", "name"),
        "oauth_secret": ("id", "prefix", "hash"),
        "allowed_network": ("network", "note"),
        "seen_source": ("address",),
        "session": ("token_hash", "user_agent", "address"),
        "resource": ("id", "document"),
        "lookup": ("value",),
        "event": ("resource_id", "name"),
        "audit": ("target", "hash", "salt"),
    },
    "recnice-requests.sqlite3": {
        "request": ("address", "key_id", "resource_id", "resource_name", "other_id", "reason", "body"),
        "problem": ("resource_id", "resource_name", "got", "body"),
    },
}
"""The columns of which no value may be in a bundle, by file and table."""


def has_logged(folder: Path, method: str, status: int) -> bool:
    with closing(sqlite3.connect(f"file:{folder / 'recnice-requests.sqlite3'}?mode=ro", uri=True)) as connection:
        sought = "SELECT 1 FROM request WHERE method = ? AND status = ?"
        return connection.execute(sought, (method, status)).fetchone() is not None


@pytest.fixture(scope="module")
def filled(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """A server with peculiar names everywhere, whose log is a file."""
    folder = tmp_path_factory.mktemp("grace-hopper")
    made = Appliance(program, folder / "recnice", environment={"RECNICE_LOG_FILE": str(folder / "babbage.log")}).start()
    made.make_key("Key of Babbage")
    grace = ("admin", "create", "--user-name", "Grace", "--password-stdin")
    assert made.command(*grace, typed=PASSWORD + "\n").returncode == 0
    assert made.command("allowlist", "allow", "192.0.2.77").returncode == 0
    assert made.command("oauth", "create", "--name", "Client of Babbage").returncode == 0
    ada = made.request("POST", "/scim/Users", ADA)
    assert ada.status == 201
    assert made.request("POST", "/scim/Users", ADA).status == 409
    group = {"displayName": "Friends of Babbage", "members": [{"value": ada.json["id"]}]}
    assert made.request("POST", "/scim/Groups", group).status == 201
    operation = {"op": "replace", "path": "emails[lovelace eq", "value": "hopper"}
    patch = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
    assert made.request("PATCH", f"/scim/Users/{ada.json['id']}", patch).status == 400
    assert made.request("GET", '/scim/Users?filter=lovelace eq "hopper"'.replace(" ", "%20")).status == 400
    assert made.request("LOVELACE", "/scim/Users/hopper").status in (400, 405, 501)
    with (folder / "babbage.log").open("a") as log:
        for message in (
            "Exception while serving /scim/lovelace",
            "Grace was here",
            "request 00aa11bb22cc33dd refused: x",
        ):
            event = {"time": "2026-11-30T09:00:00.000Z", "level": "error", "logger": "recnice.lovelace"}
            frames = 'File "/srv/hopper/app/clock.py", line 3, File "app/lovelace.py", line 4'
            log.write(json.dumps({**event, "message": message, "traceback": f"{frames}\n{message}"}) + "\n")
        log.write("2026-11-30T09:00:00.000Z info recnice.serve: serving at http://lovelace.example\n[]\nAda Lovelace\n")
    # The log is written half a second later, and the bundle has what is written.
    wait_until(lambda: has_logged(made.data, "GET", 400), "the requests in the log")
    yield made
    assert made.stop() == 0, made.output


def members(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture(scope="module")
def bundle(filled: Appliance) -> dict[str, str]:
    """The members of the bundle that the command makes."""
    file = filled.data.with_name("bundle.zip")
    made = filled.command("support-bundle", "--to", str(file))
    assert (made.returncode, made.stdout) == (0, f"{file}\n"), made.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return members(file.read_bytes())


def download(visitor: Visitor) -> bytes:
    """What the button on the page sends."""
    address = urlsplit(visitor.url)
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies}
    with closing(HTTPConnection(str(address.hostname), address.port, timeout=30)) as connection:
        connection.request("POST", "/support-bundle", urlencode({"csrf_token": visitor.token}), headers)
        response = connection.getresponse()
        content = response.read()
        assert (response.status, response.getheader("Content-Type")) == (200, "application/zip"), content
        assert "attachment; filename=recnice-support-" in str(response.getheader("Content-Disposition"))
        return content


def leaves(value: Any) -> Iterator[str]:
    """Every text in JSON."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)
    elif isinstance(value, str):
        yield value


def stored_texts(folder: Path) -> Iterator[str]:
    for file, tables in STORED.items():
        with closing(sqlite3.connect(f"file:{folder / file}?mode=ro", uri=True)) as connection:
            for table, columns in tables.items():
                rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
                for cell in (cell for row in rows for cell in row if cell):
                    text = cell.hex() if isinstance(cell, bytes) else str(cell)
                    yield text
                    if text.startswith("{"):
                        yield from leaves(json.loads(text))


def faults(texts: dict[str, str], folder: Path) -> list[tuple[str, str]]:
    secret = (folder / "recnice.secret").read_bytes()
    forbidden = {*PECULIAR, secret.hex(), str(folder), *(one.lower() for one in stored_texts(folder) if len(one) >= 5)}
    return [(name, one) for name, text in texts.items() for one in forbidden if one in text.lower()]


@pytest.mark.executable
def test_nothing_in_it_names_anybody(filled: Appliance, bundle: dict[str, str]) -> None:
    assert len(list(stored_texts(filled.data))) > 60
    assert faults(bundle, filled.data) == []
    assert faults({"proof": json.dumps(ADA)}, filled.data), "the scan finds what is there"


@pytest.mark.executable
def test_it_has_what_helps(filled: Appliance, bundle: dict[str, str]) -> None:
    read = {name: json.loads(text) for name, text in bundle.items() if name.endswith(".json")}
    assert re.fullmatch(r"\d+\.\d+\.\d+", read["versions.json"]["recnice-scim"])
    settings = {one["name"]: one for one in read["settings.json"]}
    assert settings["threads"]["value"] == "16" and settings["log_file"]["origin"] == "environment"
    assert re.fullmatch(r"log_file-[0-9a-f]{12}", settings["log_file"]["value"])
    assert read["counts.json"]["directory"]["resource"] == 2 and read["counts.json"]["directory"]["scim_key"] == 1
    assert read["check.json"] == {"problems": 0, "warnings": 0}
    assert read["sizes.json"]["database_bytes"] > 0 and "checkpoint" not in read["jobs.json"]
    requests = {(one["method"], one["path"], one["status"]): one for one in read["requests.json"]}
    created, refused = requests["POST", "Users", 201], requests["POST", "Users", 409]
    assert re.fullmatch(r"user-[0-9a-f]{12}", created["resource"]) and refused["other"] == created["resource"]
    assert (created["action"], refused["scimType"], refused["attribute"]) == ("create", "uniqueness", "userName")
    assert "user-name-taken" in {one["kind"] for one in read["problems.json"]}
    events = read["log.json"]["events"]
    messages = [one["message"] for one in events]
    assert any(re.fullmatch(r"Exception while serving text-[0-9a-f]{12}", one) for one in messages)
    assert any(re.fullmatch(r"request 00aa11bb22cc33dd refused: text-[0-9a-f]{12}", one) for one in messages)
    assert any(re.fullmatch(r"serving at text-[0-9a-f]{12}", one) for one in messages)
    assert any(re.fullmatch(r"text-[0-9a-f]{12}", one) for one in messages), "a message that no template has"
    assert {one["frames"] for one in events} >= {"", "app/clock.py:3"}


def test_the_page_gives_the_same_pseudonyms(filled: Appliance, bundle: dict[str, str]) -> None:
    grace = Visitor(filled.url)
    grace.sign_in("Grace")
    assert "Download support bundle" in grace.get("/help").text
    assert "Download support bundle" not in grace.get("/help/glossary").text
    found = members(download(grace))
    assert faults(found, filled.data) == []
    assert "check.json" not in found and found["settings.json"] != "[]"
    by_command = {one["number"]: one["resource"] for one in json.loads(bundle["requests.json"])}
    by_page = {one["number"]: one["resource"] for one in json.loads(found["requests.json"])}
    assert set(by_command.items()) <= set(by_page.items())
    assert "created a support bundle" in grace.get("/audit").text


def test_no_file_is_replaced(filled: Appliance, bundle: dict[str, str]) -> None:
    again = filled.command("support-bundle", "--to", str(filled.data.with_name("bundle.zip")))
    assert again.returncode == 1 and again.stderr.startswith("recnice-scim: ") and "exists" in again.stderr
    assert filled.command("support-bundle").returncode == 2


def test_a_failure_leaves_no_file(new_appliance: Callable[..., Appliance], tmp_path: Path) -> None:
    failed = new_appliance().command("support-bundle", "--to", str(tmp_path / "bundle.zip"))
    assert failed.returncode == 78 and not (tmp_path / "bundle.zip").exists()
