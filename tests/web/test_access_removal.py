"""Who should have lost access by a refused request is named first, as long as they have it, and an owner takes it away.

The application runs in this process.
"""

import html
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import bounds, create_app
from app.administration import ignored_problems
from app.administration.accounts import administrators, password_sign_in
from app.administration.accounts.sessions import Browser
from app.administration.audit import HOST
from app.administration.credentials import scim_keys
from app.administration.roles import granted_roles, role_mapping
from app.console_roles import Role
from app.observation.problems import problem_list, refused_removals
from app.observation.problems.problem_list import ProblemFilter
from app.observation.problems.severity import Severity
from app.provisioning import resource_operations
from app.provisioning.resource_operations import Author
from app.scim.errors import ScimError, unavailable
from app.scim.resource_types import GROUP, USER, ResourceType
from app.settings import Settings
from app.store.database import directory_database
from app.store.request_log import log_database_file
from app.web.request_log import middleware
from tests.cheap import make_database
from tests.web.test_console import words
from tests.web.visitor import PASSWORD

NOBODY = "00000000-0000-4000-8000-000000000000"
AUTHOR = Author("1", "key 1")
BASE = "https://scim.recnice.example"
BROKEN = {"op": "Replace", "path": "name..givenName", "value": "x"}
ON = {"op": "Replace", "path": "active", "value": "True"}
OFF = {"op": "Replace", "path": "active", "value": "False"}
STALE = {"If-Match": 'W/"99"'}
MANY = [{"op": "Add", "path": "title", "value": "x"}] * (bounds.PATCH_OPERATIONS + 1)


def outside(ask: Callable[..., TestResponse], *of: Any, **more: Any) -> TestResponse:
    """Send a request outside the context that the tests are in, or both would share what Flask keeps for a request."""
    return Context().run(ask, *of, **more)


@dataclass
class World:
    """The application, with a key, users Ana and Eva, and a group of both that makes viewers."""

    app: Flask
    key: str
    ana: str = ""
    eva: str = ""
    admins: str = ""

    def scim(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> TestResponse:
        sent = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        data = body if isinstance(body, str) else json.dumps(body) if body is not None else None
        client = self.app.test_client()
        return outside(
            client.open,
            f"/sub/scim{path}",
            method=method,
            data=data,
            headers=sent,
            base_url=BASE,
            content_type="application/scim+json" if data is not None else None,
        )

    def made(self, resource_type: ResourceType, **values: Any) -> str:
        return resource_operations.create(resource_type, values, AUTHOR).record.id

    def patch(self, path: str, *operations: Any, status: int = 200) -> None:
        answer = self.scim("PATCH", path, {"Operations": list(operations)})
        assert answer.status_code == status, answer.text

    def bulk(self, *operations: dict[str, Any], **more: Any) -> TestResponse:
        return self.scim("POST", "/Bulk", {"Operations": list(operations)} | more)

    def standing(self) -> list[tuple[str, str, str]]:
        """Purpose, name and group of everybody who still has access, once the log is written."""
        assert middleware.of(self.app).recorder.settle(30)
        found = refused_removals.standing()
        assert found.total == len(found.users)
        return [(one.purpose, one.user_name, one.group_name) for one in found.users]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One application for all tests of this file, with a key and an owner."""
    data = tmp_path_factory.mktemp("access-removal")
    settings = Settings(data=data, listen=("127.0.0.1", 7644), public_url=f"{BASE}/sub")
    make_database(settings.database)
    log_database_file.prepare(settings.requests_database)
    app = create_app(settings)
    with app.app_context():
        administrators.create_operator("olga", PASSWORD, HOST)
        yield World(app, scim_keys.create_key("", HOST).text)
        middleware.of(app).recorder.close()
        directory_database.file.close()


@pytest.fixture
def world(shared: World) -> Iterator[World]:
    """The same with users and a group of this test's own; afterwards the users are gone."""
    world = replace(shared)
    world.ana = world.made(USER, userName="ana", displayName="Ana Ruiz", externalId="1")
    world.eva = world.made(USER, userName="eva", displayName="Eva Holm", externalId="2")
    members = [{"value": world.ana}, {"value": world.eva}]
    world.admins = world.made(GROUP, displayName="Admins", members=members)
    lines = [("group", world.admins, "viewer")]
    role_mapping.save(lines, role_mapping.preview(lines).fingerprint, HOST)
    yield world
    for resource_type, resource_id in ((USER, world.ana), (USER, world.eva), (GROUP, world.admins)):
        with suppress(ScimError):
            resource_operations.delete(resource_type, resource_id, AUTHOR)


class Window:
    """A browser of somebody who is signed in."""

    def __init__(self, world: World, user_name: str, role: Role) -> None:
        if user_name != "olga":
            administrators.create_operator(user_name, PASSWORD, HOST, role)
        token = password_sign_in.sign_in(user_name, PASSWORD, Browser("127.0.0.1"))
        self.client = world.app.test_client()
        self.client.set_cookie("__Secure-recnice_session", token, domain="scim.recnice.example", path="/sub")

    def get(self, path: str, follow: bool = False) -> str:
        answer = outside(self.client.get, f"/sub{path}", base_url=BASE, follow_redirects=follow)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, **fields: str) -> TestResponse:
        [token] = set(re.findall(r'name="csrf_token" value="([^"]+)"', self.get("/me")))
        return outside(self.client.post, f"/sub{path}", data={"csrf_token": token} | fields, base_url=BASE)

    def remove_access(self, user_id: str, group_id: str = "") -> str:
        """Press the button, and return the page that follows."""
        answer = self.post("/problems/remove-access", user_id=user_id, group_id=group_id)
        assert answer.status_code in (303, 403), answer.text
        return answer.text if answer.status_code == 403 else html.unescape(words(self.get("/problems")))


