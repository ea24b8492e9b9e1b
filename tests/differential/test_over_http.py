"""One running appliance against our own pure functions: thousands of random documents, patches, filters and searches.

What is answered is what the functions say; whatever is sent, nothing ends in a 5xx and every refusal is a SCIM Error.
"""

import http.client
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from app.scim import entra_quirks, patch
from app.scim.disabling import Disabling, may_leave_out
from app.scim.errors import ERROR_URN, ScimError
from app.scim.filter_match import matches
from app.scim.grammar import parse
from app.scim.json_body import read_json
from app.scim.protocol_messages import read_patch
from app.scim.resource_types import GROUP, USER
from app.scim.value_comparison import normalize
from tests.conftest import Answer, Appliance
from tests.differential.chance import Chance, chances
from tests.examples import examples
from tests.normalized import normalize_document

USERS = examples(30)
PATCHES_A_USER = 6
FILTERS_A_USER = 8
ODD_REQUESTS = examples(150)
MEMBER_PATCHES = examples(50)
SEED = 9865
MEMBERS = GROUP.tree.core["members"]
KEPT_HERE = {"id", "meta", "groups"}


class Line:
    """One connection that stays open, so that thousands of requests take seconds."""

    def __init__(self, appliance: Appliance) -> None:
        address = urlsplit(appliance.url)
        self.connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
        self.headers = {"Authorization": f"Bearer {appliance.key}", "Content-Type": "application/scim+json"}

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        """One request; its answer is never a 5xx but 501, and a refusal is always a SCIM Error."""
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        self.connection.request(method, f"/scim{path}", content, self.headers)
        response = self.connection.getresponse()
        text = response.read().decode("utf-8")
        answer = Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)
        if answer.status >= 400:
            assert answer.status < 500 or answer.status == 501, (method, path, body, text)
            error = answer.json
            assert error["schemas"] == [ERROR_URN] and error["status"] == str(answer.status), (method, path, body, text)
            assert answer.headers["content-type"] == "application/scim+json"
            assert error["detail"]
        return answer

    def ask(self, path: str, **parameters: str) -> Answer:
        return self.send("GET", f"{path}?{urlencode(parameters, quote_via=quote, errors='replace')}")


@pytest.fixture
def line(shared_appliance: Appliance) -> Iterator[Line]:
    opened = Line(shared_appliance)
    yield opened
    opened.connection.close()


def attributes_of(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name not in KEPT_HERE}


def over_the_wire(body: Any) -> Any:
    """A body as the service reads it. Raises invalidSyntax for half of a character, which UTF-8 cannot hold."""
    return read_json(json.dumps(body).encode())


def whole(body: Any) -> Any:
    """The body without half characters."""
    return json.loads(re.sub(r"\\\\ud[89a-f][0-9a-f]{2}", "?", json.dumps(body)))


def said_by_load(body: Any) -> dict[str, Any] | ScimError:
    try:
        over_the_wire(body)
        return USER.load(entra_quirks.correct_document(USER.tree, body))
    except ScimError as refused:
        return refused


def said_by_patch(resource: dict[str, Any], operations: Any) -> dict[str, Any] | ScimError:
    """The user after a PATCH by the pure functions alone, or their refusal."""
    try:
        over_the_wire(operations)
        changed, _ = patch.apply(USER, attributes_of(resource), read_patch({"Operations": operations}))
        return USER.load(changed)
    except ScimError as refused:
        return said_by_disabling(resource, operations, refused)


def said_by_disabling(resource: dict[str, Any], operations: Any, refused: ScimError) -> dict[str, Any] | ScimError:
    """The user after a refused PATCH that disables all the same, or the refusal."""
    partial = Disabling(USER, attributes_of(resource), lambda document: None)
    try:
        if may_leave_out(USER, refused):
            partial.patch(read_patch({"Operations": operations}))
    except ScimError:
        return refused
    return partial.settle() if partial.disables else refused


