"""Files of the `schemas` folder: a mistake is told with its file, its place, what was expected and what came."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import bounds, create_app
from app.scim import custom_schemas
from app.scim.resource_types import RESOURCE_TYPES
from app.scim.schema_file import SchemaFileError
from app.settings import Settings
from tests.conftest import Appliance
from tests.custom.conftest import BADGE, CORE, SCHEMAS, with_schemas

Files = dict[str, Any]
Fault = Callable[[Files], Any]


@pytest.fixture
def files() -> Files:
    """The good files, parsed, by their names without the ending."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.iterdir()}


def write(folder: Path, files: Files) -> Path:
    folder.mkdir(exist_ok=True)
    for name, document in files.items():
        text = document if isinstance(document, str) else json.dumps(document)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return folder


def attribute(number: int, file: str = "test-resource", **members: Any) -> Fault:
    return lambda files: files[file]["attributes"][number].update(members)


def part(number: int, **members: Any) -> Fault:
    """A change of a sub-attribute of multiComplex, which is attributes[19]."""
    return lambda files: files["test-resource"]["attributes"][19]["subAttributes"][number].update(members)


def member(file: str, **members: Any) -> Fault:
    return lambda files: files[file].update(members)


def added(name: str, document: Any) -> Fault:
    return lambda files: files.update({name: document})


def extensions(*listed: Any, file: str = "test-type") -> Fault:
    return member(file, schemaExtensions=list(listed))