@pytest.fixture
def owner(world: World) -> Window:
    return Window(world, "olga", Role.OWNER)


def busy(world: World, method: str, body: Any) -> TestResponse:
    """The database belongs to another writer for too long."""
    with world.app.app_context(), directory_database.writing(), mock.patch.object(bounds, "WRITE_WAIT_S", 0.01):
        return world.scim(method, f"/Users/{world.ana}", body)


def failing(world: World, method: str, body: Any) -> TestResponse:
    with (
        mock.patch.object(resource_operations, "_change", side_effect=RuntimeError),
        mock.patch("logging.Logger.error"),
    ):
        return world.scim(method, f"/Users/{world.ana}", body)


def on_ana(body: Any, method: str = "PATCH", headers: dict[str, str] | None = None) -> Callable[[World], TestResponse]:
    return lambda world: world.scim(method, f"/Users/{world.ana}", body, headers)


def in_bulk(*others: dict[str, Any], method: str = "PATCH", **more: Any) -> Callable[[World], TestResponse]:
    """Operations, and then one that disables Ana but is refused when the message is not."""

    def act(world: World) -> TestResponse:
        last = {"method": method, "path": f"/Users/{world.ana}", "data": {"Operations": [OFF, BROKEN]}}
        return world.bulk(*others, last, **more)

    return act


def beside(value: str) -> Callable[[World], TestResponse]:
    """Disable Ana beside a value that no body may have."""
    return on_ana(f'{{"Operations": [{json.dumps(OFF)}, {{"op": "Replace", "path": "title", "value": {value}}}]}}')


