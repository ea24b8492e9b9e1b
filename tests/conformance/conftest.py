"""A client of the shared appliance that keeps to resources of its own."""

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.conftest import Answer, Appliance

PATCH_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR_URN = "urn:ietf:params:scim:api:messages:2.0:Error"


class Client:
    """Requests below `/scim`, and users and groups with names that nobody else has."""

    def __init__(self, appliance: Appliance) -> None:
        self.appliance = appliance
        self.made: list[str] = []

    def send(self, method: str, path: str, body: Any = None, headers: Any = None, **parameters: str | int) -> Answer:
        query = f"?{urlencode(parameters, quote_via=quote)}" if parameters else ""
        answer = self.appliance.request(method, f"/scim{path}{query}", body, headers)
        if answer.status == 201:
            self.made.append(answer.headers["location"].removeprefix(self.appliance.url))
        return answer

    def get(self, path: str, **parameters: str | int) -> Any:
        answer = self.send("GET", path, **parameters)
        assert answer.status == 200, answer.text
        return answer.json

    def user(self, **attributes: Any) -> dict[str, Any]:
        return self.create("/Users", {"userName": f"user-{uuid.uuid4()}"} | attributes)

    def group(self, **attributes: Any) -> dict[str, Any]:
        return self.create("/Groups", {"displayName": f"group-{uuid.uuid4()}"} | attributes)

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.send("POST", path, body)
        assert answer.status == 201, answer.text
        made: dict[str, Any] = answer.json
        return made

    def patch(self, path: str, *operations: dict[str, Any], **parameters: str) -> Answer:
        return self.send("PATCH", path, {"schemas": [PATCH_URN], "Operations": list(operations)}, **parameters)

    def find(self, where: str, **parameters: str | int) -> Any:
        return self.get("/Users", filter=where, **parameters)


def refusal(answer: Answer, status: int, scim_type: str | None = None) -> str:
    """What an Error message says, after a look at the whole of it (RFC 7644 §3.12)."""
    assert answer.status == status, answer.text
    error = answer.json
    assert error["schemas"] == [ERROR_URN]
    assert error["status"] == str(status)
    assert error.get("scimType") == scim_type
    assert answer.headers["content-type"] == "application/scim+json"
    assert error["detail"]
    return str(error["detail"])


def definitions(attributes: list[dict[str, Any]], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Published attributes and their sub-attributes, each with its path."""
    for attribute in attributes:
        yield prefix + attribute["name"], attribute
        yield from definitions(attribute.get("subAttributes", []), f"{prefix}{attribute['name']}.")


@pytest.fixture
def client(shared_appliance: Appliance) -> Iterator[Client]:
    one = Client(shared_appliance)
    yield one
    for path in one.made:
        assert shared_appliance.request("DELETE", path).status in (204, 404)
