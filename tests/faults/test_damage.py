"""Damage that is met while the server runs: no change by SCIM is acknowledged, and Status says what to do.

A user is disabled all the same.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing

from tests.conftest import Answer, Appliance, with_values
from tests.web.visitor import Visitor, set_up


def put_inactive(appliance: Appliance) -> Callable[[str], Answer]:
    return lambda path: appliance.request("PUT", path, {"userName": path, "active": False, "title": "x"})


def test_damage_stops_changes_by_scim_and_status_says_so(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance(program=with_values(bounds__QUICK_CHECK_BYTES=0, bounds__WRITE_PROBE_S=0)).start()
    set_up(appliance)
    appliance.make_key()
    users = [appliance.request("POST", "/scim/Users", {"userName": f"user-{n}", "active": True}).json for n in range(3)]
    group = appliance.request("POST", "/scim/Groups", {"displayName": "Sales", "members": [{"value": users[0]["id"]}]})
    assert group.status == 201 and appliance.stop() == 0
    database = appliance.data / "recnice.sqlite3"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'membership'").fetchone()
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    with database.open("r+b") as file:
        file.seek((page - 1) * page_bytes)
        file.write(b"\xff" * page_bytes)
    appliance.start()
    active = {"Operations": [{"op": "Replace", "path": "title", "value": "x"}]}
    patched = f"/scim/Users/{users[1]['id']}"
    assert appliance.request("GET", patched).status in (200, 503)
    members = appliance.request("GET", f"/scim/Groups/{group.json['id']}")
    assert members.status == 503 and "damaged" in members.text
    refused = appliance.request("POST", "/scim/Users", {"userName": "after"})
    assert refused.status == 503 and "damaged" in refused.text and refused.headers["retry-after"] == "5"
    assert appliance.request("PATCH", patched, active).status == 503
    disable = {"Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
    for disabling in (lambda path: appliance.request("PATCH", path, disable), put_inactive(appliance)):
        user = users.pop()
        assert disabling(f"/scim/Users/{user['id']}").status == 503
        assert appliance.request("GET", f"/scim/Users/{user['id']}").json["active"] is False
    assert appliance.request("GET", "/scim/Users?count=0").status == 200
    assert appliance.request("GET", "/readyz").text.endswith("the database is damaged\n")
    visitor = Visitor(appliance.url)
    assert visitor.sign_in().status == 303
    assert "The database is damaged," in visitor.get("/").text
