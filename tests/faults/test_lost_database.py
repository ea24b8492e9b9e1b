"""A database file that is removed or replaced: no write is acknowledged that the next start would not find."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Appliance, wait_until
from tests.web.visitor import set_up

DATABASE = "recnice.sqlite3"
SIDE_FILES = ("", "-wal", "-shm")


def create(appliance: Appliance, name: str) -> int:
    return appliance.request("POST", "/scim/Users", {"userName": name}).status


def remove(folder: Path) -> None:
    for end in SIDE_FILES:
        (folder / (DATABASE + end)).unlink(missing_ok=True)


def replace(folder: Path) -> None:
    """Put a copy of the database in its place, as who restores a backup while the server runs."""
    copy = folder / "copy.sqlite3"
    with closing(sqlite3.connect(folder / DATABASE)) as connection, closing(sqlite3.connect(copy)) as target:
        connection.backup(target)
    copy.replace(folder / DATABASE)


def noticed(appliance: Appliance) -> None:
    wait_until(lambda: "every request gets 503" in appliance.output, "the server notices it")


def refused_start(appliance: Appliance, *flags: str) -> str:
    """The one line of a start that is refused."""
    refused = appliance.command("serve", "--listen", "127.0.0.1:0", *flags)
    assert refused.returncode == 78, refused.stderr
    line: str = refused.stderr.splitlines()[-1]
    assert line.startswith("recnice-scim: ")
    return line


@pytest.mark.parametrize("lose", [pytest.param(remove, marks=pytest.mark.executable), shutil.rmtree, replace])
def test_a_lost_file_is_noticed_and_nothing_is_acknowledged(appliance: Appliance, lose: Callable[[Path], None]) -> None:
    assert create(appliance, "before") == 201
    lose(appliance.data)
    noticed(appliance)
    assert [create(appliance, f"after-{number}") for number in range(30)] == [503] * 30
    refused = appliance.request("GET", "/scim/Users")
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert "removed or replaced" in refused.json["detail"]
    assert (appliance.request("GET", "/readyz").status, appliance.request("GET", "/healthz").status) == (503, 200)
    assert appliance.output.count('"critical"') == 1
    assert appliance.stop() == 0
    line = refused_start(appliance)
    assert ("was replaced" if lose is replace else "serve --new") in line


def test_a_replaced_file_can_be_used_when_the_files_of_the_former_one_are_gone(appliance: Appliance) -> None:
    assert create(appliance, "before") == 201
    replace(appliance.data)
    noticed(appliance)
    appliance.kill()
    refused_start(appliance)
    assert "has content" in refused_start(appliance, "--new")
    assert appliance.command("key", "list").returncode == 78
    for name in ("recnice.sqlite3-wal", "recnice.sqlite3-shm", "recnice.replaced"):
        (appliance.data / name).unlink(missing_ok=True)
    appliance.start()
    assert appliance.request("GET", "/scim/Users").json["totalResults"] == 1


@pytest.mark.parametrize("way", ["missing", "empty", "without a table"])
def test_a_folder_that_was_set_up_does_not_begin_again(appliance: Appliance, way: str) -> None:
    assert create(appliance, "before") == 201
    assert appliance.stop() == 0
    remove(appliance.data)
    if way != "missing":
        (appliance.data / DATABASE).touch()
    if way == "without a table":
        with closing(sqlite3.connect(appliance.data / DATABASE)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        assert (appliance.data / DATABASE).stat().st_size
    line = refused_start(appliance)
    assert "restore a backup" in line and "serve --new" in line
    assert appliance.command("key", "create").returncode == 78
    (appliance.data / DATABASE).unlink(missing_ok=True)
    begun = Appliance(appliance.program, appliance.data, flags=("--new",), port=appliance.port).start()
    assert begun.request("GET", "/scim/Users").status == 401
    assert list(appliance.data.glob("recnice-requests-*.sqlite3")), "the former request log is kept"
    assert begun.stop() == 0


def test_set_up_is_noted_by_the_page_and_by_commands(new_appliance: Callable[..., Appliance]) -> None:
    by_page, by_command = new_appliance("page").start(), new_appliance("command").start()
    mark = "recnice.set-up"
    assert not (by_page.data / mark).exists() and not (by_command.data / mark).exists()
    set_up(by_page)
    by_command.make_key()
    for one in (by_page, by_command):
        assert (one.data / mark).stat().st_mode & 0o777 == 0o600
        (one.data / mark).unlink()  # as in a folder of an older version
        one.kill()
    by_page.start()
    assert (by_page.data / mark).exists()


def test_an_interrupted_first_start_goes_on(new_appliance: Callable[..., Appliance]) -> None:
    fresh = new_appliance()
    fresh.launch()
    wait_until((fresh.data / DATABASE).exists, "the file is there")
    fresh.kill()
    fresh.start()
    assert fresh.stop() == 0
    remove(fresh.data)
    fresh.start()
    assert "/setup?code=" in fresh.output
    assert fresh.stop() == 0