FAULTS: list[tuple[str, Fault]] = [
    ('test-resource.json: expected an object, got a list', added("test-resource", [])),
    ("test-resource.json: expected JSON", added("test-resource", "{")),
    ("test-resource.json: expected each name once in an object", added("test-resource", '{"id": 1, "id": 2}')),
    (f"test-resource.json: expected at most {bounds.SCHEMA_FILE_BYTES} bytes, got more",
     added("test-resource", " " * (bounds.SCHEMA_FILE_BYTES + 1))),
    ('badge.json: schemas: expected ["urn:ietf:params:scim:schemas:core:2.0:Schema"] or [',
     member("badge", schemas=["x"])),
    ("badge.json: schemas: expected a list of at most", member("badge", schemas="x")),
    ("badge.json: color: expected one of schemas, id, name", member("badge", color="red")),
    ("badge.json: id: expected a text of at most 200 characters, got none", member("badge", id=None)),
    ("badge.json: id: expected a text like urn:", member("badge", id="badge")),
    ("badge.json: id: expected a text like urn:", member("badge", id='urn:example:b"; DROP')),
    ("id: expected a URN of your own, since this one is built in",
     member("badge", id="urn:ietf:params:scim:schemas:core:2.0:user")),
    ("id: expected a URN of your own", member("badge", id="urn:ietf:params:scim:api:messages:2.0:Mine")),
    ("test-resource.json: id: expected a URN that is in no other file (badge.json has it)",
     member("test-resource", id=BADGE.upper().replace("URN:", "urn:"))),
    ("badge.json: id: expected a schema that a resource type uses", extensions(file="user")),
    ("badge.json: attributes: expected a list with an attribute or more, got none", member("badge", attributes=None)),
    ("badge.json: attributes: expected a list of at most", member("badge", attributes={"a": 1})),
    ("badge.json: attributes[0]: expected an object, got 1", member("badge", attributes=[1])),
    ("badge.json: attributes: expected at most 500 attributes with sub-attributes (501)",
     member("badge", attributes=[{"name": f"a{n}"} for n in range(499)] + [
         {"name": "c", "type": "complex", "subAttributes": [{"name": "d"}]}])),
    ("attributes[0].mutabilty: expected one of name, type", attribute(0, mutabilty="readOnly")),
    ("attributes[0].name: expected a text of at most 100 characters, got none", attribute(0, name=None)),
    ('attributes[0].name: expected a text like [A-Za-z]', attribute(0, name="my name")),
    ('attributes[0].name: expected a text like [A-Za-z]', attribute(0, name="a.b")),
    ('attributes[0].name: expected a name of your own, since every resource has this one, got "externalid"',
     attribute(0, name="externalid")),
    ('attributes[1].name: expected each name once, whatever its letter case, got "IDENTIFIER"',
     attribute(1, name="IDENTIFIER")),
    ('attributes[0].type: expected one of string, boolean', attribute(0, type="text")),
    ('attributes[0].required: expected true or false, got "yes"', attribute(0, required="yes")),
    ('attributes[0].multiValued: expected true or false, got a', attribute(0, multiValued={})),
    ('attributes[0].mutability: expected one of readOnly, readWrite, immutable, writeOnly, got "never"',
     attribute(0, mutability="never")),
    ('attributes[0].returned: expected one of always, never, default, request, got 1', attribute(0, returned=1)),
    ('attributes[0].uniqueness: expected one of none, server, global, got "local"', attribute(0, uniqueness="local")),
    ('attributes[0].returned: expected "never", since the attribute is writeOnly, got "default"',
     attribute(0, mutability="writeOnly")),
    ("attributes[0].canonicalValues: expected a list of at most 500 texts, got a list",
     attribute(0, canonicalValues=[1])),
    ("expected whole characters, got half of a surrogate pair", attribute(0, canonicalValues=["\ud800"])),
    ("expected whole characters, got half of a surrogate pair", attribute(0, description="\ud800")),
    ("attributes[0].description: expected a text without control characters", attribute(0, description="a\u0000")),
    ("attributes[0].description: expected a text of at most 1024 characters, got a text of 2000 characters",
     attribute(0, description="x" * 2000)),
    ("attributes[0].subAttributes: expected none", attribute(0, subAttributes=[{"name": "x"}])),
    ("attributes[18].subAttributes: expected a list with a sub-attribute or more, got a list",
     attribute(18, subAttributes=[])),
    ('attributes[18].uniqueness: expected "none"', attribute(18, uniqueness="server")),
    ("attributes[19].subAttributes[0].type: expected a simple type", part(0, type="complex")),
    ("attributes[19].subAttributes[0].multiValued: expected false", part(0, multiValued=True)),
    ('attributes[19].subAttributes[2].type: expected "boolean", since primary', part(2, type="string")),
    ("attributes[19].subAttributes[0].size: expected one of", part(0, size=1)),
    ('test-type.json: name: expected a text like', member("test-type", name="Test Resource")),
    ("test-type.json: name: expected a name of your own", member("test-type", name="Schema")),
    ('test-type.json: endpoint: expected "/Users", since User is built in, got "/TestResources"',
     member("test-type", name="User")),
    ('test-type.json: endpoint: expected an endpoint of your own', member("test-type", endpoint="/Groups")),
    ('test-type.json: endpoint: expected an endpoint of your own', member("test-type", endpoint="/bulk")),
    ('test-type.json: endpoint: expected a text like', member("test-type", endpoint="TestResources")),
    ('test-type.json: endpoint: expected a text like', member("test-type", endpoint="/a/b")),
    ('test-type.json: schema: expected the id of a schema in one of the files, got "urn:x:y"',
     member("test-type", schema="urn:x:y")),
    ("test-type.json: schema: expected a text", member("test-type", schema=None)),
    ("test-type.json: schemaExtensions[0].schema: expected a schema that nothing else is made of",
     extensions({"schema": CORE})),
    ("test-type.json: schemaExtensions[1].schema: expected each extension of TestResource once",
     extensions({"schema": BADGE}, {"schema": BADGE})),
    ("test-type.json: schemaExtensions[0].needed: expected one of schema, required",
     extensions({"schema": BADGE, "needed": True})),
    ("z.json: name: expected a name that no other file has", lambda files: files.update(z=files["test-type"])),
    ("z.json: endpoint: expected an endpoint that no other file has",
     lambda files: files.update(z=files["test-type"] | {"name": "Other"})),
    ("z.json: schema: expected a schema that nothing else is made of",
     lambda files: files.update(z=files["test-type"] | {"name": "Other", "endpoint": "/Others"})),
    ("expected at most 100 files, got", lambda files: files.update({f"f{n}": {} for n in range(100)})),
]  # fmt: skip


