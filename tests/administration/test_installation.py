"""Files that belong to the database are known again at the next start; other ones stop nothing, and are named."""

from pathlib import Path

from flask import Flask

from app.administration import installation
from app.store.database import directory_database


def differences(secret: bytes, schemas: Path) -> list[str]:
    with directory_database.reading() as connection:
        return [line.partition(":")[0] for line in installation.differences(connection, secret, schemas)]


def names(lines: list[str]) -> list[str]:
    return [line.partition(":")[0] for line in lines]


def test_files_that_were_replaced_are_named_once(app: Flask, tmp_path: Path) -> None:
    schemas = tmp_path / "schemas"
    assert differences(b"a", schemas) == [], "before the first start nothing is known"
    assert installation.note_start(b"a", schemas) == []
    assert installation.note_start(b"a", schemas) == differences(b"a", schemas) == []
    assert differences(b"b", schemas) == ["recnice.secret"]
    schemas.mkdir()
    (schemas / "badge.json").write_text("{}")
    assert differences(b"b", schemas) == ["recnice.secret", "schemas"]
    assert names(installation.note_start(b"b", schemas)) == ["recnice.secret", "schemas"]
    assert installation.note_start(b"b", schemas) == []
    (schemas / "badge.json").rename(schemas / "other.json")
    assert differences(b"b", schemas) == [], "the content counts"


def test_a_database_that_cannot_be_written_does_not_stop_the_start(app: Flask, tmp_path: Path) -> None:
    assert installation.note_start(b"a", tmp_path / "schemas") == []
    with directory_database.reading() as connection:
        connection.driver.execute("PRAGMA query_only = ON")
    assert names(installation.note_start(b"b", tmp_path / "schemas")) == ["recnice.secret"]
    assert differences(b"b", tmp_path / "schemas") == ["recnice.secret"], "it is known from the last start still"


def test_a_fingerprint_does_not_reveal_the_secret_and_no_two_folders_are_the_same(app: Flask, tmp_path: Path) -> None:
    installation.note_start(b"s" * 32, tmp_path)
    with directory_database.reading() as connection:
        [row] = connection.exec_driver_sql("SELECT * FROM installation").all()
    assert (b"s" * 32).hex() not in repr(row) and len(row.secret) == len(row.schemas) == 64
    assert len({row.instance, row.feed_epoch}) == 2
