"""What is a reference in the body of a bulk operation: where a value refers to a resource, and nowhere else."""

from typing import Any

import pytest

from app.scim.bulk_references import references, resolve, with_references
from app.scim.errors import ScimError
from app.scim.patch import apply
from app.scim.protocol_messages import read_patch
from app.scim.resource_types import GROUP, USER, ResourceType

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ADA = "bulkId:ada"
IDS = {"ada": "7"}


def found(resource_type: ResourceType, method: str, body: Any) -> tuple[list[str], Any]:
    """The bulkIds that a body refers to, and the body with their ids."""
    named: list[str] = []

    def read(text: str) -> str:
        named.extend(references(text))
        return resolve(text, IDS)

    return named, with_references(method, body, resource_type.tree, read)


MANAGERS: dict[str, tuple[Any, Any]] = {
    "in place": ({ENTERPRISE: {"manager": {"value": ADA}}}, {ENTERPRISE: {"manager": {"value": "7"}}}),
    "as Entra sends it": ({f"{ENTERPRISE}:manager": ADA}, {f"{ENTERPRISE}:manager": "7"}),
    "a part by its path": ({f"{ENTERPRISE}:manager.value": ADA}, {f"{ENTERPRISE}:manager.value": "7"}),
    "without the URN": ({"Manager": [{"VALUE": ADA}]}, {"Manager": [{"VALUE": "7"}]}),
    "below the core URN": ({USER.schema.urn: {"manager": ADA}}, {USER.schema.urn: {"manager": "7"}}),
    "any reference": ({"profileUrl": f"https://x/{ADA}"}, {"profileUrl": "https://x/7"}),
    "an address": ({"manager": {"$ref": f"../Users/{ADA}"}}, {"manager": {"$ref": "../Users/7"}}),
    "an object for a part": ({"manager.value": {"value": ADA}}, {"manager.value": {"value": "7"}}),
}


@pytest.mark.parametrize("name", MANAGERS)
def test_a_manager_is_a_reference_in_every_form(name: str) -> None:
    sent, expected = MANAGERS[name]
    for method, wrapped in (
        ("POST", lambda values: values),
        ("PUT", lambda values: values),
        ("PATCH", lambda values: {"Operations": [{"op": "add", "value": values}]}),
        ("PATCH", lambda values: {"operations": [{"OP": "add", "Value": [values]}]}),
        (
            "PATCH",
            lambda values: {"Operations": [{"op": "add", "path": key, "value": one} for key, one in values.items()]},
        ),
    ):
        assert found(USER, method, wrapped(sent)) == (["ada"], wrapped(expected))


def test_members_are_references_also_in_filters() -> None:
    operations = [
        {"op": "add", "path": "members", "value": [{"value": ADA, "display": ADA}, ADA]},
        {"op": "remove", "path": f'members[value eq "{ADA}" or display eq "{ADA}x"]'},
    ]
    expected = [
        {"op": "add", "path": "members", "value": [{"value": "7", "display": ADA}, "7"]},
        {"op": "remove", "path": f'members[value eq "7" or display eq "{ADA}x"]'},
    ]
    assert found(GROUP, "PATCH", {"Operations": operations}) == (["ada"] * 3, {"Operations": expected})
    never = 'members[display eq "x" or value eq "bulkId:never"]'
    _, body = found(GROUP, "PATCH", {"Operations": [{"op": "remove", "path": never}]})
    with pytest.raises(ScimError) as refused:
        apply(GROUP, {}, read_patch(body))
    assert refused.value.scim_type == "noTarget"


TEXTS = {
    "displayName": ADA,
    "title": f"a/{ADA}",
    "externalId": ADA,
    "emails": [{"value": ADA, "display": ADA}],
    "roles": [ADA],
    "groups": [{"value": ADA, "$ref": f"../Groups/{ADA}"}],
    "id": ADA,
    "shoeSize": ADA,
    "name": {"givenName": ADA},
    ENTERPRISE: {"department": ADA, "manager": {"displayName": ADA}},
}


@pytest.mark.parametrize("name", TEXTS)
def test_any_other_text_is_a_text(name: str) -> None:
    document = {name: TEXTS[name]}
    patch = {"Operations": [{"op": "add", "path": name, "value": TEXTS[name]}, {"op": "add", "value": document}]}
    for method, body in (("POST", document), ("PUT", document), ("PATCH", patch)):
        assert found(USER, method, body) == ([], body)


@pytest.mark.parametrize("body", [None, 5, ADA, [ADA], {"Operations": ADA}, {"Operations": [ADA, None, {"path": 5}]}])
def test_what_no_method_reads_stays_as_it_is(body: Any) -> None:
    assert found(USER, "PATCH", body) == ([], body)
