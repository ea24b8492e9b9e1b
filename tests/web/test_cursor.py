"""Paging by cursor (RFC 9865): whole walks while others write, and cursors that are not, or no longer, good."""

import random
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from app import bounds
from tests.conftest import Answer, Appliance

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
PEOPLE = 300
UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")
TITLES = [None, None, "Boss", "boss", "Cook", "Zoë", "É", "x" * 300 + "a", "x" * 300 + "b", "Ω", '"', "10", "9"]


def nothing() -> None:
    """Nobody else is there."""


@dataclass
class Crowd:
    """Many people and some groups on an appliance of their own, and a chance that is the same each time."""

    appliance: Appliance
    chance: random.Random = field(default_factory=lambda: random.Random(9865))

    def person(self) -> dict[str, Any]:
        values = {
            "title": self.chance.choice(TITLES),
            "active": self.chance.choice([None, True, False]),
            "emails": [
                {"value": f"{self.chance.randrange(40)}@example.com", "primary": self.chance.random() < 0.5}
                for _ in range(self.chance.randrange(3))
            ],
        }
        return {"userName": uuid.uuid4().hex} | {name: value for name, value in values.items() if value is not None}

    def add(self, count: int) -> list[str]:
        """So many people more; their ids."""
        operations = [
            {"method": "POST", "path": "/Users", "bulkId": str(number), "data": self.person()}
            for number in range(count)
        ]
        answer = self.appliance.request("POST", "/scim/Bulk", {"schemas": [BULK], "Operations": operations})
        return [result["location"].rpartition("/")[2] for result in answer.json["Operations"]]

    def take(self, ids: list[str]) -> None:
        for identifier in ids:
            assert self.appliance.request("DELETE", f"/scim/Users/{identifier}").status == 204

    def ask(self, path: str = "/Users", **query: Any) -> Answer:
        text = urlencode({name: str(value) for name, value in query.items()}, quote_via=quote)
        return self.appliance.request("GET", f"/scim{path}?{text}")

    def walk(self, path: str = "/Users", between: Callable[[], None] = nothing, **query: Any) -> list[str]:
        """The ids of all pages from the first to the last, by cursor; `between` happens between two pages."""
        ids: list[str] = []
        cursor = ""
        while True:
            answer = self.ask(path, **query, cursor=cursor)
            assert answer.status == 200, answer.text
            page = answer.json
            assert "startIndex" not in page and "previousCursor" not in page
            assert page["itemsPerPage"] == len(page["Resources"]) <= query["count"]
            ids += [one["id"] for one in page["Resources"]]
            if "nextCursor" not in page:
                return ids
            cursor = page["nextCursor"]
            assert UNRESERVED.fullmatch(cursor) and page["itemsPerPage"] == query["count"]
            between()

    def by_index(self, path: str = "/Users", **query: Any) -> list[str]:
        """The same by index."""
        ids: list[str] = []
        while True:
            page = self.ask(path, **query, startIndex=len(ids) + 1).json
            assert "nextCursor" not in page
            ids += [one["id"] for one in page["Resources"]]
            if not page["Resources"]:
                assert len(ids) == page["totalResults"]
                return ids


