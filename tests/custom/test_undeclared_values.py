"""A schema file goes and comes back: no stored value is lost, nothing of it is shown meanwhile."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.scim import custom_schemas
from app.scim.resource_types import RESOURCE_TYPES
from app.scim.undeclared_values import sort_out
from tests.conftest import Appliance
from tests.custom.conftest import BADGE, CORE, EXTENSION, SCHEMAS, make, patch, with_schemas

BADGED = {
    "badgeNumber": 7,
    "Site": "Leeds",
    "doors": ["n", "s"],
    "validUntil": "2027-01-01T00:00:00Z",
    "lockers": [{"value": "l", "floor": 2}, {"value": "m"}],
}


@pytest.fixture
def stopped(new_appliance: Callable[..., Appliance]) -> Appliance:
    """Has all test schemas and a key, and is not running."""
    appliance = with_schemas(new_appliance()).start()
    appliance.make_key()
    assert appliance.stop() == 0
    return appliance


def edit(appliance: Appliance, name: str, change: Callable[[dict[str, Any]], Any]) -> None:
    path = appliance.data / "schemas" / f"{name}.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def sound(appliance: Appliance) -> str:
    checked = appliance.command("check")
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
    return checked.stdout


def test_values_survive_the_absence_of_their_schema(stopped: Appliance) -> None:
    appliance = stopped.start()
    made = make(appliance, integerAttr=5)
    user = appliance.request("POST", "/scim/Users", {"userName": "eva@example.com", BADGE: BADGED}).json
    other = appliance.request("POST", "/scim/Users", {"userName": "ben@example.com"}).json
    gone = appliance.request("POST", "/scim/Users", {"userName": "zoe@example.com", BADGE: {"badgeNumber": 9}}).json
    appliance.stop()
    kept = appliance.data / "kept"
    (appliance.data / "schemas").rename(kept)

    before = appliance.output
    appliance.start()
    warnings = [line for line in appliance.output.removeprefix(before).splitlines() if "no longer declared" in line]
    assert [line for line in warnings if f"User: schema {BADGE}" in line and "2 resources" in line], warnings
    assert [line for line in warnings if f"TestResource: schema {CORE}" in line and "1 resources" in line], warnings
    where = f"/scim/Users/{user['id']}"
    seen = appliance.request("GET", where).json
    assert BADGE not in seen and seen["schemas"] == [user["schemas"][0]]
    assert seen["meta"]["version"] != user["meta"]["version"]
    assert seen["meta"]["lastModified"] == user["meta"]["lastModified"]
    assert appliance.request("GET", f"/scim/Users/{other['id']}").json == other
    assert appliance.request("GET", f"/scim/Users?filter={BADGE}:badgeNumber%20eq%207").status == 400
    assert appliance.request("GET", f"/scim/TestResources/{made['id']}").status == 404
    renamed = {"Operations": [{"op": "replace", "path": "displayName", "value": "Eva"}]}
    assert appliance.request("PATCH", where, renamed).status == 200
    put = {"userName": "eva@example.com", "title": "Reader", BADGE: {"badgeNumber": 8}}
    assert BADGE not in appliance.request("PUT", where, put).json
    assert appliance.request("DELETE", f"/scim/Users/{gone['id']}").status == 204
    sound(appliance)
    appliance.stop()
    assert f"User: schema {BADGE}: no longer declared" in sound(appliance)
    kept.rename(appliance.data / "schemas")

    appliance.start()
    seen = appliance.request("GET", where).json
    assert (seen[BADGE], seen["title"], BADGE in seen["schemas"]) == (BADGED, "Reader", True)
    assert appliance.request("GET", f"/scim/TestResources/{made['id']}").json == made
    twin = appliance.request("POST", "/scim/Users", {"userName": "twin", BADGE: {"badgeNumber": 7}})
    assert twin.status == 409
    assert appliance.request("POST", "/scim/Users", {"userName": "next", BADGE: {"badgeNumber": 9}}).status == 201
    found = appliance.request("GET", f"/scim/Users?filter={BADGE}:doors%20eq%20%22N%22").json
    assert found["totalResults"] == 1
    assert "no longer declared" not in sound(appliance)
    with closing(sqlite3.connect(appliance.data / "recnice.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM resource WHERE shelf IS NOT NULL").fetchone() == (0,)
    assert appliance.stop() == 0


def test_a_restart_without_changes_touches_nothing(stopped: Appliance) -> None:
    appliance = stopped.start()
    made = make(appliance)
    appliance.stop()
    before = appliance.output
    appliance.start()
    assert appliance.request("GET", f"/scim/TestResources/{made['id']}").json == made
    assert "brought in line" not in appliance.output.removeprefix(before)
    assert appliance.stop() == 0


def test_values_that_become_unique_must_be_so(stopped: Appliance) -> None:
    edit(stopped, "test-resource", lambda document: document["attributes"][2].update(uniqueness="none"))
    appliance = stopped.start()
    first, second = make(appliance, caseInsensitiveString="Twin"), make(appliance, caseInsensitiveString="tWIN")
    appliance.stop()
    edit(appliance, "test-resource", lambda document: document["attributes"][2].update(uniqueness="server"))
    refused = appliance.command("serve", "--listen", "127.0.0.1:0")
    assert refused.returncode == 78
    (line,) = refused.stderr.splitlines()
    assert all(word in line for word in ("caseInsensitiveString shall be unique", first["id"], second["id"]))
    edit(appliance, "test-resource", lambda document: document["attributes"][2].update(uniqueness="none"))
    appliance.start()
    assert appliance.request("GET", f"/scim/TestResources/{first['id']}").json == first
    assert appliance.stop() == 0


def test_what_a_schema_demands_later_does_not_keep_a_leaver_active(stopped: Appliance) -> None:
    appliance = stopped.start()
    user = appliance.request("POST", "/scim/Users", {"userName": "leaver@example.com", "active": True}).json
    appliance.stop()
    edit(appliance, "user", lambda document: document["schemaExtensions"][0].update(required=True))
    (appliance.data / "recnice.secret").unlink()
    named = ("recnice.secret: the file is not that", "schemas: the files are not those")
    assert all(words in sound(appliance) for words in named), "nothing but a start makes them known"
    appliance.start()
    assert all(words in appliance.output for words in named), "they stop nothing"
    assert not any(words in sound(appliance) for words in named)
    assert appliance.request("POST", "/scim/Users", {"userName": "new@example.com"}).status == 400
    disable = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    answer = appliance.request("PATCH", f"/scim/Users/{user['id']}", disable)
    assert (answer.status, answer.json["active"]) == (200, False)
    assert appliance.stop() == 0


def test_check_beside_a_server_tells_of_files_that_changed(stopped: Appliance) -> None:
    appliance = stopped.start()
    edit(appliance, "badge", lambda document: document["attributes"].pop())
    checked = appliance.command("check")
    assert checked.returncode == 1
    assert "User: the schemas are others than the rows follow" in checked.stdout
    assert "schemas: the files are not those of the last start." in checked.stdout
    made = make(appliance)
    assert patch(appliance, made, {"op": "add", "path": "integerAttr", "value": 1}).status == 200
    assert appliance.stop() == 0


# --- the rule itself --------------------------------------------------------------------------------------------------

USER = RESOURCE_TYPES[0]
TEST = custom_schemas.read(SCHEMAS)[2]
DOCUMENT = {
    "schemas": [CORE],
    "id": "1",
    "identifier": "a",
    "integerAttr": 5,
    "multiStrings": ["x"],
    "complexAttr": {"sub1": "s", "sub2": 2},
    "multiComplex": [{"value": "x", "type": "work", "weight": 4}, {"value": "y"}],
    EXTENSION: {"extString": "e", "extRequired": "r"},
}


def changed(tmp_path: Path, change: Callable[[list[dict[str, Any]]], Any]) -> Any:
    """TestResource with other attributes."""
    for path in SCHEMAS.iterdir():
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"))
    path = tmp_path / "test-resource.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document["attributes"])
    path.write_text(json.dumps(document), encoding="utf-8")
    return custom_schemas.read(tmp_path)[2]


def named(attributes: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(attribute for attribute in attributes if attribute["name"] == name)


def without(*names: str) -> Callable[[list[dict[str, Any]]], None]:
    def change(attributes: list[dict[str, Any]]) -> None:
        for name in names:
            top, _, part = name.partition(".")
            place = named(attributes, top)["subAttributes"] if part else attributes
            place.remove(named(place, part or top))

    return change


def typed(name: str, /, **members: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda attributes: named(attributes, name).update(members)


@pytest.mark.parametrize(
    ("change", "aside"),
    [
        (without("integerAttr", "multiStrings"), {"integerAttr": 5, "multiStrings": ["x"]}),
        (without("complexAttr.sub1"), {"complexAttr": {"sub1": "s"}}),
        (without("multiComplex.weight"), {"multiComplex": [{"value": "x", "type": "work", "weight": 4}]}),
        (without("multiComplex.type"), {"multiComplex": [{"value": "x", "type": "work"}]}),
        (typed("integerAttr", type="string"), {"integerAttr": 5}),
        (typed("integerAttr", mutability="readOnly"), {"integerAttr": 5}),
        (typed("multiStrings", multiValued=False), {"multiStrings": ["x"]}),
        (typed("complexAttr", type="string", subAttributes=[]), {"complexAttr": DOCUMENT["complexAttr"]}),
        (typed("integerAttr", name="IntegerATTR"), {}),
        (typed("integerAttr", type="decimal"), {}),
    ],
)
def test_what_does_not_fit_is_put_aside_and_comes_back(tmp_path: Path, change: Any, aside: dict[str, Any]) -> None:
    other = changed(tmp_path, change)
    assert other.fingerprint != TEST.fingerprint
    kept, shelved = sort_out(other, DOCUMENT, {})
    assert shelved == aside
    assert other.load(kept) | {"id": "1"} == kept
    back, rest = sort_out(TEST, kept, shelved)
    assert (back, rest) == (TEST.load(DOCUMENT) | {"id": "1"}, {})


def test_nothing_removed_meanwhile_comes_back(tmp_path: Path) -> None:
    other = changed(tmp_path, without("multiComplex.weight", "complexAttr.sub2"))
    kept, aside = sort_out(other, DOCUMENT, {})
    kept["multiComplex"] = [{"value": "y"}]
    back, rest = sort_out(TEST, kept, aside)
    assert back["multiComplex"] == [{"value": "y"}]
    assert back["complexAttr"] == {"sub1": "s", "sub2": 2}
    assert rest == {"multiComplex": [{"value": "x", "type": "work", "weight": 4}]}


def test_an_extension_may_lose_its_attributes_one_after_the_other() -> None:
    whole = {"id": "1", "userName": "a", BADGE: BADGED}
    aside = {BADGE: {"older": 1, "badgeNumber": 0}}
    kept, shelved = sort_out(USER, whole, aside)
    assert kept == {"schemas": [USER.schema.urn], "id": "1", "userName": "a"}
    assert shelved == {BADGE: {"older": 1} | BADGED}