def is_said(answer: Answer, said: dict[str, Any] | ScimError, done: int) -> bool:
    """Whether an answer is what was said: the same document, or the same refusal word for word."""
    if isinstance(said, ScimError):
        return (answer.status, answer.json) == (said.status, said.to_scim())
    return answer.status == done and attributes_of(answer.json) == said


def create(line: Line, chance: Chance) -> dict[str, Any]:
    body = whole(chance.document()) | {"userName": f"chance-{uuid.uuid4()}"}
    answer = line.send("POST", "/Users", body)
    assert is_said(answer, said_by_load(body), 201), (body, answer.text)
    resource: dict[str, Any] = answer.json
    return resource


def test_patches_do_what_the_pure_functions_do(line):
    for chance in chances(USERS, SEED):
        resource = create(line, chance)
        path = f"/Users/{resource['id']}"
        for _ in range(PATCHES_A_USER):
            operations = [chance.odd_operation() if chance.random() < 0.4 else chance.operation() for _ in range(2)]
            names_another = "username" in json.dumps(operations).lower()
            said = said_by_patch(resource, operations)
            answer = line.send("PATCH", path, {"Operations": operations})
            if names_another and answer.status == 409:
                continue
            assert is_said(answer, said, 200), (resource, operations, said, answer.text)
            after = line.send("GET", path).json
            assert after == (answer.json if answer.status == 200 else resource), operations
            is_same = attributes_of(after) == attributes_of(resource)
            assert is_same == (after["meta"] == resource["meta"]), (operations, resource, after)
            resource = after
        assert line.send("DELETE", path).status == 204
        assert line.send("GET", path).status == 404


def test_filters_find_what_the_pure_functions_find(line):
    found = []
    for chance in chances(USERS, SEED + 1):
        resource = create(line, chance)
        folded = normalize_document(USER.attributes, resource)
        for turn in range(FILTERS_A_USER):
            text = chance.filter()
            if turn == 0:
                text = chance.broken(text)
            whole = f'id eq "{resource["id"]}" and ({text})'
            answer = line.ask("/Users", filter=whole, attributes="userName")
            try:
                holds = matches(parse(whole, USER.tree), folded)
            except ScimError as refused:
                assert is_said(answer, refused, 200), whole
                continue
            assert answer.status == 200, (whole, answer.text)
            assert answer.json["totalResults"] == holds, (whole, resource)
            found.append(holds)
        assert line.send("DELETE", f"/Users/{resource['id']}").status == 204
    assert 0.1 < sum(found) / len(found) < 0.9, "filters that always or never hold show little"


def group_operation(chance: Chance, ids: list[str]) -> dict[str, Any]:
    """One change of a group's members, in any of the ways that there are."""
    some = [{"value": one} for one in chance.sample(ids, chance.randint(1, 3))]
    text = chance.choice((f'value eq "{some[0]["value"]}"', 'type eq "User"', "type pr", f'not (value eq "{ids[0]}")'))
    return chance.choice(
        (
            {"op": "add", "path": "members", "value": some},
            {"op": "add", "value": {"members": some}},
            {"op": "remove", "path": "members", "value": some},
            {"op": "remove", "path": f"members[{text}]"},
            {"op": "remove", "path": "members"}
            if chance.random() < 0.3
            else {"op": "replace", "value": {"members": some}},
            {"op": "replace", "path": "members", "value": some},
        )
    )


def said_of_members(before: dict[str, Any], operations: list[dict[str, Any]], types: dict[str, str]) -> set[str]:
    """The members after a PATCH by the pure functions; `types` says who is known here."""
    document = {name: value for name, value in before.items() if name not in ("id", "meta", "members")}
    _, links = patch.apply(GROUP, document, read_patch({"Operations": operations}))
    members = {one["value"] for one in before.get("members", [])}
    for link in links:
        match link.verb:
            case "add":
                members |= set(link.ids)
            case "remove":
                members -= set(link.ids)
            case "replace":
                members = set(link.ids)
            case _:
                known = [{"value": one} | ({"type": types[one]} if one in types else {}) for one in members]
                gone = [normalize(MEMBERS, one) for one in known]
                kept = [link.where is not None and not matches(link.where, one, in_value=True) for one in gone]
                members = {one["value"] for one, stays in zip(known, kept, strict=True) if stays}
    return members


