"""The command line as tools rely on it: what goes to standard output, one line of complaint, and the exit status."""

import json
import re
import socket
import sqlite3
import stat

import pytest

from tests.conftest import run

KEY = re.compile(r"rcn_scim_[A-Za-z0-9_-]{43}_[0-9a-z]{6}")
FAILED, USAGE, TRY_AGAIN, CONFIGURATION = 1, 2, 75, 78


def complains(ran, status, *words):
    """The command ended with this status, printed nothing, and said why in one line that has these words."""
    assert (ran.returncode, ran.stdout) == (status, ""), ran
    assert re.fullmatch(r"recnice-scim: [^\n]+\n", ran.stderr), ran.stderr
    for word in words:
        assert word in ran.stderr, ran.stderr


def serve_fails(appliance, status, *words):
    """`serve` itself refuses: its exit status, and its last line says why."""
    assert appliance.launch().wait(60) == status, appliance.output
    last = appliance.output.splitlines()[-1]
    assert last.startswith("recnice-scim: "), appliance.output
    for word in words:
        assert word in last, last


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.executable
def test_key_create_prints_only_the_key_and_the_key_works_at_once(appliance):
    assert KEY.fullmatch(appliance.make_key("second"))
    assert appliance.request("GET", "/scim/Users").status == 200


def test_two_keys_at_a_time(appliance):
    first = appliance.key
    second = appliance.make_key("second")
    complains(appliance.command("key", "create", "--name", "third"), FAILED)
    listed = appliance.command("key", "list").stdout
    assert first[:13] in listed and "second" in listed
    assert first not in listed and second not in listed
    row = next(line for line in listed.splitlines() if "second" in line)
    assert appliance.command("key", "stop", row.split()[0]).returncode == 0
    assert appliance.request("GET", "/scim/Users").status == 401
    assert appliance.request("GET", "/scim/Users", headers={"Authorization": f"Bearer {first}"}).status == 200


def test_stopping_an_unknown_key(appliance):
    complains(appliance.command("key", "stop", "deadbeef"), FAILED, "no key")
    complains(appliance.command("key", "stop", "\udcff"), USAGE, "UTF-8")


# --- operators -------------------------------------------------------------------------------------------------------


def test_operators(appliance):
    password = "seven green bicycles by the lake"
    made = appliance.command("admin", "create", "--user-name", "Grace", "--password-stdin", typed=password + "\n")
    assert made.returncode == 0, made.stderr
    assert password not in made.stdout + made.stderr
    (listed,) = json.loads(appliance.command("admin", "list", "--json").stdout)
    created = listed.pop("created")
    words = ("Grace", "owner", "active", "off", None)
    assert listed == dict(zip(("user_name", "role", "state", "second_factor", "last_signed_in"), words, strict=True))
    assert created in appliance.command("admin", "list").stdout
    twin = appliance.command("admin", "create", "--user-name", "GRACE", "--password-stdin", typed=password + "\n")
    complains(twin, FAILED)
    reset = ("admin", "reset-password", "--password-stdin", "--user-name")
    new = appliance.command(*reset, "grace", typed="another of the same length\n")
    assert new.returncode == 0, new.stderr
    nobody = appliance.command(*reset, "bob", typed=password)
    complains(nobody, FAILED, "no administrator")
    assert appliance.request("GET", "/scim/Users").json["totalResults"] == 0, "SCIM does not see operators"
    another = f"recnice-scim admin create --user-name NAME --data {appliance.data}"
    complains(appliance.command("setup-link"), FAILED, another)


# --- what it says about itself ---------------------------------------------------------------------------------------


@pytest.mark.executable
def test_what_it_says_about_itself_needs_no_data_folder(program):
    version = run(program, "version")
    assert version.returncode == 0 and re.search(r"\d+\.\d+\.\d+", version.stdout)
    schema = run(program, "schema")
    assert schema.returncode == 0 and "User userName" in schema.stdout and "Group members.value" in schema.stdout
    licenses = run(program, "licenses")
    assert licenses.returncode == 0, licenses.stderr
    for distribution in ("python", "flask", "sqlalchemy", "marshmallow", "waitress", "argon2-cffi", "alembic"):
        assert re.search(rf"^\S*{distribution}", licenses.stdout, re.IGNORECASE | re.MULTILINE), distribution
    assert run(program, "--help").returncode == 0


