"""A user that may be another person than before: what the pages say, and what an owner can do there."""

import html
import json
import re

import pytest
from flask.testing import FlaskClient

from app.console_roles import Role
from app.provisioning import resource_operations, resource_queries
from app.provisioning.resource_queries import Resource
from app.scim.protocol_messages import Operation
from app.scim.resource_types import GROUP, USER, ResourceType
from tests.administration.test_granted_roles import CLIENT, faults
from tests.web.test_access import signed_in
from tests.web.test_audit_of_every_action import BASE, World, renewed, save_roles, world

__all__ = ["world"]

HOSTILE = "<script>alert('x')</script>"


def words(client: FlaskClient, path: str) -> str:
    """The page's text inside main."""
    page = client.get("/sub" + path, base_url=BASE)
    assert page.status_code == 200, page.text
    assert HOSTILE not in page.text
    main = page.text.partition("<main")[2].partition("</main>")[0]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))


def join(world: World, user_id: str, *names: str) -> list[str]:
    """The ids of new groups that the user is in."""
    bodies = [{"displayName": name, "members": [{"value": user_id}]} for name in names]
    return [world.ask(lambda body=body: resource_operations.create(GROUP, body, CLIENT).record.id) for body in bodies]


def held(world: World, resource_type: ResourceType, resource_id: str) -> Resource:
    found: Resource = world.ask(lambda: resource_queries.get(resource_type, resource_id))
    return found


@pytest.fixture
def ana(world: World) -> str:
    """A user with a hostile name that was disabled and got another externalId; the app role would give a role."""
    assert save_roles(world).status_code == 303
    return renewed(world, displayName=HOSTILE)


def test_the_pages_say_what_the_record_kept(world: World, ana: str):
    join(world, ana, "Legal", HOSTILE)
    said = words(world.eva, "/")
    assert "1 user may be another person than before. The user name was probably given to" in said
    assert f"{HOSTILE} , role viewer withheld, since 20" in said and "All well" not in said
    said = words(world.eva, f"/users/{ana}")
    assert "This user may be another person than before" in said
    assert "from former-id to new-id . The user name was probably given" in said
    assert "2 groups: " in said and f"{HOSTILE}" in said and "Legal" in said
    assert "1 app role: Recnice.Viewer" in said
    assert 'The role viewer in this console by app role "Recnice.Viewer" , withheld until an owner confirms' in said


def test_it_is_over_when_an_owner_confirms_the_user(world: World, ana: str):
    answer = world.post(f"/users/{ana}/confirm", external_id="new-id")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/sub/users/{ana}")
    said = words(world.eva, f"/users/{ana}")
    assert "may be another person" not in said + words(world.eva, "/")
    assert 'Role in this console viewer by app role "Recnice.Viewer"' in said
    assert f"confirmed the user {HOSTILE}" in words(world.eva, "/audit?view=acts")
    again = world.post(f"/users/{ana}/confirm", external_id="new-id")
    assert again.status_code == 409 and "Nothing was changed" in again.text


def test_who_is_no_owner_sees_no_button(world: World, ana: str):
    said = words(signed_in(world.app, Role.OPERATOR, is_local=True), f"/users/{ana}")
    assert "An owner can confirm this user, or remove it from all groups, here." in said
    assert "Confirm user" not in said and "Leave all groups" not in said


def test_an_owner_removes_the_user_from_all_groups(world: World, ana: str):
    """Not the other members, and not in what the user itself is."""
    ben = world.ask(lambda: resource_operations.create(USER, {"userName": "ben"}, CLIENT).record.id)
    legal, sales = join(world, ana, "Legal", "Sales")
    world.ask(lambda: resource_operations.change(GROUP, legal, [Operation("add", "members", [{"value": ben}])], CLIENT))
    user, groups = held(world, USER, ana), [held(world, GROUP, one) for one in (legal, sales)]
    answer = world.post(f"/users/{ana}/leave-groups")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/sub/users/{ana}")
    after = [held(world, GROUP, one) for one in (legal, sales)]
    members = [json.loads(f"[{','.join(resource.memberships['members'])}]") for resource in after]
    assert [[one["value"] for one in values] for values in members] == [[ben], []]
    assert [new.record.version - old.record.version for old, new in zip(groups, after, strict=True)] == [1, 1]
    assert held(world, USER, ana).record == user.record
    said = words(world.eva, f"/users/{ana}")
    assert "No group" in said and "Confirm user" in said and "Leave all groups" not in said
    for path in (f"/users/{ana}?tab=groups", f"/groups/{legal}?tab=history"):
        assert "operator eva" in words(world.eva, path) and 'number="' not in world.eva.get("/sub" + path).text
    assert f"removed from all groups the user {HOSTILE}" in words(world.eva, "/audit?view=acts")
    assert world.ask(faults) == []


def test_a_confirmed_user_leaves_no_group(world: World, ana: str):
    (legal,) = join(world, ana, "Legal")
    assert world.post(f"/users/{ana}/confirm", external_id="new-id").status_code == 303
    answer = world.post(f"/users/{ana}/leave-groups")
    assert answer.status_code == 409 and "already confirmed" in answer.text
    assert held(world, GROUP, legal).memberships["members"]
