"""HTTP as the standard has it (RFC 7644 §3, RFC 9110): HEAD, OPTIONS, 405, addresses, parameters that come twice."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from app import bounds
from tests.conftest import Answer, Appliance

NOBODY = "nobody"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@dataclass
class Ada:
    """A user on an appliance."""

    appliance: Appliance
    id: str

    @property
    def path(self) -> str:
        return f"/scim/Users/{self.id}"

    def request(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.appliance.request(method, path.replace("{ada}", self.id), body, sent)


@pytest.fixture(scope="module")
def ada(shared_appliance: Appliance) -> Iterator[Ada]:
    made = shared_appliance.request("POST", "/scim/Users", {"userName": f"ada-{uuid.uuid4()}"})
    yield Ada(shared_appliance, made.json["id"])


ROUTES = {
    "": "GET",
    "/.search": "POST",
    "/Users": "GET POST",
    "/Users/.search": "POST",
    "/Users/{ada}": "GET PUT PATCH DELETE",
    "/Groups": "GET POST",
    "/Groups/.search": "POST",
    "/Bulk": "POST",
    "/ServiceProviderConfig": "GET",
    "/serviceConfiguration": "GET",
    "//Users": "GET POST",
    "//Users/{ada}": "GET PUT PATCH DELETE",
    "/ResourceTypes": "GET",
    "/ResourceTypes/User": "GET",
    "/Schemas": "GET",
    f"/Schemas/{USER}": "GET",
}
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def allowed(answer: Answer) -> set[str]:
    return {method.strip() for method in answer.headers["allow"].split(",")}


def expected(methods: str) -> set[str]:
    return {*methods.split(), "OPTIONS", *({"HEAD"} if "GET" in methods else ())}


@pytest.mark.parametrize("root", ["/scim", "/scim/v2"])
@pytest.mark.parametrize("path", ROUTES)
def test_methods_of_every_route(ada: Ada, root: str, path: str) -> None:
    told = ada.request("OPTIONS", root + path)
    assert (told.status, told.text) == (200, "")
    assert allowed(told) == expected(ROUTES[path]) and "content-type" not in told.headers
    for method in sorted(METHODS - set(ROUTES[path].split())):
        for slash in ("", "/"):
            refused = ada.request(method, root + path + slash)
            assert (refused.status, refused.json["status"], refused.json["schemas"]) == (405, "405", [ERROR])
            assert refused.headers["content-type"] == "application/scim+json"
            assert allowed(refused) == expected(ROUTES[path])


@pytest.mark.parametrize("path", [path for path, methods in ROUTES.items() if "GET" in methods])
@pytest.mark.parametrize("root", ["/scim", "/scim/v2"])
def test_head_is_get_without_the_content(ada: Ada, root: str, path: str) -> None:
    got, head = ada.request("GET", root + path), ada.request("HEAD", root + path)
    assert (got.status, head.status, head.text) == (200, 200, "")
    for name in ("content-type", "content-length", "etag", "content-location"):
        assert head.headers.get(name) == got.headers.get(name)
    assert got.headers["content-type"] == "application/scim+json"
    assert ada.request("HEAD", f"{root}/Users/{NOBODY}").status == 404


@pytest.mark.parametrize("method", sorted(METHODS))
def test_me_is_not_offered(ada: Ada, method: str) -> None:
    refused = ada.request(method, "/scim/Me", {} if method != "GET" else None)
    assert (refused.status, refused.json["status"], refused.json["schemas"]) == (501, "501", [ERROR])
    assert ada.request("HEAD", "/scim/Me").status == 501
    assert allowed(ada.request("OPTIONS", "/scim/Me")) >= METHODS


@pytest.mark.parametrize("root", ["/scim", "/scim/v2"])
def test_an_answer_says_where_its_resource_is(ada: Ada, root: str) -> None:
    """RFC 7643 §3.1: `meta.location` is the Content-Location; it leads to the resource, on the root that was asked."""
    body = {"userName": f"eve-{uuid.uuid4()}"}
    made = ada.request("POST", root + "/Users", body)
    location = made.json["meta"]["location"]
    assert made.headers["location"] == location
    path = "/scim" + location.partition("/scim")[2]
    assert path.startswith(root + "/Users/")
    patch = {"Operations": [{"op": "add", "path": "title", "value": "Cook"}]}
    answers = [made, ada.request("GET", path), ada.request("PUT", path, body), ada.request("PATCH", path, patch)]
    for answer in answers:
        assert answer.json["meta"]["location"] == answer.headers["content-location"] == location
        assert answer.json["meta"]["version"] == answer.headers["etag"]
    unchanged = ada.request("GET", path, If_None_Match=answers[-1].headers["etag"])
    assert (unchanged.status, unchanged.text) == (304, "")
    assert unchanged.headers["content-location"] == location and unchanged.headers["etag"]
    gone = ada.request("DELETE", path)
    assert (gone.status, gone.text) == (204, "")
    assert not {"content-type", "content-location", "etag"} & gone.headers.keys()


def test_a_path_may_be_percent_encoded(ada: Ada) -> None:
    for path in (f"/scim/%55sers/{ada.id}", f"/scim/Users/%{ord(ada.id[0]):02x}{ada.id[1:]}/"):
        assert ada.request("GET", path).json["id"] == ada.id
    assert ada.request("GET", f"/scim/Schemas/{quote(USER, safe='')}").json["id"] == USER
    assert ada.request("GET", f"/scim/Schemas/{USER.upper()}").json["id"] == USER
    for path in ("/scim/Users%2F" + ada.id[:5], "/scim/Users/%00", "/scim/Users/%ff%fe", "/scim/Users/%F0%9F%98%80"):
        refused = ada.request("GET", path)
        assert (refused.status, refused.json["schemas"]) == (404, [ERROR])


def test_a_parameter_that_comes_twice(ada: Ada) -> None:
    """Lists of names add up; for any other parameter two answers would be possible."""
    for name, value in (("filter", "id%20pr"), ("count", "1"), ("startIndex", "1"), ("sortBy", "id"), ("cursor", "")):
        refused = ada.request("GET", f"/scim/Users?{name}={value}&{name}={value}")
        assert (refused.status, refused.json["scimType"]) == (400, "invalidValue") and name in refused.json["detail"]
    found = ada.request("GET", f"{ada.path}?attributes=title&attributes=userName")
    assert set(found.json) == {"schemas", "id", "userName"}
    assert ada.request("GET", f"{ada.path}?unknown=1&unknown=2").status == 200


@pytest.mark.parametrize("accept", ["application/scim+json", "application/json", "text/html", "*/*", "", "nonsense;;"])
@pytest.mark.parametrize("content_type", ["application/scim+json; charset=utf-8", "application/json", "text/plain", ""])
def test_lenient_in_and_exact_out(ada: Ada, accept: str, content_type: str) -> None:
    body = f'{{"userName": "{uuid.uuid4()}", "displayName": "Ünal"}}'
    made = ada.request("POST", "/scim/Users", body, Accept=accept, Content_Type=content_type)
    assert (made.status, made.headers["content-type"]) == (201, "application/scim+json")
    assert made.json["displayName"] == "Ünal"


def test_what_is_nowhere(ada: Ada) -> None:
    for path in ("/scim/Nothing", "/scim/v2/v2", f"/scim/Users/{NOBODY}/b", "/scim/Users//x", "/scim/users"):
        for method in ("GET", "POST", "DELETE"):
            refused = ada.request(method, path)
            assert (refused.status, refused.json["status"]) == (404, "404"), path
            assert refused.headers["content-type"] == "application/scim+json"


@pytest.mark.parametrize("query", [f"attributes={'x,' * bounds.ATTRIBUTE_LIST_LENGTH}", "filter=1&filter=2"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_query_that_cannot_be_read_refuses_no_change(shared_appliance: Appliance, method: str, query: str) -> None:
    """It says only what the answer shows, and a disable would be lost with it."""
    user = {"userName": str(uuid.uuid4()), "title": "Clerk"}
    made = shared_appliance.request("POST", f"/scim/Users?{query}", user)
    assert made.status == 201
    path = f"/scim/Users/{made.json['id']}?{query}"
    disable = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    changed = shared_appliance.request(method, path, disable if method == "PATCH" else user | {"active": False})
    assert (changed.status, changed.json["active"], changed.json["title"]) == (200, False, "Clerk")
    assert shared_appliance.request("GET", path).status == 400