def test_members_change_as_the_pure_functions_say(line):
    chance = Chance(SEED + 4)
    types = {create(line, chance)["id"]: "User" for _ in range(4)}
    ids = [*types, "Somebody", "somebody"]
    group = line.send("POST", "/Groups", {"displayName": f"chance-{uuid.uuid4()}"}).json
    for _ in range(MEMBER_PATCHES):
        operations = [group_operation(chance, ids) for _ in range(chance.randint(1, 3))]
        said = said_of_members(group, operations, types)
        assert line.send("PATCH", f"/Groups/{group['id']}", {"Operations": operations}).status == 200
        after = line.send("GET", f"/Groups/{group['id']}").json
        assert {one["value"] for one in after.get("members", [])} == said, (group, operations)
        is_same = {one["value"] for one in group.get("members", [])} == said
        assert is_same or after["meta"] != group["meta"]
        group = after
    for path in (f"/Groups/{group['id']}", *(f"/Users/{one}" for one in types)):
        assert line.send("DELETE", path).status == 204


def test_any_document_is_kept_or_refused_as_the_pure_functions_say(line):
    kept = 0
    for chance in chances(ODD_REQUESTS, SEED + 2):
        body = chance.document() | {chance.choice(chance.attributes()).path.split(".")[0]: chance.anything()}
        if chance.random() < 0.1:
            body = chance.anything() or {}
        said = said_by_load(body)
        answer = line.send("POST", "/Users", body)
        if answer.status == 409:
            continue
        assert is_said(answer, said, 201), (body, said, answer.text)
        if answer.status == 201:
            kept += 1
            path = f"/Users/{answer.json['id']}"
            assert line.send("GET", path).json == answer.json
            again = line.send("PUT", path, answer.json)
            assert (again.status, again.json) == (200, answer.json), "its own document changes nothing"
            assert line.send("DELETE", path).status == 204
    assert ODD_REQUESTS * 0.2 < kept < ODD_REQUESTS * 0.9


PATHS = ("/Users", "/Groups", "/Users/a", "/Groups/x", "/Users/.search", "/.search", "/Bulk", "/Me", "/Schemas",
         "/ResourceTypes", "/ServiceProviderConfig", "/Schemas/x", "/x", "", "/Users/a/b", "/v2/Users")  # fmt: skip
PARAMETERS = ("filter", "sortBy", "sortOrder", "startIndex", "count", "attributes", "excludedAttributes", "cursor", "x")


def test_whatever_is_sent_is_answered_by_scim(line):
    """Methods, addresses, parameters and bodies by chance; `Line.send` looks at every answer."""
    statuses = set()
    for chance in chances(ODD_REQUESTS, SEED + 3):
        text = chance.odd_text() or str(chance.anything(1))
        asked = {chance.choice(PARAMETERS): chance.choice((text, chance.filter(1), "1", "userName"))}
        query = urlencode(asked, errors="replace")
        body = chance.choice(
            (None, chance.anything(), text.encode(errors="replace"), {"Operations": [chance.anything()]})
        )
        method = chance.choice(("GET", "POST", "PUT", "PATCH", "DELETE"))
        answer = line.send(method, f"{chance.choice(PATHS)}?{query}", body if method != "GET" else None)
        statuses.add(answer.status)
        if answer.status == 201:
            assert line.send("DELETE", f"/Users/{answer.json['id']}").status in (204, 404)
    assert {200, 400, 404, 405} <= statuses
