"""The page that ServiceProviderConfig names as its documentation."""

import re

from tests.conftest import Appliance


def test_the_advertised_documentation_is_there_for_anybody(shared_appliance: Appliance) -> None:
    config = shared_appliance.request("GET", "/scim/ServiceProviderConfig").json
    address = config["documentationUri"]
    assert address == shared_appliance.url + "/documentation"
    page = shared_appliance.request("GET", "/documentation", headers={"Authorization": ""})
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")


def test_discovery_needs_a_key_and_how_to_get_one_is_public(shared_appliance: Appliance) -> None:
    """RFC 7643 §5: authenticationSchemes SHOULD be public (docs/decisions/0040-discovery-needs-a-key.md)."""
    for path in (
        "ServiceProviderConfig",
        "ResourceTypes",
        "Schemas",
        "Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
    ):
        refused = shared_appliance.request("GET", f"/scim/{path}", headers={"Authorization": None})
        assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Bearer realm="Recnice SCIM"')
    page = shared_appliance.request("GET", "/documentation", headers={"Authorization": None})
    schemes = shared_appliance.request("GET", "/scim/ServiceProviderConfig").json["authenticationSchemes"]
    for scheme in schemes:
        for name in ("type", "name", "description", "specUri"):
            assert scheme[name] in page.text


def test_it_shows_every_attribute_that_the_schemas_list(shared_appliance: Appliance) -> None:
    shown = set(re.findall(r"<code>([^<]+)</code>", shared_appliance.request("GET", "/documentation").text))
    for schema in shared_appliance.request("GET", "/scim/Schemas").json["Resources"]:
        prefix = schema["id"] + ":" if ":extension:" in schema["id"] else ""
        for attribute in schema["attributes"]:
            assert prefix + attribute["name"] in shown
