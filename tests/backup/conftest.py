"""What tests of backups have in common: a data folder with everything that a backup has."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from app import data_folder
from app.settings import Settings
from app.store.database import sqlite_driver
from app.store.request_log import log_database_file
from tests.administration.conftest import pass_time
from tests.cheap import make_database

__all__ = ["pass_time"]

PEOPLE = """
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count})
    INSERT INTO resource (id, type, document, version, created, last_modified, active, filled)
    SELECT 'id-' || n, 'User', json_object('userName', 'u' || n), 1, '', '', n % 2, 0
    FROM number
"""


def make_people(database: Path, count: int) -> None:
    """Insert users with nothing but a name, every second one disabled, and their total."""
    with closing(sqlite_driver.module.connect(database)) as connection, connection:
        connection.execute(PEOPLE.format(count=count))
        connection.execute("DELETE FROM population WHERE type = 'User'")
        connection.execute("INSERT INTO population VALUES ('User', ?, ?)", (count, (count + 1) // 2))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with 100 users, a request log, a secret, settings and a schema, to be copied."""
    settings = Settings(tmp_path_factory.mktemp("backup") / "data")
    settings.schemas.mkdir(parents=True, mode=0o700)
    settings.data.chmod(0o700)
    make_people(make_database(settings.database), 100)
    assert log_database_file.prepare(settings.requests_database) == ()
    data_folder.secret(settings.data)
    (settings.data / "recnice.toml").write_text("threads = 4\n")
    (settings.schemas / "badge.json").write_text("{}")
    return settings.data


@pytest.fixture
def settings(template: Path, tmp_path: Path) -> Settings:
    """The settings of a copy of that data folder."""
    return Settings(Path(shutil.copytree(template, tmp_path / "data")))
