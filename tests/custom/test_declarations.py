"""What was declared and no longer is gets noticed, named with its values, and confirmed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import bounds
from app.scim import custom_schemas
from app.scim.resource_types import ResourceType
from app.store import integrity_check
from app.store.database import directory_database
from app.store.directory import declared_attributes, rebuild_derived_rows
from app.store.directory.declared_attributes import MissingSchema
from tests.cheap import make_database
from tests.custom.conftest import BADGE, CORE, EXTENSION, SCHEMAS
from tests.store.conftest import insert, make_app

USER_VALUES = {"badgeNumber": 7, "Site": "Leeds", "lockers": [{"value": "l", "floor": 2}]}
OTHER_BADGE = BADGE.replace("badge", "pass")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The folder of schema files that a database was brought in line with; two users and a TestResource are stored."""
    shutil.copytree(SCHEMAS, tmp_path / "schemas")
    app = make_app(directory_database.address(make_database(tmp_path / "recnice.sqlite3")))
    with app.app_context():
        user, _, test = settle(tmp_path / "schemas")
        for name, badge in (("eva", USER_VALUES), ("ben", {"badgeNumber": 8})):
            store(user, {"userName": name, BADGE: badge})
        store(test, {"identifier": "a", "integerAttr": 5, EXTENSION: {"extString": "e", "extRequired": "r"}})
        yield tmp_path / "schemas"
        directory_database.file.close()


def settle(folder: Path) -> tuple[ResourceType, ...]:
    types = custom_schemas.read(folder)
    rebuild_derived_rows.rebuild(types)
    return types


def store(resource_type: ResourceType, values: dict[str, Any]) -> None:
    insert(resource_type, resource_type.load(values) | {"id": values.get("userName", "t")})


def edit(folder: Path, name: str, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / f"{name}.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def missing() -> list[MissingSchema]:
    with directory_database.reading() as connection:
        return declared_attributes.missing(connection)


def told() -> list[tuple[str, str, list[str], int]]:
    return [(one.type, one.urn, list(one.attributes), one.resources) for one in missing()]


def confirm(schema: MissingSchema) -> None:
    with directory_database.writing() as connection:
        declared_attributes.confirm_removal(connection, schema)


def without(*names: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        for name in names:
            top, _, part = name.partition(".")
            place = document["attributes"]
            if part:
                place = next(one for one in place if one["name"] == top)["subAttributes"]
            place.remove(next(one for one in place if one["name"] == (part or top)))

    return change


def remove_badge(folder: Path) -> None:
    (folder / "badge.json").unlink()
    (folder / "user.json").unlink()


def remove_all(folder: Path) -> None:
    shutil.rmtree(folder)


def remove_type(folder: Path) -> None:
    for path in folder.glob("test-*.json"):
        path.unlink()


def rename_badge(folder: Path) -> None:
    for name in ("badge", "user"):
        path = folder / f"{name}.json"
        path.write_text(path.read_text(encoding="utf-8").replace(BADGE, OTHER_BADGE), encoding="utf-8")


GONE_TYPE = [("TestResource", EXTENSION, [], 1), ("TestResource", CORE, [], 1)]
GONE_BADGE = ("User", BADGE, [], 2)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (remove_badge, [GONE_BADGE]),
        (rename_badge, [GONE_BADGE]),
        (remove_type, GONE_TYPE),
        (remove_all, [*GONE_TYPE, GONE_BADGE]),
        (lambda folder: edit(folder, "badge", without("Site")), [("User", BADGE, ["Site"], 1)]),
        (
            lambda folder: edit(folder, "badge", without("Site", "badgeNumber")),
            [("User", BADGE, ["Site", "badgeNumber"], 2)],
        ),
        (lambda folder: edit(folder, "badge", without("lockers")), [("User", BADGE, ["lockers"], 1)]),
        (lambda folder: edit(folder, "badge", without("lockers.floor")), [("User", BADGE, ["lockers.floor"], 1)]),
        (lambda folder: edit(folder, "badge", without("doors")), [("User", BADGE, ["doors"], 0)]),
        (
            lambda folder: edit(folder, "test-resource", without("integerAttr")),
            [("TestResource", CORE, ["integerAttr"], 1)],
        ),
    ],
)
def test_what_is_no_longer_declared_is_named_with_its_values(
    folder: Path, change: Callable[[Path], None], expected: list[Any]
) -> None:
    assert told() == []
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    change(folder)
    settle(folder)
    assert sorted(told()) == sorted(expected)
    first = missing()
    settle(folder)
    assert missing() == first, "another start changes nothing"
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    settle(folder)
    assert told() == [] if change is not rename_badge else [("User", OTHER_BADGE, [], 0)]


