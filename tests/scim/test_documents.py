"""What a posted document becomes (RFC 7644 §3.3, RFC 7643 §2), and which ones are refused."""

from typing import Any

import pytest

from app import bounds
from app.scim.entra_quirks import correct_document
from app.scim.errors import ScimError
from app.scim.resource_types import USER
from tests.scim.vectors import params, read, type_of

VECTORS = read("documents.json")


def loaded(case: dict[str, Any]) -> dict[str, Any]:
    resource_type = type_of(case)
    return resource_type.load(correct_document(resource_type.tree, case["given"]))


@pytest.mark.parametrize("case", params([case for case in VECTORS if "kept" in case]))
def test_document_is_kept(case: dict[str, Any]) -> None:
    kept = loaded(case)
    assert kept == case["kept"]
    assert list(kept) == list(case["kept"]), "the order is the declared one"
    assert type_of(case).load(kept) == kept


@pytest.mark.parametrize("case", params([case for case in VECTORS if "refused" in case]))
def test_document_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ScimError) as refused:
        loaded(case)
    assert (refused.value.status, refused.value.scim_type) == (400, case["refused"]["scimType"])
    assert case["refused"]["detail"] in refused.value.detail


BOUNDED = [
    ("title", lambda size: {"title": "x" * size}, bounds.TEXT_LENGTH),
    ("userName", lambda size: {"userName": "x" * size}, bounds.USER_NAME_LENGTH),
    ("profileUrl", lambda size: {"profileUrl": "x" * size}, bounds.REFERENCE_LENGTH),
    ("addresses[0].formatted", lambda n: {"addresses": [{"formatted": "x" * n}]}, bounds.FORMATTED_ADDRESS_LENGTH),
    ("x509Certificates[0].value", lambda n: {"x509Certificates": [{"value": "A" * n}]}, bounds.BINARY_LENGTH),
    ("emails", lambda n: {"emails": [{"value": str(number)} for number in range(n)]}, bounds.VALUES_PER_ATTRIBUTE),
    ("schemas", lambda n: {"schemas": ["urn:x"] * n}, bounds.VALUES_PER_ATTRIBUTE),
]


@pytest.mark.parametrize(("path", "make", "bound"), BOUNDED, ids=[path for path, _, _ in BOUNDED])
def test_a_value_at_its_bound_and_beyond(path: str, make: Any, bound: int) -> None:
    beyond = 4 if bound == bounds.BINARY_LENGTH else 1  # base64 grows by four
    USER.load({"userName": "ada"} | make(bound))
    with pytest.raises(ScimError) as refused:
        USER.load({"userName": "ada"} | make(bound + beyond))
    assert refused.value.detail.startswith(f"{path}: expected at most {bound} ")