DISABLE = {"Operations": [OFF]}
REFUSED: dict[str, tuple[Callable[[World], TestResponse], int, str]] = {
    "a malformed path": (on_ana({"Operations": [BROKEN, OFF]}), 400, "disable"),
    "one broken operation": (on_ana({"Operations": [{"op": "nonsense"}, OFF]}), 400, "disable"),
    "too many operations": (on_ana({"Operations": [*MANY, OFF]}), 400, "disable"),
    "a number that does not fit": (beside("1e999"), 400, "disable"),
    "a number that is too long": (beside("9" * (bounds.NUMBER_LENGTH + 1)), 400, "disable"),
    "half of a character": (beside('"\\ud800"'), 400, "disable"),
    "values nested too deep": (beside("[" * 100 + "]" * 100), 400, "disable"),
    "another version": (on_ana(DISABLE, headers=STALE), 412, "disable"),
    "another version, PUT": (on_ana({"userName": "ana", "active": False}, "PUT", STALE), 412, "disable"),
    "another version, DELETE": (on_ana(None, "DELETE", STALE), 412, "delete"),
    "a busy database": (lambda world: busy(world, "PATCH", DISABLE), 503, "disable"),
    "a busy database, DELETE": (lambda world: busy(world, "DELETE", None), 503, "delete"),
    "a fault here": (lambda world: failing(world, "PATCH", DISABLE), 500, "disable"),
    "an operation of a bulk request": (in_bulk(), 200, "disable"),
    "a bulk request that stops before it": (
        in_bulk({"method": "DELETE", "path": f"/Users/{NOBODY}"}, failOnErrors=1),
        200,
        "disable",
    ),
    "a bulk request that is refused": (in_bulk(schemas=["urn:x"]), 400, "disable"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_who_should_be_disabled_is_named_until_they_are(world: World, name: str):
    act, status, purpose = REFUSED[name]
    assert act(world).status_code == status
    assert world.standing() == [(purpose, "Ana Ruiz", "")]
    world.patch(f"/Users/{world.ana}", {"op": "Replace", "path": "title", "value": "Clerk"})
    assert world.standing() == [(purpose, "Ana Ruiz", "")], "another success is no disable"
    world.patch(f"/Users/{world.ana}", OFF)
    assert world.standing() == []


FAULTS: list[dict[str, Any]] = [{"version": 1}, {"Path": "/Users"}, {"DATA": {}}, {"METHOD": None, "Method": 5}]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("is_reached", [True, False])
def test_a_fault_in_the_form_of_a_bulk_operation_hides_no_disable(
    world: World, fault: dict[str, Any], is_reached: bool
):
    before = {"method": "DELETE", "path": f"/Users/{NOBODY}"}
    operation = {"method": "PATCH", "path": f"/Users/{world.ana}?x=1", "data": DISABLE} | fault
    *_, last = world.bulk(before, operation, **({} if is_reached else {"failOnErrors": 1})).get_json(True)["Operations"]
    assert last["status"] == ("400" if is_reached else "404")
    assert world.standing() == [("disable", "Ana Ruiz", "")]


def test_what_says_nothing_about_a_bulk_operation_refuses_no_disable(world: World):
    harmless: tuple[dict[str, Any], ...] = ({"bulkId": 1}, {"bulkId": "a", "BulkId": "b"}, {"method": " Patch "})
    for more in (
        *harmless,
        *({"path": f"/Users/{world.ana}{query}"} for query in ("?x=1", "/?attributes=", "#x", " ")),
    ):
        world.patch(f"/Users/{world.ana}", ON)
        [found] = world.bulk({"method": "PATCH", "path": f"/Users/{world.ana}", "data": DISABLE} | more).get_json(True)[
            "Operations"
        ]
        assert found["status"] == "200" and found["method"] == "PATCH", more
        assert world.scim("GET", f"/Users/{world.ana}").get_json(force=True)["active"] is False, more


UNKNOWN: dict[str, Callable[[World], TestResponse]] = {
    "no JSON": on_ana('{"Operations": [{"op": "Replace", "path": "active", "value": "False"}'),
    "a body that is too large": on_ana(" " * (bounds.BODY_BYTES + 1)),
    "an invalid key": on_ana(None, "DELETE", {"Authorization": "Bearer nonsense"}),
    "nothing of the kind": on_ana({"Operations": [BROKEN]}),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_was_not_read_names_nobody(world: World, name: str):
    assert UNKNOWN[name](world).status_code in (400, 401, 413)
    assert world.standing() == []


def test_who_is_disabled_already_is_not_named(world: World):
    world.patch(f"/Users/{world.ana}", OFF)
    world.patch(f"/Users/{world.ana}", BROKEN, OFF, status=400)
    assert world.standing() == []


def test_a_client_that_wants_the_user_active_is_believed(world: World):
    world.patch(f"/Users/{world.ana}", BROKEN, OFF, status=400)
    world.patch(f"/Users/{world.ana}", {"op": "Replace", "path": "active", "value": "True"})
    assert world.standing() == []


def leaving(world: World, *ids: str) -> dict[str, Any]:
    return {"op": "Remove", "path": "members", "value": [{"value": id} for id in ids]}


LEAVING: dict[str, Callable[[World], TestResponse]] = {
    "named": lambda world: world.scim(
        "PATCH", f"/Groups/{world.admins}", {"Operations": [BROKEN, leaving(world, world.ana)]}
    ),
    "not among those who stay": lambda world: world.scim(
        "PUT", f"/Groups/{world.admins}", {"displayName": {"a": 1}, "members": [{"value": world.eva}]}
    ),
    "in a bulk request": lambda world: world.bulk(
        {
            "method": "PATCH",
            "path": f"/Groups/{world.admins}",
            "data": {"Operations": [BROKEN, leaving(world, world.ana)]},
        }
    ),
}


@pytest.mark.parametrize("name", LEAVING)
def test_who_should_leave_a_group_that_gives_a_role_is_named(world: World, name: str):
    assert LEAVING[name](world).status_code in (200, 400)
    assert world.standing() == [("leave", "Ana Ruiz", "Admins")]
    world.scim("PATCH", f"/Groups/{world.admins}", {"Operations": [leaving(world, world.eva)]})
    assert world.standing() == [("leave", "Ana Ruiz", "Admins")], "somebody else left"
    problem_id = refused_removals.standing().users[0].problem_id
    world.scim("PATCH", f"/Groups/{world.admins}", {"Operations": [leaving(world, world.ana)]})
    assert world.standing() == []
    problem = problem_list.find(problem_id)
    assert problem is not None and problem.closed and not refused_removals.is_due(world.ana, world.admins)


def test_everybody_who_should_leave_a_deleted_group_is_named_and_others_never(world: World):
    other = world.made(GROUP, displayName="Others", members=[{"value": world.ana}])
    assert world.scim("DELETE", f"/Groups/{other}", headers=STALE).status_code == 412
    assert world.standing() == [], "that group gives no role"
    assert world.scim("DELETE", f"/Groups/{world.admins}", headers=STALE).status_code == 412
    assert {name for _, name, _ in world.standing()} == {"Ana Ruiz", "Eva Holm"}
    world.patch(f"/Users/{world.eva}", OFF)
    assert [name for _, name, _ in world.standing()] == ["Ana Ruiz"], "who is disabled has no role"
    role_mapping.save([], role_mapping.preview([]).fingerprint, HOST)
    assert world.standing() == [], "the group gives no role any more"


def test_names_come_first_and_an_owner_disables_here(world: World, owner: Window):
    world.scim("GET", f"/Users/{NOBODY}")
    world.patch(f"/Users/{world.ana}", BROKEN, OFF, status=400)
    world.standing()
    problem = f"/problems/{refused_removals.standing().users[0].problem_id}"
    for page in (owner.get("/"), owner.get("/problems"), owner.get(problem)):
        text = words(page)
        assert text.count("Ana Ruiz should be disabled but is still active.") == 1
        assert "1 user should be disabled but is still active" in text and "Disable here now" in text
        assert f'href="/sub/users/{world.ana}"' in page
        first = page.index("should be disabled but")
        assert all(first < page.index(later) for later in ('class="problems"', 'id="cards-title"') if later in page)
    question = f"/problems/remove-access?user_id={world.ana}"
    assert question in owner.get("/problems")
    asked = words(owner.get(question))
    assert "Disable Ana Ruiz ?" in asked and "If Entra later sends that the user is active" in asked
    assert world.standing(), "nothing has changed yet"
    assert "Ana Ruiz is disabled." in owner.remove_access(world.ana)
    assert "Nothing was changed here" in words(owner.get(question, follow=True))
    assert world.scim("GET", f"/Users/{world.ana}").get_json(force=True)["active"] is False
    assert world.standing() == []
    assert "still active" not in words(owner.get("/")) + words(owner.get("/problems"))
    closed = words(owner.get(problem))
    assert "the access was removed" in closed
    user = words(owner.get(f"/users/{world.ana}"))
    assert "Disabled in the console by operator olga" in user
    history = words(owner.get(f"/users/{world.ana}?tab=history"))
    assert "operator olga" in history and "false" in history
    assert "disabled in the console the user" in words(owner.get("/audit"))
    world.patch(f"/Users/{world.ana}", {"op": "Replace", "path": "active", "value": "True"})
    assert world.scim("GET", f"/Users/{world.ana}").get_json(force=True)["active"] is True, "Entra enables as before"
    assert world.standing() == []


def test_the_worst_comes_first_everywhere(world: World, owner: Window):
    problem_list.set_ignored(ProblemFilter(), is_ignored=True)  # those of other tests
    for count, (act, expected) in enumerate(
        (
            (lambda: world.patch(f"/Users/{world.eva}", BROKEN, status=400), Severity.PARTLY_SYNCED),
            (lambda: world.scim("POST", "/Users", {"userName": "ana", "externalId": "3"}), Severity.NOT_SYNCED),
            (lambda: world.scim("GET", "/Nothing"), Severity.SYNC_STOPPED),
            (lambda: world.patch(f"/Users/{world.ana}", BROKEN, OFF, status=400), Severity.STILL_ACTIVE),
        ),
        start=1,
    ):
        act()
        world.standing()
        by_severity, _ = problem_list.count_open()
        assert by_severity[expected] == 1
        page = owner.get("/problems")
        assert f'class="number{" urgent" if expected.is_urgent else ""}">{by_severity.total()}<' in page
        export = problem_list.every(ProblemFilter())
        assert export[0].severity is expected
        assert len(export) == by_severity.total() == count
    labels = re.findall(r'<td role="cell"><b>([^<]+)</b></td>', page)
    assert labels == ["Still active", "Sync stopped", "Not synced"], "a cause is as severe as its worst problem"
    # Only the cause that the URL names is expanded, else the first one.
    ids = re.findall(r'<tbody role="rowgroup" id="p(\d+)"', page)
    for chosen, address in ((ids[0], "/problems"), (ids[2], f"/problems?open={ids[2]}"), (ids[0], "/problems?open=x")):
        assert re.findall(r'<details id="details-(\d+)" open>', owner.get(address)) == [chosen]
    world.patch(f"/Users/{world.ana}", OFF)
    world.standing()
    assert Severity.STILL_ACTIVE not in problem_list.count_open()[0]


def test_an_owner_removes_from_a_group_here_and_the_role_ends_with_it(world: World, owner: Window):
    world.patch(f"/Groups/{world.admins}", BROKEN, leaving(world, world.ana), status=400)
    world.standing()
    page = words(owner.get("/"))
    assert "1 user still has access that should be removed" in page and "Remove from group here now" in page
    question = owner.get(f"/problems/remove-access?user_id={world.ana}&group_id={world.admins}")
    assert "Remove Ana Ruiz from the group Admins ?" in words(question)
    assert "Ana Ruiz should not be in the group Admins but still is." in page
    assert "Ana Ruiz is removed from the group." in owner.remove_access(world.ana, world.admins)
    assert granted_roles.grant_of(world.ana) is None and granted_roles.grant_of(world.eva) is not None
    with directory_database.reading() as connection:
        asked = "SELECT actor, action FROM audit ORDER BY id DESC LIMIT 2"
        found = {tuple(row) for row in connection.exec_driver_sql(asked)}
    assert found == {("operator olga", "role-lost"), ("operator olga", "member-removed")}
    assert "lost the role viewer by a change in this console" in words(owner.get("/"))
    assert world.standing() == []


def test_it_is_over_when_the_user_leaves_all_groups_here(world: World, owner: Window):
    world.patch(f"/Users/{world.ana}", OFF)
    another = [
        {"op": "Replace", "path": path, "value": value} for path, value in (("externalId", "9"), ("active", True))
    ]
    world.patch(f"/Users/{world.ana}", *another)
    world.patch(f"/Groups/{world.admins}", BROKEN, leaving(world, world.ana), status=400)
    assert world.standing() == [("leave", "Ana Ruiz", "Admins")]
    answer = owner.post(f"/users/{world.ana}/leave-groups")
    assert answer.status_code == 303, answer.text
    assert not refused_removals.is_due(world.ana, world.admins)


def test_nothing_but_what_was_refused_can_be_taken_away_here(world: World, owner: Window):
    nothing = "Nothing was changed here"
    assert nothing in owner.remove_access(world.ana)
    world.patch(f"/Users/{world.ana}", BROKEN, OFF, status=400)
    world.standing()
    for user_id, group_id in ((world.eva, ""), (world.ana, world.admins), ("nonsense", ""), ("", "")):
        assert nothing in owner.remove_access(user_id, group_id)
    assert world.scim("DELETE", f"/Users/{world.ana}").status_code == 204
    assert nothing in owner.remove_access(world.ana)
    assert world.scim("GET", f"/Users/{world.eva}").get_json(force=True).get("active", True) is True


def test_a_user_who_lost_the_access_in_between_is_left_alone(world: World, owner: Window):
    world.patch(f"/Users/{world.ana}", BROKEN, OFF, status=400)
    world.standing()
    with mock.patch.object(refused_removals, "settle"):  # the log has not heard of it yet
        world.patch(f"/Users/{world.ana}", OFF)
        with mock.patch.object(refused_removals, "is_due", return_value=True):
            assert "Nothing was changed here" in owner.remove_access(world.ana)
    with directory_database.reading() as connection:
        asked = "SELECT count(*) FROM audit WHERE action = 'user-disabled' AND detail LIKE ?"
        assert connection.exec_driver_sql(asked, (f"%{world.ana}%",)).scalar_one() == 0


def test_others_see_the_names_without_the_button(world: World):
    world.patch(f"/Users/{world.ana}", BROKEN, OFF, status=400)
    world.standing()
    mia = Window(world, "mia", Role.OPERATOR)
    page = words(mia.get("/"))
    assert "Ana Ruiz should be disabled" in page and "Disable here now" not in page
    assert "An owner can remove the access here." in page
    assert "Not permitted" in mia.remove_access(world.ana)
    assert world.standing() == [("disable", "Ana Ruiz", "")]


def test_an_ignored_problem_names_nobody(world: World, owner: Window):
    world.patch(f"/Users/{world.ana}", BROKEN, OFF, status=400)
    world.standing()
    ignored_problems.ignore_problems(ProblemFilter(), HOST)
    assert world.standing() == []
    assert "still active" not in words(owner.get("/"))


def test_one_user_is_named_once_by_the_newest_refusal(world: World):
    world.patch(f"/Users/{world.ana}", BROKEN, OFF, status=400)
    assert world.scim("DELETE", f"/Users/{world.ana}", headers=STALE).status_code == 412
    assert world.standing() == [("delete", "Ana Ruiz", "")]


def test_only_some_are_shown_and_the_rest_is_counted(world: World):
    assert world.scim("DELETE", f"/Users/{world.ana}", headers=STALE).status_code == 412
    assert world.scim("DELETE", f"/Users/{world.eva}", headers=STALE).status_code == 412
    assert len(world.standing()) == 2
    found = refused_removals.standing(limit=1)
    assert ([one.user_name for one in found.users], found.total) == (["Eva Holm"], 2)


def test_while_nobody_can_be_looked_up_users_are_noted_by_what_was_asked(world: World):
    with mock.patch("app.store.access.sign_in_users.with_access", side_effect=unavailable("The database is away")):
        world.patch(f"/Users/{world.ana}", BROKEN, OFF, status=400)
        assert middleware.of(world.app).recorder.settle(30)
        with pytest.raises(ScimError):
            refused_removals.standing()
    assert world.standing() == [("disable", "Ana Ruiz", "")]
