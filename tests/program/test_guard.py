"""The real program counts removals, also over a kill, and its settings say what is unusual."""

from collections.abc import Callable

from tests.conftest import Appliance
from tests.web.test_console import words
from tests.web.visitor import Visitor, set_up

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
DISABLE = {"schemas": [PATCH], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]}


def test_an_alarm_counts_on_after_a_kill(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance(flags=("--guard-people", "3", "--guard-learning-days", "0")).start()
    set_up(appliance)
    appliance.make_key()
    ids = [appliance.request("POST", "/scim/Users", {"userName": f"u{number}"}).json["id"] for number in range(5)]

    def disable(id: str) -> None:
        assert appliance.request("PATCH", f"/scim/Users/{id}", DISABLE).status == 200
        assert appliance.request("GET", f"/scim/Users/{id}").json["active"] is False

    visitor = Visitor(appliance.url)
    assert visitor.sign_in().status == 303
    for id in ids[:3]:
        disable(id)
    assert "Users disabled or deleted in 24 hours 3; an alarm above 3" in words(visitor.get("/guard").text)
    appliance.kill()
    appliance.start()
    disable(ids[3])
    assert "Alarm: unusually much was removed. 4 users disabled or deleted" in words(visitor.get("/").text)
    disable(ids[4])
    assert "Users disabled or deleted 5; up to 3 are usual" in words(visitor.get("/guard/1").text)
    assert appliance.stop() == 0
    assert "the guard raised an alarm" in appliance.output and "u3" not in appliance.output
