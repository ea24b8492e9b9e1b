"""Settings of the console from the real program: the page, what it saves, and how a start and the commands use it."""

import html
import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.conftest import Appliance, wait_until
from tests.web.visitor import Visitor, set_up


def origins(appliance: Appliance) -> dict[str, tuple[str, str]]:
    """Value and origin of each setting, as `config` prints them."""
    rows = json.loads(appliance.command("config", "--json").stdout)
    return {row["setting"]: (row["value"], row["origin"]) for row in rows}


def due(page: str) -> str:
    found = re.search(r"Restart the server\.</b>.*?: (.*?)\.</p>", page)
    return html.unescape(found[1]) if found else ""


@pytest.mark.executable
def test_settings_from_the_page_to_the_next_start(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance(environment={"RECNICE_GUARD_PEOPLE": "7"})
    appliance.data.mkdir()
    file = appliance.data / "recnice.toml"
    file.write_text("history_days = 90\n", encoding="utf-8")
    appliance.start()
    eva = set_up(appliance)
    page = eva.get("/settings").text
    assert re.search(r'<input id="guard_people" value="7"[^>]* readonly>', page)
    assert re.search(r'<input id="history_days" value="90"[^>]* readonly>', page)
    assert "RECNICE_GUARD_PEOPLE" in page and not due(page)

    # A value that is not valid: nothing is saved, and what was typed remains.
    wrong = eva.post("/settings", request_days="many", backup_at="04:15")
    assert wrong.status == 400 and "Expected a number from 0 to" in wrong.text
    assert re.search(r'<input id="request_days" value="many"[^>]* aria-invalid="true"', wrong.text)
    assert re.search(r'<input id="backup_at" value="04:15"', wrong.text)
    assert origins(appliance)["backup_at"] == ("02:30", "default")

    # One takes effect at once, the other after a restart; a locked one and one that is no console setting never do.
    entered = {"backup_at": "04:15", "time_zone": "UTC", "request_days": "5", "guard_people": "1", "listen": ":1"}
    assert eva.post("/settings", **entered).location == "/settings"
    page = eva.get("/settings").text
    assert "Saved 3 settings." in page and due(page) == "Days of the request log"
    assert "04:15" in eva.get("/backups").text
    assert (found := origins(appliance))["backup_at"] == ("04:15", "console")
    assert found["request_days"] == ("5", "console") and found["guard_people"] == ("7", "environment")
    audit = eva.get("/audit").text
    assert "changed the setting" in audit and "request_days" in audit and "02:30" in audit and "listen" not in audit

    # The file counts before the console, also when it is changed beside the server.
    file.write_text("history_days = 90\nbackup_at = 05:45:00\nthreads = 5\n", encoding="utf-8")
    assert due(eva.get("/settings").text) == "threads, Days of the request log, Time of the nightly backup"
    file.write_text("history_days = many\n", encoding="utf-8")
    assert "The next start would fail." in (broken := eva.get("/settings").text) and "recnice.toml" in broken
    assert eva.post("/settings", log_level="error").status == 400
    file.write_text("", encoding="utf-8")
    appliance.stop()
    appliance.start()
    assert not due(eva.get("/settings").text)
    check = appliance.command("check")
    assert check.returncode == 0 and "setting request_days: 5 (console)\n" in check.stdout


def test_an_address_that_keeps_everybody_out_has_a_way_back(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance().start()
    eva = set_up(appliance)
    named = {"Host": "scim.example.org"}
    assert eva.get("/login", named).status == 400 and eva.get("/settings").status == 200
    typed = {"public_url": "https://SCIM.example.org/", "log_level": "warning"}
    question = eva.post("/settings", **typed)
    assert question.status == 200 and "recnice-scim config unset NAME" in question.text
    assert "https://scim.example.org/scim/" in question.text and origins(appliance)["public_url"][1] != "console"
    assert eva.post("/settings", **typed, confirmed="yes").location == "/settings"
    assert origins(appliance)["public_url"] == ("https://scim.example.org", "console")
    appliance.stop()
    starts = appliance.log.read_text().count("serving at")
    appliance.start()
    assert starts == 1 == appliance.log.read_text().count("serving at"), "an event below the level of the console"
    assert "Tenant URL:  https://scim.example.org/scim/" in appliance.output
    answer = Visitor(appliance.url).get("/login", named)
    assert answer.status == 200 and all("; Secure" in line for line in answer.cookies.values()) and answer.cookies
    # What the next version or a hand made of the row stops no start.
    assert appliance.command("config", "unset", "public_url").returncode == 0
    assert appliance.command("config", "unset", "public_url").returncode == 1
    assert origins(appliance)["public_url"][1] == "default"
    appliance.stop()
    with closing(sqlite3.connect(appliance.data / "recnice.sqlite3")) as connection, connection:
        connection.execute("UPDATE setting SET value = 'loud' WHERE name = 'log_level'")
    appliance.start()
    wait_until(lambda: "log_level: the value of the console is ignored" in appliance.log.read_text(), "the warning")
    assert eva.get("/login").status == 200
    assert "public_url: expected a setting" in appliance.command("config", "unset", "public_url").stderr