@pytest.mark.parametrize(("told", "fault"), FAULTS, ids=[str(n) for n in range(len(FAULTS))])
def test_a_file_that_cannot_be_used(tmp_path: Path, files: Files, told: str, fault: Fault) -> None:
    custom_schemas.read(write(tmp_path / "good", files))
    changed = copy.deepcopy(files)
    fault(changed)
    with pytest.raises(SchemaFileError) as refused:
        custom_schemas.read(write(tmp_path / "schemas", changed))
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_route_of_scim_can_be_an_endpoint(tmp_path: Path, files: Files) -> None:
    routes = create_app(Settings(data=tmp_path, listen=("127.0.0.1", 0), public_url="http://localhost")).url_map
    first = {rule.rule.split("/")[2] for rule in routes.iter_rules() if rule.rule.startswith("/scim/")}
    assert len(first) > 7
    for number, segment in enumerate(sorted(first)):
        files["test-type"]["endpoint"] = f"/{segment}"
        with pytest.raises(SchemaFileError, match="endpoint: expected"):
            custom_schemas.read(write(tmp_path / str(number), files))


def test_without_files_there_are_the_built_in_types(tmp_path: Path) -> None:
    assert custom_schemas.read(tmp_path / "schemas") == RESOURCE_TYPES
    write(tmp_path / "schemas", {})
    (tmp_path / "schemas" / "read.me").write_text("not JSON")
    (tmp_path / "schemas" / ".hidden.json").write_text("not JSON")
    assert custom_schemas.read(tmp_path / "schemas") == RESOURCE_TYPES


@pytest.mark.parametrize("leads_to", ["nowhere", "schemas"])
def test_a_link_that_leads_nowhere_is_no_folder_that_is_missing(tmp_path: Path, leads_to: str) -> None:
    """Otherwise every write would lose the attributes of these schemas."""
    folder = tmp_path / "schemas"
    folder.symlink_to(tmp_path / leads_to)
    with pytest.raises(SchemaFileError, match=re.escape(str(folder))):
        custom_schemas.read(folder)
    folder.unlink()
    folder.mkdir()
    file = folder / "badge.json"
    file.symlink_to(tmp_path / leads_to / "badge.json")
    with pytest.raises(SchemaFileError, match="badge.json: expected a regular file"):
        custom_schemas.read(folder)


def test_what_is_not_said_is_as_the_standard_has_it(tmp_path: Path, files: Files) -> None:
    files["badge"] = {"schemas": files["badge"]["schemas"], "id": BADGE, "attributes": [{"name": "x"}]}
    user = custom_schemas.read(write(tmp_path, files))[0]
    attribute = user.tree.extensions[BADGE.lower()].sub_attributes["x"]
    traits = attribute.traits
    assert (attribute.type, attribute.multi_valued, attribute.required) == ("string", False, False)
    assert (traits.case_exact, traits.mutability, traits.returned, traits.uniqueness, traits.lookup) == (
        False, "readWrite", "default", "none", False
    )  # fmt: skip
    assert (user.extensions[-1].schema_name, traits.description) == ("User", "x")


def test_lookup_gives_an_index(tmp_path: Path, files: Files) -> None:
    files["badge"]["attributes"][1]["lookup"] = True
    user = custom_schemas.read(write(tmp_path, files))[0]
    assert [a.path for a in user.lookups if BADGE in a.path] == [f"{BADGE}:badgeNumber", f"{BADGE}:Site"]


def test_one_extension_for_two_types(tmp_path: Path, files: Files) -> None:
    files["test-type"]["schemaExtensions"].append({"schema": BADGE})
    user, _, test = custom_schemas.read(write(tmp_path, files))
    assert user.extensions[-1] is test.extensions[-1]


@pytest.mark.parametrize("command", [["serve", "--listen", "127.0.0.1:0"], ["schema"], ["check"]])
def test_the_program_ends_with_one_line(new_appliance: Callable[..., Appliance], command: list[str]) -> None:
    appliance = new_appliance().start()
    appliance.stop()
    with_schemas(appliance)
    (appliance.data / "schemas" / "badge.json").write_text('{"schemas": 5}')
    ended = appliance.command(*command)
    assert (ended.returncode, ended.stdout) == (78, "")
    assert ended.stderr.splitlines() == [
        "recnice-scim: schemas/badge.json: schemas: expected a list of at most 500 texts, got 5"
    ]