@pytest.fixture(scope="module")
def crowd(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    appliance = Appliance(program, tmp_path_factory.mktemp("cursor") / "recnice").start()
    appliance.make_key()
    made = Crowd(appliance)
    ids = made.add(PEOPLE)
    for number in range(20):
        members = [{"value": one} for one in made.chance.sample(ids, 3)]
        appliance.request("POST", "/scim/Groups", {"displayName": f"{number} {uuid.uuid4()}", "members": members})
    yield made
    assert appliance.stop() == 0, appliance.output


ORDERS: list[dict[str, Any]] = [
    {},
    *(
        {"sortBy": name, "sortOrder": direction}
        for name in ("title", "active", "emails", "emails.primary", "meta.created", "groups.display", "id")
        for direction in ("ascending", "descending")
    ),
    {"sortBy": "userName", "filter": "title pr or active eq true"},
    {"filter": 'not (title co "o")'},
]


@pytest.mark.parametrize("path", ["/Users", ""])
@pytest.mark.parametrize("query", ORDERS, ids=lambda query: " ".join(query.values()) or "nothing")
def test_a_walk_by_cursor_is_the_list_by_index(crowd: Crowd, path: str, query: dict[str, Any]) -> None:
    assert crowd.walk(path, **query, count=37) == crowd.by_index(path, **query, count=200)


@pytest.mark.parametrize("query", [ORDERS[0], *ORDERS[1:6], ORDERS[-2]], ids=lambda query: " ".join(query.values()))
def test_a_walk_while_others_write_and_delete(crowd: Crowd, query: dict[str, Any]) -> None:
    """Who is there all the time and does not change is seen exactly once, and in the same order as ever."""
    doomed = crowd.add(30)
    before = crowd.by_index(**query, count=200)
    added: list[str] = []

    def between() -> None:
        added.extend(crowd.add(2))
        crowd.take([doomed.pop() for _ in range(3) if doomed])

    seen = crowd.walk(between=between, **query, count=23)
    after = set(crowd.by_index(**query, count=200))
    stayed = [one for one in before if one in after]
    assert [one for one in seen if one in stayed] == stayed
    assert len(seen) == len(set(seen))
    assert added and set(seen) <= {*before, *added}
    crowd.take(added)


def test_the_last_resource_of_a_page_may_go(crowd: Crowd) -> None:
    extra = crowd.add(4)
    where = " or ".join(f'id eq "{one}"' for one in extra)
    page = crowd.ask(filter=where, count=2, cursor="").json
    crowd.take([page["Resources"][1]["id"], page["Resources"][0]["id"]])
    page = crowd.ask(filter=where, count=2, cursor=page["nextCursor"]).json
    assert [one["id"] for one in page["Resources"]] == extra[2:] and "nextCursor" not in page
    crowd.take(extra[2:])


def test_an_answer_by_cursor(crowd: Crowd) -> None:
    first = crowd.ask(count=5, cursor="", attributes="userName").json
    assert list(first) == ["schemas", "totalResults", "nextCursor", "itemsPerPage", "Resources"]
    assert first["totalResults"] == crowd.ask(count=0).json["totalResults"] >= PEOPLE
    assert set(first["Resources"][0]) == {"schemas", "id", "userName"}
    everyone = crowd.ask(filter='userName eq "nobody"', cursor="").json
    assert (everyone["totalResults"], everyone["Resources"], "nextCursor" in everyone) == (0, [], False)
    assert crowd.ask(cursor="").json["itemsPerPage"] == bounds.PAGE_SIZE
    none = crowd.ask(cursor="", count=0).json
    assert none["totalResults"] >= PEOPLE and not none["Resources"] and "nextCursor" not in none


@pytest.mark.parametrize("path", ["/Users/.search", "/.search", "/Groups/.search"])
def test_cursors_in_search_messages(crowd: Crowd, path: str) -> None:
    ids: list[str] = []
    message: dict[str, Any] = {"schemas": [SEARCH], "count": 90, "cursor": "", "sortBy": "displayName"}
    while message["cursor"] is not None:
        page = crowd.appliance.request("POST", f"/scim{path}", message).json
        ids += [one["id"] for one in page["Resources"]]
        message["cursor"] = page.get("nextCursor")
    assert ids == crowd.by_index(path.removesuffix("/.search"), count=90, sortBy="displayName")


def test_a_cursor_is_good_for_its_own_query_only(crowd: Crowd) -> None:
    asked = {"filter": "userName pr", "sortBy": "title", "sortOrder": "descending", "count": 10}
    cursor = crowd.ask(**asked, cursor="").json["nextCursor"]
    assert crowd.ask(**asked, cursor=cursor).status == 200
    assert len(crowd.ask(**{**asked, "count": ""}, cursor=cursor).json["Resources"]) == 10
    for change in ({"filter": 'userName sw "a"'}, {"sortBy": "userName"}, {"sortOrder": "ascending"}):
        refused = crowd.ask(**{**asked, **change}, cursor=cursor)
        assert (refused.status, refused.json["scimType"]) == (400, "invalidCursor")
    for path in ("/Groups", ""):
        refused = crowd.ask(path, **{**asked, "filter": "id pr", "sortBy": "id"}, cursor=cursor)
        assert (refused.status, refused.json["scimType"]) == (400, "invalidCursor")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda cursor: cursor[:9] + ("A" if cursor[9] != "A" else "B") + cursor[10:],
        lambda cursor: "x" + cursor,
        lambda cursor: cursor[: len(cursor) // 2],
        lambda cursor: "1",
        lambda cursor: "..",
        lambda cursor: "\u00fc\u0000",
        lambda cursor: "a" * 5000,
    ],
)
def test_a_cursor_that_is_none_of_ours(crowd: Crowd, spoil: Callable[[str], str]) -> None:
    cursor = crowd.ask(count=10, cursor="").json["nextCursor"]
    refused = crowd.ask(count=10, cursor=spoil(cursor))
    assert (refused.status, refused.json["scimType"]) == (400, "invalidCursor")


