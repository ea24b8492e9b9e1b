"""Pages that fetch themselves anew: such a request shows the page, and is no use of the session."""

import sqlite3
from contextlib import closing
from datetime import timedelta

from app import bounds, bundled_files, clock
from app.web.security.request_authentication import LIVE_HEADER
from tests.conftest import Appliance
from tests.web.visitor import set_up


def last_seen(appliance: Appliance) -> str:
    with closing(sqlite3.connect(appliance.data / "recnice.sqlite3", timeout=10)) as connection:
        [[moment]] = connection.execute("SELECT last_seen FROM session").fetchall()
    return str(moment)


def set_last_seen(appliance: Appliance, ago_s: float) -> str:
    moment = clock.to_wire(clock.utc_now() - timedelta(seconds=ago_s))
    with closing(sqlite3.connect(appliance.data / "recnice.sqlite3", timeout=10)) as connection, connection:
        connection.execute("UPDATE session SET last_seen = ?", [moment])
    return moment


def test_a_window_that_is_left_open_does_not_stay_signed_in(new_appliance):
    fresh = new_appliance().start()
    visitor = set_up(fresh)
    live = {LIVE_HEADER: "1"}
    idle_since = set_last_seen(fresh, bounds.SESSION_IDLE_S / 2)
    assert [visitor.get("/account", live).status for _ in range(3)] == [200, 200, 200]
    assert last_seen(fresh) == idle_since
    assert visitor.get("/account").status == 200
    assert last_seen(fresh) > idle_since
    set_last_seen(fresh, bounds.SESSION_IDLE_S + 1)
    over = visitor.get("/account", live)
    assert (over.status, over.location) == (303, "/login?next=/account")
    assert visitor.get("/account").status == 303


def test_the_header_opens_nothing(new_appliance):
    fresh = new_appliance().start()
    visitor = set_up(fresh)
    visitor.cookies.clear()
    assert visitor.get("/account", {LIVE_HEADER: "1"}).status == 303
    assert fresh.request("GET", "/scim/Users", headers={LIVE_HEADER: "1"}).status == 401


def test_the_script_sends_the_header_that_the_server_knows():
    assert f'"{LIVE_HEADER}"' in (bundled_files.STATIC / "console.js").read_text(encoding="utf-8")
