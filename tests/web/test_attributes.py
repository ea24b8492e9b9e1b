"""The Attributes page over HTTP: rows after real requests in both dialects, strict rows, and the review of a file."""

import csv
import html
import io
import json
import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from app import bounds
from app.scim.recnice_mapping import MAPPING
from app.simulation.dialects import COMPLIANT, DEFAULT, Body, Dialect, patch
from app.simulation.mapping import DEPARTMENT, FORMATTED_NAME, LOCALITY, TITLE, WORK_EMAIL, document
from tests.conftest import ROOT, Answer, Appliance
from tests.custom.conftest import BADGE, with_schemas
from tests.web.simulated_entra import play_entra
from tests.web.visitor import Page, Visitor, set_up

FILES = ROOT / "tests" / "vectors" / "entra_schemas"
GUID = "0d5c0b6e-3c1f-4b8a-9f2e-7a6d5c4b3a21"
MAPPED = {
    "userName": "zoe@example.com", "active": True, "displayName": "Zoe Stone", TITLE: "Editor",
    WORK_EMAIL: "z@example.com", "preferredLanguage": "en-US",
    "name.givenName": "Zoe", "name.familyName": "Stone", FORMATTED_NAME: "Zoe Stone",
    'addresses[type eq "work"].formatted': "18/2111", 'addresses[type eq "work"].streetAddress': "High Street 1",
    LOCALITY: "Leeds", 'addresses[type eq "work"].region': "North", 'addresses[type eq "work"].postalCode': "LS1",
    'addresses[type eq "work"].country': "GB", "externalId": GUID, DEPARTMENT: "Legal",
}  # fmt: skip


def person(**of: Any) -> Body:
    """The body of a POST for somebody new with every mapped attribute but roles."""
    return document(MAPPED | {"userName": f"{secrets.token_hex(6)}@example.com"} | of)


def created(appliance: Appliance, body: Body, path: str = "/scim/Users") -> str:
    answer = appliance.request("POST", path, body)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def rows(visitor: Visitor, query: str = "") -> dict[tuple[str, str], dict[str, Any]]:
    """The exported table by type and path."""
    page = visitor.get(f"/attributes?format=json{query}")
    assert page.status == 200, page.text
    return {(one["resourceType"], one["attribute"]): one for one in json.loads(page.text)}


def upload(visitor: Visitor, content: bytes | None, name: str = "schema.json") -> Page:
    """The form of the page as a browser sends it; None: no file was chosen."""
    visitor.get("/attributes")
    boundary = "boundary-of-this-form"
    file = f'form-data; name="schema"; filename="{name if content is not None else ""}"'
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{visitor.token}\r\n'
        f"--{boundary}\r\nContent-Disposition: {file}\r\nContent-Type: application/json\r\n\r\n"
        f"{(content or b'').decode('latin-1')}\r\n--{boundary}--\r\n"
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return visitor.request("POST", "/attributes/review", headers, body)


