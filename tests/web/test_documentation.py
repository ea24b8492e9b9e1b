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


def test_it_shows_every_attribute_that_the_schemas_list(shared_appliance: Appliance) -> None:
    shown = set(re.findall(r"<code>([^<]+)</code>", shared_appliance.request("GET", "/documentation").text))
    for schema in shared_appliance.request("GET", "/scim/Schemas").json["Resources"]:
        prefix = schema["id"] + ":" if ":extension:" in schema["id"] else ""
        for attribute in schema["attributes"]:
            assert prefix + attribute["name"] in shown