class Earlier(TimestampSigner):
    """Signs as if it were longer ago than a cursor lasts."""

    def get_timestamp(self) -> int:
        return super().get_timestamp() - bounds.CURSOR_S - 5


def test_a_cursor_does_not_last_for_ever(crowd: Crowd) -> None:
    secret = (crowd.appliance.data / "recnice.secret").read_bytes()
    cursor = crowd.ask(count=10, cursor="").json["nextCursor"]
    salt = 'cursor [["User"], "", "", ""]'
    place = URLSafeTimedSerializer(secret, salt=salt).loads(cursor)
    old = URLSafeTimedSerializer(secret, salt=salt, signer=Earlier).dumps(place)
    refused = crowd.ask(count=10, cursor=old)
    assert (refused.status, refused.json["scimType"]) == (400, "expiredCursor")
    pagination = crowd.appliance.request("GET", "/scim/ServiceProviderConfig").json["pagination"]
    assert pagination["cursorTimeout"] == bounds.CURSOR_S and str(bounds.CURSOR_S) in refused.json["detail"]


def test_a_page_of_an_impossible_size(crowd: Crowd) -> None:
    refused = crowd.ask(count=bounds.PAGE_SIZE_MAXIMUM + 1, cursor="")
    assert (refused.status, refused.json["scimType"]) == (400, "invalidCount")
    assert crowd.ask(count=bounds.PAGE_SIZE_MAXIMUM + 1).status == 200


@pytest.mark.parametrize("count", [0, -1])
def test_a_page_of_none_by_cursor_says_how_many_there_are(crowd: Crowd, count: int) -> None:
    found = crowd.ask(count=count, cursor="").json
    assert (found["Resources"], found["itemsPerPage"]) == ([], 0)
    assert found["totalResults"] == crowd.ask(count=1).json["totalResults"] > 0


def test_a_page_far_behind_the_end_is_empty(crowd: Crowd) -> None:
    found = crowd.ask(startIndex="9" * 16, count="9" * 30).json
    assert (found["Resources"], found["itemsPerPage"]) == ([], 0)
    assert found["totalResults"] == crowd.ask(count=1).json["totalResults"] > 0


def test_the_size_of_pages_stays(crowd: Crowd) -> None:
    cursor = crowd.ask(count=10, cursor="").json["nextCursor"]
    refused = crowd.ask(count=11, cursor=cursor)
    assert (refused.status, refused.json["scimType"]) == (400, "invalidCount")


def test_cursors_can_be_switched_off(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance(environment={"RECNICE_CURSOR_PAGING": "false"}).start()
    appliance.make_key()
    pagination = appliance.request("GET", "/scim/ServiceProviderConfig").json["pagination"]
    assert pagination["cursor"] is False and pagination["index"] is True and "cursorTimeout" not in pagination
    for path in ("/scim/Users?cursor=", "/scim/Users?cursor=nonsense"):
        found = appliance.request("GET", path).json
        assert found["startIndex"] == 1 and "nextCursor" not in found
    assert appliance.stop() == 0
