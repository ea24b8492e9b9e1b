"""An appliance with schemas of its own: a resource type with all types and characteristics, an extension of User."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Answer, Appliance

SCHEMAS = Path(__file__).parent / "schemas"
CORE = "urn:ietf:params:scim:schemas:test:2.0:TestResource"
EXTENSION = "urn:ietf:params:scim:schemas:extension:test:2.0:TestResource"
BADGE = "urn:example:params:scim:schemas:extension:badge:1.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def with_schemas(appliance: Appliance) -> Appliance:
    """The appliance with all test schemas in its data folder, not started."""
    shutil.copytree(SCHEMAS, appliance.data / "schemas", dirs_exist_ok=True)
    return appliance


@pytest.fixture(scope="module")
def custom(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """One running appliance with all test schemas, for the tests of one file."""
    appliance = with_schemas(Appliance(program, tmp_path_factory.mktemp("custom") / "recnice")).start()
    appliance.make_key()
    yield appliance
    assert appliance.stop() == 0, appliance.output
    checked = appliance.command("check")
    assert checked.returncode == 0, checked.stdout


def resource(**values: Any) -> dict[str, Any]:
    """A TestResource that is accepted; its identifier is new unless it is given."""
    extension = {"extRequired": "there"} | values.pop("extension", {})
    return {"schemas": [CORE, EXTENSION], "identifier": str(uuid.uuid4()), EXTENSION: extension} | values


def make(appliance: Appliance, **values: Any) -> dict[str, Any]:
    """A stored TestResource as POST answers it."""
    answer = appliance.request("POST", "/scim/TestResources", resource(**values))
    assert answer.status == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def patch(appliance: Appliance, made: dict[str, Any], *operations: dict[str, Any]) -> Answer:
    """A PATCH of a TestResource."""
    body = {"schemas": [PATCH], "Operations": list(operations)}
    return appliance.request("PATCH", f"/scim/TestResources/{made['id']}", body)


@pytest.fixture
def found(custom: Appliance) -> Callable[..., list[Any]]:
    """`found(filter, …parameters)`: the identifiers that a list gives, in its order."""
    from urllib.parse import urlencode

    def ask(where: str, **parameters: str) -> list[Any]:
        answer = custom.request("GET", f"/scim/TestResources?{urlencode({'filter': where} | parameters)}")
        assert answer.status == 200, answer.text
        return [one["identifier"] for one in answer.json["Resources"]]

    return ask
