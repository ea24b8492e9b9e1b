"""The declarations: the characteristics that RFC 7643 §8.7.1 publishes, and that each attribute is declared well."""

import pytest
from marshmallow import Schema

from app.scim import data_types, fields, schemas
from app.scim.attribute import Attribute
from app.scim.fields import ScimSchema
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER, attributes_of

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
EVERY = [(kind.name, attribute) for kind in RESOURCE_TYPES for attribute in kind.tree.walk()]
EACH = pytest.mark.parametrize("attribute", [a for _, a in EVERY], ids=[f"{kind} {a.path}" for kind, a in EVERY])


def characteristics(attribute: Attribute) -> tuple[str, bool, str, str, str, bool]:
    traits = attribute.traits
    names = (traits.mutability, traits.returned, traits.uniqueness)
    return (attribute.type, attribute.required, *names, traits.case_exact)


# (type, required, mutability, returned, uniqueness, caseExact)
PUBLISHED = {
    "User userName": ("string", True, "readWrite", "default", "server", False),
    "User id": ("string", False, "readOnly", "always", "server", True),
    "User externalId": ("string", False, "readWrite", "default", "none", True),
    "User meta.created": ("dateTime", False, "readOnly", "default", "none", False),
    "User meta.lastModified": ("dateTime", False, "readOnly", "default", "none", False),
    "User meta.version": ("string", False, "readOnly", "default", "none", True),
    "User meta.resourceType": ("string", False, "readOnly", "default", "none", True),
    "User name.familyName": ("string", False, "readWrite", "default", "none", False),
    "User profileUrl": ("reference", False, "readWrite", "default", "none", True),
    "User active": ("boolean", False, "readWrite", "default", "none", False),
    "User password": ("string", False, "writeOnly", "never", "none", True),
    "User emails.value": ("string", False, "readWrite", "default", "none", False),
    "User emails.primary": ("boolean", False, "readWrite", "default", "none", False),
    "User photos.value": ("reference", False, "readWrite", "default", "none", True),
    "User x509Certificates.value": ("binary", False, "readWrite", "default", "none", True),
    "User groups.value": ("string", False, "readOnly", "default", "none", True),
    "User groups.$ref": ("reference", False, "readOnly", "default", "none", True),
    f"User {ENTERPRISE}:employeeNumber": ("string", False, "readWrite", "default", "none", False),
    f"User {ENTERPRISE}:manager": ("complex", False, "readWrite", "default", "none", False),
    f"User {ENTERPRISE}:manager.displayName": ("string", False, "readOnly", "default", "none", False),
    "Group displayName": ("string", True, "readWrite", "default", "server", False),
    "Group members": ("complex", False, "readWrite", "default", "none", False),
    "Group members.value": ("string", False, "immutable", "default", "none", True),
    "Group members.$ref": ("reference", False, "immutable", "default", "none", True),
    "Group members.display": ("string", False, "readOnly", "default", "none", False),
    "Group members.type": ("string", False, "immutable", "default", "none", False),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_characteristics(name: str) -> None:
    found = {f"{kind} {attribute.path}": attribute for kind, attribute in EVERY}
    assert characteristics(found[name]) == PUBLISHED[name]


def test_the_whole_core_user_is_declared() -> None:
    """RFC 7643 §4.1 and §4.3, in the order in which they stand there."""
    assert {attribute.name for attribute in USER.tree.core.values()} == {
        *("schemas", "id", "externalId", "meta", "userName", "name", "displayName", "nickName", "profileUrl", "title"),
        *("userType", "preferredLanguage", "locale", "timezone", "active", "password", "emails", "phoneNumbers", "ims"),
        *("photos", "addresses", "groups", "entitlements", "roles", "x509Certificates"),
    }
    assert {part.name for part in USER.tree.extensions[ENTERPRISE.lower()].sub_attributes.values()} == {
        *("employeeNumber", "costCenter", "organization", "division", "department", "manager")
    }


def test_what_entra_matches_on_has_an_index() -> None:
    assert {a.path for a in USER.lookups} == {"userName", "externalId", "displayName", "emails.value"}
    assert {a.path for a in GROUP.lookups} == {"displayName", "externalId"}


@EACH
def test_everything_is_described(attribute: Attribute) -> None:
    assert attribute.traits.description.strip()


@EACH
def test_characteristics_are_words_of_the_rfc(attribute: Attribute) -> None:
    """RFC 7643 §7."""
    traits = attribute.traits
    assert attribute.type in {"string", "boolean", "decimal", "integer", "dateTime", "reference", "binary", "complex"}
    assert traits.mutability in {"readOnly", "readWrite", "immutable", "writeOnly"}
    assert traits.returned in {"always", "never", "default", "request"}
    assert traits.uniqueness in {"none", "server", "global"}
    assert traits.storage in {"document", "row", "membership", "nowhere"}
    assert bool(traits.reference_types) == (attribute.type == "reference")
    assert bool(attribute.sub_attributes) == (attribute.type == "complex")


@EACH
def test_every_path_leads_back(attribute: Attribute) -> None:
    """What an attribute calls itself is what a client may call it, in any letter case."""
    tree = next(kind.tree for kind in RESOURCE_TYPES if any(a is attribute for a in kind.tree.walk()))
    for path in (attribute.path, attribute.path.upper(), attribute.path.lower()):
        found = tree.find(path)
        assert found is not None and found[-1] is attribute


@pytest.mark.parametrize("kind", RESOURCE_TYPES, ids=lambda kind: kind.name)
def test_core_attributes_may_have_their_urn(kind: object) -> None:
    for attribute in kind.tree.core.values():  # type: ignore[attr-defined]
        assert kind.tree.find(f"{kind.schema.urn}:{attribute.name}".upper()) == (attribute,)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "path",
    ["", ".", ":", "userName.", ".value", "User", "User.", "$", "/", "//active", "x.active", "name/givenName",
     "emails.value.x", "name.value", "meta.x", USER.schema.urn + ":",
     ENTERPRISE + ":", ENTERPRISE + ":userName", ENTERPRISE.replace(":User", "User") + ":department"],
)  # fmt: skip
def test_names_that_mean_nothing(path: str) -> None:
    assert USER.tree.find(path) is None


def test_the_dot_of_a_urn_separates_nothing() -> None:
    found = USER.tree.find(f"{ENTERPRISE}:manager.value")
    assert found is not None and [attribute.name for attribute in found] == ["manager", "value"]


def test_only_the_base_says_what_happens_to_unknown_names() -> None:
    """A schema with a `Meta` of its own would lose `unknown = EXCLUDE` and refuse what nobody declared."""
    declared = [schema for schema in vars(schemas).values() if isinstance(schema, type) and issubclass(schema, Schema)]
    assert len(declared) > 10
    assert [schema.__name__ for schema in declared if "Meta" in vars(schema)] == ["ScimSchema"]


def test_what_is_declared_can_be_read_back() -> None:
    class BadgeSchema(ScimSchema):
        urn = "urn:example:badge"
        number = fields.attribute(data_types.Text, "Number of the badge", case_exact=True)
        holders = fields.attribute(fields.Complex, "Who wears it", schemas.EmailSchema, many=True)

    found = attributes_of(BadgeSchema)
    assert list(found) == ["number", "holders"]
    assert found["number"].traits.case_exact
    assert found["holders"].sub_attributes["value"].keys == ("holders", "value")
