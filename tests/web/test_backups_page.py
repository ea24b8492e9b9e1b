"""The Backups page: a backup on request, its verification and download, who may do what, and the caution of Status."""

import http.client
import io
import re
import zipfile
from pathlib import Path

import pytest

from app import bounds
from app.backup import writing
from app.jobs import scheduler
from tests.conftest import Appliance, wait_until
from tests.web.test_audit_of_every_action import BASE, World, world
from tests.web.test_console import words
from tests.web.visitor import PASSWORD, Visitor

__all__ = ["world"]


@pytest.fixture(scope="module")
def backup(console: Appliance) -> Path:
    """A backup that an operator asked for."""
    of_oda = ("--user-name", "oda", "--role", "operator", "--password-stdin")
    made = console.command("admin", "create", *of_oda, typed=PASSWORD + "\n")
    assert made.returncode == 0, made.stderr
    visitor = Visitor(console.url)
    visitor.sign_in("oda")
    assert "Backups appear here." in words(visitor.get("/backups").text)
    answer = visitor.post("/backups")
    assert (answer.status, answer.location) == (303, "/backups?started=yes")
    assert "The backup is being made." in visitor.get("/backups?started=yes").text
    (path,) = wait_until(lambda: list((console.data / "backups").glob("recnice-manual-*.zip")), "the backup is there")
    return Path(path)


def test_the_page_has_the_schedule_and_the_backups(eva: Visitor, backup: Path) -> None:
    page = words(eva.get("/backups").text)
    for job in ("Nightly backup", "Backup after changes", "Backup on request", "Restore drill"):
        assert job in page
    assert re.search(r"02:30 (\w+) \d{4}-\d\d-\d\d \d\d:30 UTC", page), "in the zone of the server, and in UTC"
    assert f"Download {backup.name}" in page and f"Verify {backup.name}" in page
    assert "Newest backup: less than a minute ago" in words(eva.get("/").text)


def test_an_owner_downloads_the_file_and_the_audit_says_so(console: Appliance, eva: Visitor, backup: Path) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=30)
    cookies = "; ".join(f"{name}={value}" for name, value in eva.cookies.items())
    connection.request("GET", f"/backups/{backup.name}/download", headers={"Cookie": cookies})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    assert (response.status, content) == (200, backup.read_bytes())
    assert response.getheader("Content-Disposition") == f"attachment; filename={backup.name}"
    assert "recnice.sqlite3" in zipfile.ZipFile(io.BytesIO(content)).namelist()
    audit = words(eva.get("/audit").text)
    assert f"downloaded the backup {backup.name}" in audit and "started a backup" in audit


@pytest.mark.parametrize("name", ["recnice-manual-20200101T000000Z.zip", "..%2frecnice.secret", "recnice.secret"])
def test_nothing_but_a_listed_backup_is_sent(eva: Visitor, backup: Path, name: str) -> None:
    assert eva.get(f"/backups/{name}/download").status == 404
    assert eva.get("/backups").status == 200
    assert eva.post("/backups/verify", name=name).status == 404


def test_another_site_cannot_make_its_visitor_download_it(eva: Visitor, backup: Path) -> None:
    assert eva.get(f"/backups/{backup.name}/download", {"Sec-Fetch-Site": "cross-site"}).status == 403


def test_an_operator_verifies_and_does_not_download(console: Appliance, backup: Path) -> None:
    oda = Visitor(console.url)
    oda.sign_in("oda")
    page = oda.get("/backups").text
    assert "Download" not in page
    assert oda.get(f"/backups/{backup.name}/download").status == 403
    assert f"{backup.name} is valid." in words(oda.post("/backups/verify", name=backup.name).text)
    whole = backup.read_bytes()
    try:
        middle = len(whole) // 2
        backup.write_bytes(
            whole[:middle] + bytes(byte ^ 255 for byte in whole[middle : middle + 100]) + whole[middle + 100 :]
        )
        refused = oda.post("/backups/verify", name=backup.name)
        assert (refused.status, "is not usable" in refused.text) == (400, True)
    finally:
        backup.write_bytes(whole)


def test_status_has_a_caution_when_backups_are_old_or_fail(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def status() -> str:
        return words(world.eva.get("/sub/", base_url=BASE).text)

    assert "No backup yet" in status() and "Open Backups" in status()
    writing.back_up(world.app.config["RECNICE_SETTINGS"], "manual")
    assert "Newest backup: less than a minute ago" in status() and "No backup for" not in status()
    _, long = world.ask(scheduler.current)._schedulers
    long._states["nightly-backup"].failure = "No space left on device"
    assert "A backup job failed. The newest one was made less than a minute ago." in status()
    assert "Nightly backup: No space left on device" in status()
    monkeypatch.setattr(bounds, "BACKUP_AGE_S", 0)
    assert "No backup for 0 seconds. The newest one was made" in status()
