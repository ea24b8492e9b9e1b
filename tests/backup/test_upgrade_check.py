"""`upgrade-check` lets another executable upgrade a copy; the data folder keeps every byte."""

import shutil
import sys
from pathlib import Path

import pytest

from app import bundled_files, data_folder
from app.cli import main
from app.commands.shared import data_folder as shared
from app.settings import Settings
from tests.cheap import make_database
from tests.conftest import ROOT
from tests.store.test_migration import NEWEST, NEXT, NEXT_FILE, SECOND


def contents(settings: Settings) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in settings.data.rglob("*") if path.is_file()}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of a sound data folder."""
    settings = Settings(tmp_path / "data")
    settings.data.mkdir(mode=0o700)
    make_database(settings.database)
    data_folder.secret(settings.data)
    return settings


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """An executable of a version with one more step, whose settings file would name another folder of backups."""
    migrations = tmp_path / "migrations"
    shutil.copytree(bundled_files.MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
    (migrations / "versions" / NEXT_FILE).write_text(SECOND.format(rest=""))
    program = tmp_path / "newer"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom pathlib import Path\n"
        f"from app import bundled_files\nbundled_files.MIGRATIONS = Path({str(migrations)!r})\n"
        "from app.cli import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    return program


def test_a_newer_executable_upgrades_a_copy_only(
    settings: Settings, newer: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    backups = tmp_path / "elsewhere"
    backups.mkdir()
    # Not by the rules, which the check of a copy must not apply.
    kept = backups / "recnice-nightly-20200101T000000Z.zip"
    kept.write_bytes(b"")
    (settings.data / "recnice.toml").write_text(f'backup_folder = "{backups}"\nbackup_daily = 1\n')
    before = contents(settings)
    assert main(["upgrade-check", str(newer), "--data", str(settings.data)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert f"Upgrade: from step {NEWEST} to {NEXT}" in lines
    assert any(line.startswith("Time: ") for line in lines)
    (space,) = [line for line in lines if line.startswith("Space: ")]
    assert int(space.split()[1].replace(",", "")) >= 1, "the backup before the upgrade"
    assert contents(settings) == before and kept.exists() and list(backups.iterdir()) == [kept]
    assert not list(settings.data.glob("upgrade-check-*"))


def test_an_upgrade_that_would_fail_says_why(
    settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.write_text('#!/bin/sh\necho "$3/recnice.sqlite3: made by a newer version" >&2\nexit 78\n')
    other.chmod(0o755)
    before = contents(settings)
    assert main(["upgrade-check", str(other), "--data", str(settings.data)]) == 78
    printed = capfd.readouterr()
    assert printed.out == f"{settings.database}: made by a newer version\n"
    assert printed.err == "recnice-scim: the upgrade would fail; the data folder is unchanged\n"
    assert contents(settings) == before


def test_what_cannot_be_checked_is_refused(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusal(*words: str) -> tuple[int, str]:
        return main(["upgrade-check", *words]), capsys.readouterr().err

    before = contents(settings)
    assert refusal(str(settings.database), "--data", str(settings.data)) == (
        2,
        f"recnice-scim: {settings.database}: expected an executable file\n",
    )
    status, text = refusal("--data", str(tmp_path / "nowhere"))
    assert status == 78 and "no database there" in text and not (tmp_path / "nowhere").exists()

    class Full:
        total, free = 10**9, 10**6

    monkeypatch.setattr("shutil.disk_usage", lambda _: Full)
    status, text = refusal("--data", str(settings.data))
    assert status == 75 and "nothing was checked: it needs" in text
    assert contents(settings) == before


def test_the_next_start_deletes_what_a_killed_check_left(settings: Settings) -> None:
    left = settings.data / "upgrade-check-1a2b3c.partial"
    left.mkdir()
    (left / "recnice.sqlite3").touch()
    shared.migrate(settings, may_be_new=False)
    assert not left.exists()
