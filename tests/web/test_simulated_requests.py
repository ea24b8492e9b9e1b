"""A client that says it is a simulation gains nothing by that; and what a simulation does stays among its own users.

The application runs in this process.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.administration import audit
from app.administration.credentials import scim_keys
from app.observation import request_list
from app.observation.cycles import detection
from app.observation.directory import history_reader
from app.observation.problems import problem_list
from app.observation.problems.problem_list import ProblemFilter
from app.observation.request_list import RequestEntry, RequestFilter
from app.scim.resource_types import USER
from app.simulation import simulation_header
from app.web.console.monitoring.activity_rows import REQUEST_COLUMNS
from app.web.request_log import middleware
from tests.web.test_access_removal import BROKEN, NOBODY, OFF, STALE, World, owner, shared, world

__all__ = ["owner", "shared", "world"]

MARKED = {simulation_header.HEADER: simulation_header.VALUE}


def marked(world: World, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
    return world.scim(method, path, body, MARKED | headers)


def entry(world: World, answer: TestResponse) -> RequestEntry:
    """The row of one request, once the log is written."""
    assert middleware.of(world.app).recorder.settle(30)
    [found] = request_list.of_number(answer.headers["X-Request-Id"])
    return found


def created(world: World, name: str, send: Callable[..., TestResponse] = marked) -> str:
    answer = send(world, "POST", "/Users", {"userName": name, "displayName": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


@pytest.fixture
def made(world: World) -> Any:
    """A user that a simulation created."""
    user_id = created(world, "rehearsal-zoe")
    yield user_id
    world.scim("DELETE", f"/Users/{user_id}")


SIMULATED: dict[str, tuple[str, str, Any, int]] = {
    "a list": ("GET", "/Users", None, 200),
    "a change of its own user": ("PATCH", "/Users/{made}", {"Operations": [OFF]}, 200),
    "a refusal of a change of it": ("PATCH", "/Users/{made}", {"Operations": [BROKEN, OFF]}, 400),
    "its own user created twice": ("POST", "/Users", {"userName": "rehearsal-zoe"}, 409),
    "nobody": ("GET", "/Groups/rehearsal-nowhere", None, 404),
    "nobody that ever was": ("GET", f"/Users/{NOBODY}", None, 404),
    "a search without a filter": ("POST", "/.search", {"count": 9}, 200),
    "a filter that finds its own": ("GET", "/Users?filter=userName+sw+%22rehearsal-%22", None, 200),
    "a filter that finds nobody": ("GET", f"/Users?filter=externalId+eq+%22{NOBODY}%22", None, 200),
    "a group of its own": ("POST", "/Groups", {"displayName": "{made}", "members": [{"value": "{made}"}]}, 201),
    "a refused group of its own": ("POST", "/Groups", {"displayName": 1, "members": [{"value": "{made}"}]}, 400),
}
ADD_ANA = {"op": "Add", "path": "members", "value": [{"value": "{ana}"}]}
REMOVE_ANA = {"op": "Remove", "path": 'members[value eq "{ana}"]'}
SEARCH_TWO = {"filter": 'userName eq "rehearsal-zoe" or userName eq "ana"'}
ORDINARY: dict[str, tuple[str, str, Any, int]] = {
    "a read of somebody else": ("GET", "/Users/{ana}", None, 200),
    "a look-up of somebody else": ("GET", "/Users?filter=userName+eq+%22ana%22", None, 200),
    "a change of somebody else": ("PATCH", "/Users/{ana}", {"Operations": [OFF]}, 200),
    "a refusal of it": ("PATCH", "/Users/{ana}", {"Operations": [BROKEN, OFF]}, 400),
    "a name that somebody else has": ("POST", "/Users", {"userName": "ana"}, 409),
    "a group of others": ("PATCH", "/Groups/{admins}", {"Operations": [{"op": "Remove", "path": "members"}]}, 200),
    "a deletion": ("DELETE", "/Users/{ana}", None, 204),
    "a filter that finds somebody else": ("GET", "/Users?filter=userName+eq+%22ana%22+and+active+pr", None, 200),
    "a part of a name": ("GET", "/Users?filter=displayName+sw+%22Ana%22", None, 200),
    "a name that is not found so": ("GET", "/Users?filter=userName+eq+%22ANA%22+and+title+pr", None, 200),
    "a member that is not found so": ("GET", "/Groups?filter=members+eq+%22{ana}%22+and+displayName+eq+1", None, 400),
    "a search for both": ("POST", "/Users/.search", SEARCH_TWO, 200),
    "a search of all types": ("POST", "/.search", SEARCH_TWO, 200),
    "a refused name of somebody else": ("POST", "/Users", {"USERNAME": "Ana", "emails": 1}, 400),
    "a group with somebody else": (
        "POST",
        "/Groups",
        {"displayName": "{made}", "members": [{"value": "{ana}"}]},
        201,
    ),
    "a refused group with them": ("POST", "/Groups", {"displayName": 1, "members": [{"value": "{ana}"}]}, 400),
    "a member in its own group": ("PATCH", "/Groups/{own}", {"Operations": [ADD_ANA]}, 200),
    "a refused member": ("PATCH", "/Groups/{own}", {"Operations": [BROKEN, ADD_ANA]}, 400),
    "a refused removal of a member": ("PATCH", "/Groups/{own}", {"Operations": [BROKEN, REMOVE_ANA]}, 400),
    "a refused change to a name of somebody else": (
        *("PATCH", "/Users/{made}"),
        *({"Operations": [BROKEN, {"op": "Replace", "value": {"userName": "ANA"}}]}, 400),
    ),
    "the same by a path": (
        *("PATCH", "/Users/{made}"),
        *({"Operations": [BROKEN, {"op": "Replace", "path": "username", "value": "ana"}]}, 400),
    ),
    "a creation that cannot be read": (
        *("POST", "/Bulk"),
        *({"Operations": [{"method": "POST", "path": "/Users", "bulkId": 5, "data": {"userName": "ana"}}]}, 200),
    ),
    "an operation that cannot be read": (
        *("POST", "/Bulk"),
        *({"Operations": [{"method": "PATCH", "path": "/Users/{ana}", "data": 1, "version": 5}]}, 200),
    ),
}


@pytest.mark.parametrize("name", [*SIMULATED, *ORDINARY])
def test_only_what_concerns_its_own_users_is_simulated(world: World, made: str, name: str):
    method, path, body, status = (SIMULATED | ORDINARY)[name]
    own = marked(world, "POST", "/Groups", {"displayName": made}).json["id"] if "{own}" in path else ""
    ids = {"made": made, "ana": world.ana, "admins": world.admins, "own": own}
    text = json.dumps(body)
    for name_of_id, id in ids.items():
        path, text = (one.replace(f"{{{name_of_id}}}", id) for one in (path, text))
    answer = marked(world, method, path, json.loads(text))
    assert answer.status_code == status, answer.text
    assert middleware.of(world.app).recorder.settle(30)
    found, *operations = request_list.of_number(answer.headers["X-Request-Id"])
    assert all(one.request.is_simulated is (name in SIMULATED) for one in operations)
    assert found.request.is_simulated is (name in SIMULATED)
    assert [one.is_simulated for one in found.events] == [name in SIMULATED] * len(found.events)
    assert (found.request.cycle_id > 0) is (name in ORDINARY)


@pytest.mark.parametrize(
    ("method", "body", "headers"),
    [("PATCH", {"Operations": [BROKEN, OFF]}, {}), ("DELETE", None, STALE)],
)
def test_a_refused_disable_of_somebody_else_is_shown_first(
    world: World, method: str, body: Any, headers: dict[str, str]
):
    assert marked(world, method, f"/Users/{world.ana}", body, **headers).status_code in (400, 412)
    [(_, name, _)] = world.standing()
    assert name == "Ana Ruiz"
    assert marked(world, "PATCH", f"/Users/{world.ana}", {"Operations": [OFF]}).status_code == 200
    assert world.standing() == []


def test_a_refused_bulk_request_that_names_somebody_else_is_no_simulation(world: World, made: str):
    off = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [OFF]}
    operations = [{"method": "PATCH", "path": f"/Users/{one}", "data": off} for one in (made, world.ana)]
    answer = marked(world, "POST", "/Bulk", {"Operations": operations, "failOnErrors": "many"})
    assert answer.status_code == 400, answer.text
    assert {name for _, name, _ in world.standing()} == {"Ana Ruiz", "rehearsal-zoe"}
    assert not entry(world, answer).request.is_simulated


def test_a_refused_disable_of_its_own_user_is_no_problem(world: World, made: str):
    assert world.standing() == []
    before = problem_list.counts()
    assert marked(world, "PATCH", f"/Users/{made}", {"Operations": [BROKEN, OFF]}).status_code == 400
    assert world.standing() == []
    assert problem_list.counts() == before


@pytest.mark.parametrize("change", ["PUT", "PATCH", "DELETE"])
def test_a_group_that_somebody_else_was_brought_into_is_like_any_other(world: World, made: str, change: str):
    group = marked(world, "POST", "/Groups", {"displayName": made, "members": [{"value": world.ana}]})
    path = f"/Groups/{group.json['id']}"
    body = {"displayName": made} if change == "PUT" else {"Operations": [{"op": "Remove", "path": "members"}]}
    answer = marked(world, change, path, None if change == "DELETE" else body)
    found = entry(world, answer)
    assert not found.request.is_simulated and [one.is_simulated for one in found.events] == [False]


def test_a_deletion_that_changes_the_group_of_others_is_like_any_other(world: World, made: str):
    world.patch(f"/Groups/{world.admins}", {"op": "Add", "path": "members", "value": [{"value": made}]})
    found = entry(world, marked(world, "DELETE", f"/Users/{made}"))
    assert not found.request.is_simulated and [one.is_simulated for one in found.events] == [False]


def test_a_user_that_a_client_took_over_is_like_any_other(world: World, made: str):
    world.patch(f"/Users/{made}", {"op": "Replace", "path": "displayName", "value": "rehearsal-zoe"})
    assert entry(world, marked(world, "PATCH", f"/Users/{made}", {"Operations": [OFF]})).request.is_simulated
    world.patch(f"/Users/{made}", {"op": "Replace", "path": "userName", "value": "zoe"})
    for method, body in (("PATCH", {"Operations": [OFF | {"value": "True"}]}), ("DELETE", None)):
        found = entry(world, marked(world, method, f"/Users/{made}", body))
        assert not found.request.is_simulated and [one.is_simulated for one in found.events] == [False]
    assert made in [one.resource_id for one in history_reader.deletions(USER, "rehearsal-zoe", 50)]


def test_an_invalid_key_is_a_problem_all_the_same(world: World):
    answer = marked(world, "GET", "/Users", Authorization="Bearer nonsense")
    assert answer.status_code == 401
    found = entry(world, answer)
    assert not found.request.is_simulated and found.problem_id
    assert marked(world, "GET", "/Users").status_code == 200
    assert middleware.of(world.app).recorder.settle(30)
    assert [one for one in problem_list.every(ProblemFilter("open")) if one.id == found.problem_id], (
        "a simulation closes none"
    )
    assert world.scim("GET", "/Users").status_code == 200
    assert middleware.of(world.app).recorder.settle(30)
    assert not [one for one in problem_list.every(ProblemFilter("open")) if one.id == found.problem_id]


def test_the_last_change_and_the_deleted_users_are_those_of_others(world: World):
    last = history_reader.newest_event()
    made = created(world, "rehearsal-bert")
    assert marked(world, "DELETE", f"/Users/{made}").status_code == 204
    assert history_reader.newest_event() == last
    assert history_reader.deletions(USER, "rehearsal-bert", 5) == []
    assert [one.is_simulated for one in history_reader.events_of(USER, made)] == [True, True]


def test_a_simulation_with_a_key_is_told_apart_from_its_last_use(world: World, owner: Any):
    new = scim_keys.create_key("new", audit.HOST, is_beside=True)
    assert marked(world, "GET", "/Users", Authorization=f"Bearer {new.text}").status_code == 200
    [row] = [row for row in scim_keys.list_keys() if row.id == new.row.id]
    assert row.last_used is None and row.last_simulated and row.last_simulated_address
    assert world.scim("GET", "/Users", headers={"Authorization": f"Bearer {new.text}"}).status_code == 200
    [row] = [row for row in scim_keys.list_keys() if row.id == new.row.id]
    assert row.last_used, "the use by the simulation keeps no other from being noted"
    for path in ("/account", f"/account/keys/{row.id}/revoke"):
        assert "by a simulation less than a minute ago from " in owner.get(path)
    scim_keys.stop_key(row.id, audit.HOST)


def test_activity_hides_them_says_so_and_shows_them_on_demand(world: World, made: str, owner: Any):
    answer = marked(world, "PATCH", f"/Users/{made}", {"Operations": [OFF]})
    number = answer.headers["X-Request-Id"]
    assert number not in owner.get("/activity?view=events")
    assert "of a simulation are hidden" in owner.get("/activity")
    for path in ("/activity?view=events&simulated=shown", "/activity?simulated=only", f"/users/{made}?tab=requests"):
        page = owner.get(path)
        assert number in page and "<b>Simulated:</b>" in page, path
    assert "This request is part of a simulation" in owner.get(f"/activity?number={number}")
    assert "simulated" in owner.get(f"/users/{made}?tab=history")
    row = {column.name: column.value(entry(world, answer)) for column in REQUEST_COLUMNS}
    assert (row["simulated"], row["cycle_id"]) == ("yes", 0)
    assert detection.latest(1)[0].requests and request_list.count_simulated()
    assert all(not one.request.is_simulated for one in request_list.every(RequestFilter()))
