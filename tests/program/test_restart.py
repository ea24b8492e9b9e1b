"""What Entra has cached still holds after a restart: ids, entity tags, memberships and the key."""

import pytest


@pytest.mark.executable
def test_a_restart_changes_nothing_for_entra(appliance):
    made = appliance.request("POST", "/scim/Users", {"userName": "ada@example.com", "active": True}).json
    appliance.request(
        "PATCH", f"/scim/Users/{made['id']}", {"Operations": [{"op": "Add", "path": "title", "value": "T"}]}
    )
    group = appliance.request(
        "POST", "/scim/Groups", {"displayName": "Editors", "members": [{"value": made["id"]}]}
    ).json
    paths = [f"/scim/Users/{made['id']}", f"/scim/Groups/{group['id']}", "/scim/Users?filter=title%20eq%20%22T%22"]
    before = [appliance.request("GET", path) for path in paths]

    assert appliance.stop() == 0, appliance.output
    appliance.start()

    after = [appliance.request("GET", path) for path in paths]
    assert [answer.json for answer in after] == [answer.json for answer in before]
    assert [answer.headers.get("etag") for answer in after] == [answer.headers.get("etag") for answer in before]
    assert before[0].json["meta"]["version"] == before[0].headers["etag"] != made["meta"]["version"]
    assert after[2].json["totalResults"] == 1


def test_a_stopped_key_stays_stopped(appliance):
    listed = appliance.command("key", "list").stdout
    identifier = listed.splitlines()[1].split()[0]
    assert appliance.request("GET", "/scim/Users").status == 200, "the running server knows it"
    stopped = appliance.command("key", "stop", identifier)
    assert stopped.returncode == 0, stopped.stderr
    assert appliance.request("GET", "/scim/Users").status == 401
    assert appliance.stop() == 0
    appliance.start()
    assert appliance.request("GET", "/scim/Users").status == 401
    appliance.make_key()
    assert appliance.request("GET", "/scim/Users").status == 200