def words(page: Page) -> str:
    """What a person reads."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def set_strict(visitor: Visitor, path: str, strict: str = "yes", type_name: str = "User") -> Page:
    visitor.get("/attributes")
    return visitor.post("/attributes/strict", type=type_name, attribute=path, strict=strict)


@pytest.fixture
def strict(console: Appliance, eva: Visitor) -> Iterator[Callable[[str], None]]:
    """Makes attributes of people strict until the test ends."""
    made: list[str] = []

    def make(path: str) -> None:
        made.append(path)
        assert set_strict(eva, path).status == 303

    yield make
    for path in made:
        assert set_strict(eva, path, "no").status == 303


def test_before_anything_arrives_the_page_says_what_will_be_there(appliance: Appliance):
    page = set_up(appliance).get("/attributes")
    assert page.status == 200
    assert "Received attributes appear here" in page.text
    assert "Warning" not in page.text
    paths = re.findall(r"<th scope=.row. class=.long.><code>(.*?)</code>", html.unescape(page.text))
    assert paths == [mapped.path for of_type in MAPPING.values() for mapped in of_type]


@pytest.mark.parametrize("dialect", [DEFAULT, COMPLIANT], ids=lambda one: one.name)
def test_all_rows_are_right_after_real_requests(appliance: Appliance, dialect: Dialect):
    visitor = set_up(appliance)
    zoe = created(appliance, person(roles=[{"value": "Editor"}]))
    bare = created(appliance, {"userName": "bare@example.com"})
    changed = {TITLE: "Chief", WORK_EMAIL: None, DEPARTMENT: "Sales", "active": False}
    change = dialect.change(changed, (TITLE, DEPARTMENT))
    assert appliance.request("PATCH", f"/scim/Users/{zoe}", change).status == 200
    group = created(appliance, {"displayName": "Team A", "externalId": GUID}, "/scim/Groups")
    created(appliance, {"displayName": "Team B"}, "/scim/Groups")
    assert appliance.request("PATCH", f"/scim/Groups/{group}", dialect.add_members([bare])).status in (200, 204)

    found = rows(visitor)
    assert list(found) == [(name, mapped.path) for name, of_type in MAPPING.items() for mapped in of_type]
    assert all(one["lastSeen"] for one in found.values())
    filled = {path: one["filled"] for (name, path), one in found.items() if name == "User"}
    assert filled == {path: 1 for path in filled} | {"userName": 2, WORK_EMAIL: 0}
    assert found["User", "userName"]["filledPercent"] == 100
    assert found["User", TITLE] | {"firstSeen": "", "lastSeen": "", "remarks": ""} == {
        "resourceType": "User", "attribute": TITLE, "type": "String", "demand": "expected", "requests": 2,
        "firstSeen": "", "lastSeen": "", "shape": "one word", "filled": 1, "total": 2, "filledPercent": 50,
        "remarks": "",
    }  # fmt: skip
    assert found["User", "active"]["shape"] == ("true or false as text" if dialect is DEFAULT else "true or false")
    assert found["User", "externalId"]["shape"] == "an object id (GUID)"
    assert {path: one["filled"] for (name, path), one in found.items() if name == "Group"} == {
        "displayName": 2, "externalId": 1, "members": 1,
    }  # fmt: skip
    page = visitor.get("/attributes")
    assert "zoe" not in words(page).lower()
    assert "Legal" not in page.text


def test_a_nickname_and_additive_roles_are_flagged(appliance: Appliance):
    visitor = set_up(appliance)
    zoe = created(appliance, person(externalId="zstone"))
    text = json.dumps({"id": GUID, "value": "Editor", "displayName": "Editor"})
    add = patch({"op": "Add", "path": "roles", "value": [{"value": text}]})
    assert appliance.request("PATCH", f"/scim/Users/{zoe}", add).status == 200
    found = rows(visitor, "&show=warnings")
    assert {path for _, path in found} == {"externalId", "roles"}
    assert "map objectId to externalId" in found["User", "externalId"]["remarks"]
    assert "additive" in found["User", "roles"]["remarks"]
    assert "2 warnings" in words(visitor.get("/attributes"))
    mend = DEFAULT.change({"externalId": GUID}, ("externalId",))
    assert appliance.request("PATCH", f"/scim/Users/{zoe}", mend).status == 200
    assert {path for _, path in rows(visitor, "&show=warnings")} == {"roles"}


def test_a_name_that_is_not_kept_is_shown(console: Appliance, eva: Visitor):
    created(console, person() | {"shoeSize": 44, "Ana <b>Ruiz": 44})
    page = eva.get("/attributes")
    assert "<bdi>shoeSize</bdi>" in page.text
    assert "<bdi>(a name)</bdi>" in page.text and "Ruiz" not in page.text, "what looks like no name may be a value"
    assert "44" not in re.findall(r"<td>([^<]*)</td>", page.text)


def test_a_name_that_a_schema_file_declares_is_known(new_appliance: Callable[..., Appliance]):
    appliance = with_schemas(new_appliance()).start()
    visitor = set_up(appliance)
    appliance.make_key()
    zoe = created(appliance, person() | {BADGE: {"badgeNumber": 7}, "shoeSize": 44})
    change = COMPLIANT.change({f"{BADGE}:badgeNumber": 8})
    assert appliance.request("PATCH", f"/scim/Users/{zoe}", change).status == 200
    page = visitor.get("/attributes").text
    assert "shoeSize" in page
    assert BADGE not in page
    declared = (FILES / "poor.json").read_text(encoding="utf-8").replace('"badgeColour"', f'"{BADGE}:badgeNumber"')
    reviewed = words(upload(visitor, declared.encode()))
    assert "Not stored" not in reviewed
    assert f"{BADGE}:badgeNumber from extensionAttribute3" in reviewed
    assert appliance.stop() == 0


def test_searches_without_an_index_are_listed(new_appliance: Callable[..., Appliance]):
    """With the way to make the attribute a lookup, if there is one; what an index answers is not listed."""
    appliance = with_schemas(new_appliance()).start()
    visitor = set_up(appliance)
    appliance.make_key()
    assert "appear here when a client searches or sorts by them" in words(visitor.get("/attributes"))
    created(appliance, person())
    for text in (
        'userName eq "zoe"',
        'userName sw "zo"',
        f'{BADGE}:doors eq "n"',
        'title eq "Editor" and active eq true',
        'groups.display eq "Staff"',
    ):
        assert appliance.request("GET", f"/scim/Users?filter={quote(text)}").status == 200
    assert appliance.request("GET", "/scim/Users?sortBy=title").status == 200
    page = words(visitor.get("/attributes"))
    assert re.search(r"userName User 1 \S+ \S+ UTC Has an index, which answers only “eq”", page)
    assert re.search(r"doors User 1 \S+ \S+ UTC Set “lookup” to true in its schema file", page)
    assert re.search(r"title User 2 \S+ \S+ UTC Has no index, and cannot get one", page)
    assert re.search(r"groups User 1 \S+ \S+ UTC Has an index for “value eq”", page)
    assert rows(visitor)["User", "title"]["requests"] == 1, "a search brings no value"
    assert appliance.stop() == 0


def test_the_table_can_be_filtered_and_exported(console: Appliance, eva: Visitor):
    created(console, {"userName": f"{secrets.token_hex(6)}@example.com"})
    page = eva.get("/attributes?format=csv&show=never")
    assert page.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(page.text.lstrip("\ufeff"))))
    assert lines
    assert all(line["Last seen"] == "" for line in lines)
    assert eva.get("/attributes?show=everything").status == 404


def test_a_strict_row_refuses_and_says_why(console: Appliance, strict: Callable[[str], None]):
    here = created(console, {"userName": f"{secrets.token_hex(6)}@example.com"})
    zoe = created(console, person())
    strict(TITLE)

    def refused(answer: Answer) -> None:
        assert (answer.status, answer.json["scimType"]) == (400, "invalidValue")
        assert answer.json["detail"] == "title: expected a value, since it is strict here, got none"

    untitled = person()
    del untitled[TITLE]
    refused(console.request("POST", "/scim/Users", untitled))
    assert console.request("POST", "/scim/Users", person()).status == 201
    for dialect in (DEFAULT, COMPLIANT):
        refused(console.request("PATCH", f"/scim/Users/{zoe}", dialect.change({TITLE: None}, (TITLE,))))
    refused(console.request("PATCH", f"/scim/Users/{zoe}", patch({"op": "Remove", "path": TITLE})))
    assert console.request("GET", f"/scim/Users/{zoe}").json[TITLE] == "Editor"
    # Who came without it before is changed as ever, and whoever is disabled is disabled.
    assert console.request("PATCH", f"/scim/Users/{here}", DEFAULT.change({LOCALITY: "Leeds"})).status == 200
    leave = DEFAULT.change({"active": False, TITLE: None}, (TITLE, "active"))
    assert console.request("PATCH", f"/scim/Users/{zoe}", leave).status == 200
    assert console.request("GET", f"/scim/Users/{zoe}").json["active"] is False


def test_making_a_row_strict_asks_first_and_is_undone(console: Appliance, eva: Visitor):
    created(console, {"userName": f"{secrets.token_hex(6)}@example.com"})
    found = rows(eva)["User", DEPARTMENT]
    lacking = found["total"] - found["filled"]
    asked = eva.get(f"/attributes/strict?type=User&attribute={DEPARTMENT}")
    assert asked.status == 200
    assert re.search(rf"{lacking} of {found['total']} users? ha(s|ve) no value", words(asked))
    assert eva.post("/attributes/strict", type="User", attribute=DEPARTMENT, strict="yes").location == "/attributes"
    assert rows(eva)["User", DEPARTMENT]["demand"] == "strict"
    assert list(rows(eva, "&show=strict")) == [("User", DEPARTMENT)]
    assert "since" in words(eva.get("/attributes"))
    assert console.request("POST", "/scim/Users", {"userName": "x@example.com"}).status == 400
    assert set_strict(eva, DEPARTMENT, "no").status == 303
    assert rows(eva)["User", DEPARTMENT]["demand"] == "expected"
    created(console, {"userName": f"{secrets.token_hex(6)}@example.com"})


@pytest.mark.parametrize(
    ("type_name", "path"),
    [("User", "userName"), ("User", "active"), ("Group", "displayName"), ("Group", "members"), ("User", "x"), ("", "")],
)
def test_what_cannot_be_strict_is_not_made_so(eva: Visitor, type_name: str, path: str):
    assert eva.get(f"/attributes/strict?type={type_name}&attribute={path}").status == 404
    refused = set_strict(eva, path, type_name=type_name)
    assert refused.status == 400
    assert 'role="alert"' in refused.text
    assert not rows(eva, "&show=strict")


def test_a_schema_file_is_reviewed(eva: Visitor):
    good = upload(eva, (FILES / "good.json").read_bytes())
    assert good.status == 200, good.text
    assert "No errors or warnings" in words(good)
    assert good.text.count('<th scope="row" class="long">') == sum(len(of_type) for of_type in MAPPING.values())
    twins = words(upload(eva, (FILES / "twins.json").read_bytes()))
    assert "2 errors" in twins
    assert "2 attribute mappings have this target (jobTitle and employeeType)" in twins
    poor = upload(eva, (FILES / "poor.json").read_bytes()).text
    assert "badgeColour" in poor


def test_a_file_with_hostile_texts_is_shown_as_text(eva: Visitor):
    content = (FILES / "poor.json").read_text(encoding="utf-8").replace("badgeColour", "<script>alert(1)</script>")
    page = upload(eva, content.encode())
    assert page.status == 200
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "No file was chosen."),
        (b"", "The file is empty."),
        (b"not json", "The file cannot be read: expected JSON at position 0."),
        (b'{"Resources": []}', "This is JSON, but not a provisioning schema of Entra"),
        (b"[" * 1_000, "The file cannot be read: expected at most 32 levels of nesting."),
    ],
)
def test_a_foreign_file_gets_one_plain_sentence(eva: Visitor, content: bytes | None, sentence: str):
    page = upload(eva, content)
    assert page.status == 400
    assert sentence in words(page)


def test_a_file_may_be_larger_than_other_forms_but_has_an_end(console: Appliance, eva: Visitor):
    good = (FILES / "good.json").read_bytes()
    assert upload(eva, good + b" " * (bounds.SCHEMA_EXPORT_BYTES - len(good))).status == 200
    page = upload(eva, good + b" " * bounds.SCHEMA_EXPORT_FORM_BYTES)
    assert page.status == 413
    assert "2,080 KiB" in page.text
    assert not list(console.data.rglob("*.json"))


def test_a_review_needs_an_operator_and_a_form_of_ours(eva: Visitor, stranger: Visitor):
    assert upload(stranger, b"{}").status == 401
    eva.get("/attributes")
    eva.token = "another"
    assert eva.post("/attributes/strict", type="User", attribute=TITLE, strict="yes").status == 400
    assert not rows(eva, "&show=strict")


def test_the_simulator_fills_the_rows(appliance: Appliance):
    visitor = set_up(appliance)
    play_entra(appliance, people=6, dialect="both")
    found = rows(visitor)
    assert all(one["lastSeen"] for one in found.values())
    assert found["User", "active"]["requests"] > 6
    assert "shoeSize" in visitor.get("/attributes").text