def test_what_is_missing_still_is_counted_again_when_another_attribute_is_back(folder: Path) -> None:
    kept = (folder / "badge.json").read_text(encoding="utf-8")
    edit(folder, "badge", without("Site", "doors"))
    settle(folder)
    assert told() == [("User", BADGE, ["Site", "doors"], 1)]
    since = missing()[0].since
    (folder / "badge.json").write_text(kept, encoding="utf-8")
    edit(folder, "badge", without("doors"))
    settle(folder)
    assert told() == [("User", BADGE, ["doors"], 0)] and missing()[0].since == since
    edit(folder, "badge", without("Site", "badgeNumber"))
    settle(folder)
    assert told() == [("User", BADGE, ["Site", "badgeNumber", "doors"], 2)]


def change_case(document: dict[str, Any]) -> None:
    document["attributes"][0]["name"] = "BADGENUMBER"


def change_type(document: dict[str, Any]) -> None:
    document["attributes"][0] |= {"type": "string", "mutability": "readOnly", "uniqueness": "none"}


@pytest.mark.parametrize("change", [change_case, change_type])
def test_what_is_still_declared_is_not_named(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    edit(folder, "badge", change)
    settle(folder)
    assert told() == []


def test_what_was_removed_on_purpose_is_named_no_more_until_it_was_there_again(folder: Path) -> None:
    files = {path: path.read_text(encoding="utf-8") for path in (folder / "badge.json", folder / "user.json")}
    edit(folder, "badge", without("Site"))
    settle(folder)
    [part] = missing()
    confirm(part)
    settle(folder)
    assert told() == []
    remove_badge(folder)
    settle(folder)
    assert told() == [GONE_BADGE]
    confirm(missing()[0])
    settle(folder)
    assert told() == []
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    settle(folder)
    assert told() == []
    remove_badge(folder)
    settle(folder)
    assert told() == [GONE_BADGE]


def test_the_sentence_names_some_attributes_and_what_to_do(folder: Path) -> None:
    edit(folder, "test-resource", lambda document: document.update(attributes=document["attributes"][:1]))
    settle(folder)
    [schema] = missing()
    assert len(schema.attributes) > bounds.MISSING_ATTRIBUTES_SHOWN
    assert f"and {len(schema.attributes) - bounds.MISSING_ATTRIBUTES_SHOWN} more of schema {CORE}" in schema.sentence
    assert "Put the file back" in schema.sentence and "\n" not in schema.sentence


@pytest.mark.parametrize("value", ["NULL", "'x'", "x'ff00'", "1e300", "9223372036854775807"])
@pytest.mark.parametrize("column", ["type", "urn", "attribute", "missing_since", "resources"])
def test_no_value_of_the_list_ends_a_start_or_a_check(folder: Path, column: str, value: str) -> None:
    with directory_database.writing() as connection:
        for statement in (
            "CREATE TABLE other AS SELECT * FROM declared_attribute",
            "DROP TABLE declared_attribute",
            "ALTER TABLE other RENAME TO declared_attribute",
            f"UPDATE declared_attribute SET {column} = {value} WHERE attribute IN ('', 'Site')",
        ):
            connection.exec_driver_sql(statement)
    edit(folder, "badge", without("doors"))
    types = settle(folder)
    assert all(schema.sentence for schema in missing())
    with directory_database.reading() as connection:
        assert integrity_check.check(connection, types) == []