@pytest.mark.executable
def test_config_and_check_while_it_serves(appliance):
    config = appliance.command("config")
    assert config.returncode == 0 and str(appliance.data) in config.stdout
    check = appliance.command("check")
    assert check.returncode == 0, check.stdout + check.stderr


def test_config_says_where_each_value_is_from(new_appliance):
    stopped = new_appliance(environment={"RECNICE_PUBLIC_URL": "https://scim.example.com/recnice"})
    stopped.data.mkdir()
    (stopped.data / "recnice.toml").write_text('threads = 7\npublic_url = "https://not.this.one"\n', encoding="utf-8")
    rows = {line.split()[0]: line for line in stopped.command("config").stdout.splitlines()}
    assert "7" in rows["threads"] and "file" in rows["threads"]
    assert "https://scim.example.com/recnice" in rows["public_url"] and "environment" in rows["public_url"]
    assert "flag" in rows["data"] and "default" in rows["listen"]


# --- exit statuses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [("dance",), ("key",), ("key", "stop"), ("serve", "--listen", "nowhere"), ("serve", "--blow-up")]
)
def test_usage(new_appliance, words):
    ran = new_appliance().command(*words)
    assert ran.returncode == USAGE and not ran.stdout, ran
    assert ran.stderr.splitlines()[-1].startswith("recnice-scim: ") or "Usage" in ran.stderr, ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("line", ["color = 1", "threads = 0", 'public_url = "ftp://x"', "broken"])
def test_a_settings_file_that_cannot_be_used(new_appliance, line):
    stopped = new_appliance()
    stopped.data.mkdir()
    (stopped.data / "recnice.toml").write_text(line + "\n", encoding="utf-8")
    complains(stopped.command("config"), CONFIGURATION, "recnice.toml")
    serve_fails(stopped, CONFIGURATION, "recnice.toml")


@pytest.mark.executable
def test_commands_without_a_database(new_appliance):
    complains(new_appliance().command("key", "list"), CONFIGURATION)


def test_one_process_a_data_folder(appliance, new_appliance):
    second = new_appliance("second")
    second.data = appliance.data
    assert second.command("serve", "--listen", f"127.0.0.1:{second.port}").returncode == TRY_AGAIN
    complains(second.command("serve", "--listen", f"127.0.0.1:{second.port}"), TRY_AGAIN, str(appliance.data))
    assert appliance.request("GET", "/scim/Users").status == 200


def test_the_port_is_taken(new_appliance):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        serve_fails(new_appliance(port=taken.getsockname()[1]), TRY_AGAIN, str(taken.getsockname()[1]))


def test_a_corrupt_database(appliance):
    assert appliance.stop() == 0
    (appliance.data / "recnice.sqlite3").write_bytes(b"this is no database " * 1000)
    serve_fails(appliance, CONFIGURATION, "recnice.sqlite3")
    complains(appliance.command("key", "list"), CONFIGURATION)


def test_a_newer_database(appliance):
    assert appliance.stop() == 0
    connection = sqlite3.connect(appliance.data / "recnice.sqlite3")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    before = (appliance.data / "recnice.sqlite3").read_bytes()
    serve_fails(appliance, CONFIGURATION, "newer")
    assert (appliance.data / "recnice.sqlite3").read_bytes() == before, "nothing was touched"


def test_loose_file_modes_are_tightened_and_said(appliance):
    assert appliance.stop() == 0
    database = appliance.data / "recnice.sqlite3"
    database.chmod(0o644)
    appliance.data.chmod(0o755)
    appliance.start()
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert stat.S_IMODE(appliance.data.stat().st_mode) == 0o700
    assert appliance.output.count("open to others") == 2


def test_check_finds_a_column_that_does_not_fit(appliance):
    made = appliance.request("POST", "/scim/Users", {"userName": "ada@example.com"})
    assert made.status == 201
    assert appliance.stop() == 0
    connection = sqlite3.connect(appliance.data / "recnice.sqlite3")
    connection.execute("UPDATE resource SET filled = 0")
    connection.commit()
    connection.close()
    checked = appliance.command("check")
    assert checked.returncode == FAILED and made.json["id"] in checked.stdout + checked.stderr, checked
