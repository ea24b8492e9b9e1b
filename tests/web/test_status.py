"""The Status page: its sentence, the sync health, the cards, and the checklist that real requests tick."""

import html
import json
import re
from collections.abc import Callable

import pytest

from app.administration.audit import HOST
from app.administration.credentials import scim_keys
from app.simulation import simulation_header
from app.store.database import directory_database
from app.web.console.shared.formats import browser, in_bytes, lasting
from tests.conftest import Appliance, run, wait_until
from tests.web.request_log_rows import forget, past, start_unknocked, write
from tests.web.test_audit_of_every_action import BASE, World, world
from tests.web.test_console import GROUP, USER, provision_group, provision_user, words
from tests.web.visitor import Visitor, set_up

__all__ = ["world"]

NOT_YET, DONE = ": not yet", ": done"
SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEEN_WITHIN_S = 2.0


@pytest.fixture
def fresh(new_appliance: Callable[..., Appliance]) -> Appliance:
    """Running, nothing set up yet, and nobody has knocked."""
    return start_unknocked(new_appliance())


@pytest.fixture(scope="module")
def operator(console: Appliance) -> Visitor:
    """The operator of the appliance that all tests of this file share."""
    visitor = Visitor(console.url)
    assert visitor.sign_in().status == 303
    return visitor


@pytest.fixture
def visitor(console: Appliance, operator: Visitor) -> Visitor:
    """The same, and nobody has knocked."""
    assert operator.get("/").status == 200, "all that was noted is written"
    forget(console)
    return operator


def status_of(visitor: Visitor) -> str:
    page = visitor.get("/")
    assert page.status == 200
    return words(page.text)


def ticked(visitor: Visitor) -> list[str]:
    """The titles of the lines that are ticked."""
    return re.findall(r"<b>([^<]+)</b><span class=\"unseen\">: done", visitor.get("/").text)


# --- the sentence -----------------------------------------------------------------------------------------------------


def test_before_anything_came_it_says_what_to_do(fresh):
    visitor = set_up(fresh)
    assert "No request from Entra was received yet. Create a key on the Account page" in status_of(visitor)
    fresh.make_key()
    assert "Paste the key and the" in status_of(visitor)
    assert "No open problems. 0 closed, 0 ignored" in status_of(visitor)


def test_all_is_well_once_there_are_users_with_the_counts_and_the_last_change(fresh):
    visitor = set_up(fresh)
    fresh.make_key()
    assert fresh.request("GET", "/scim/Users").status == 200
    assert "Entra syncs, but there are no users here. Assign users under Users and groups" in status_of(visitor)
    assert 'class="notice hero well"' not in visitor.get("/").text
    made = provision_user(fresh, userName="ana@recnice.example", displayName="Ana Ruiz", active=True)
    provision_user(fresh, userName="b@recnice.example", active=False)
    provision_group(fresh, "Legal", [])
    body = {"schemas": [SCHEMA], "Operations": [{"op": "Replace", "path": "title", "value": "Judge"}]}
    assert fresh.request("PATCH", f"/scim/Users/{made}", body).status == 200
    shown = status_of(visitor)
    assert "All well Entra syncs as usual. Nothing to do. The next sync is expected by 20" in shown
    assert "Last request from Entra less than a minute ago from 127.0.0.1" in shown and "To do" not in shown
    assert "Users 2 1 active Groups 1 " in shown and "Last change: Ana Ruiz , title, 20" in shown
    assert "created less than a minute ago, last used less than a minute ago" in shown


def test_without_an_active_key_it_says_that_entra_is_refused(fresh):
    visitor = set_up(fresh)
    fresh.make_key()
    assert fresh.request("GET", "/scim/Users").status == 200
    [key_id] = re.findall(r"\b[0-9a-f]{8}\b", fresh.command("key", "list").stdout)
    assert fresh.command("key", "stop", key_id).returncode == 0
    assert "No SCIM Key is active, so every request from Entra is refused." in status_of(visitor)
    assert "All well" not in status_of(visitor)


@pytest.mark.parametrize(("minutes", "said"), [(30, "Entra syncs"), (100, "Overdue."), (300, "No contact.")])
def test_silence_is_named_and_is_no_fault(console, visitor, minutes, said):
    write(console, [past(minutes + 40 * number) for number in reversed(range(12))])
    shown = status_of(visitor)
    assert said in shown
    assert ("This can be normal: Entra syncs about every 40 minutes" in shown) == (said != "Entra syncs")


def test_the_cadence_of_quarantine_is_recognised_after_refusals(console, visitor):
    write(console, [past(hour * 60, status=409) for hour in (45, 44, 43, 37, 25, 1)])
    assert "Probably in quarantine." in status_of(visitor)


def test_open_problems_are_part_of_the_sentence(console, visitor):
    write(console, [past(5, status=400, scim_type="invalidFilter", objects=("User userName x",))])
    assert "Entra syncs, but 1 problem is open." in status_of(visitor)
    assert "All well" not in status_of(visitor)


def test_a_proxy_that_nobody_trusts_is_named(console, visitor):
    assert "trusted_proxy" not in visitor.get("/").text
    assert 'trusted_proxy = ["127.0.0.1"]' in visitor.get("/", {"X-Forwarded-For": "192.0.2.1"}).text


# --- the sync health ------------------------------------------------------------------------------------------------


def test_the_chart_has_a_bar_for_each_day_and_the_table_the_same_figures(console, visitor):
    assert 'class="day-chart' not in visitor.get("/").text
    write(console, [past(40), past(80, action="create")])
    few = visitor.get("/").text
    assert "The chart begins when Entra has synced on three days." in words(few) and 'class="day-chart' not in few
    days, hours = 24 * 60, 60
    recent = [past(40 * number) for number in reversed(range(1, 40))]
    # Three days ago there was a pause of ten hours, four days ago a refusal.
    before = [past(4 * days + 2 * hours, status=409, scim_type="uniqueness"), past(4 * days), past(3 * days)]
    write(console, [*before, past(3 * days - 10 * hours), *recent])
    page = visitor.get("/").text
    wide, phone = re.findall(r'<svg class="day-chart (?:wide|phone)".*?</svg>', page, re.DOTALL)
    for chart, count in ((wide, 30), (phone, 14)):
        assert 'role="img"' in chart and "style=" not in chart and chart.count("<title>") == count
        label = html.unescape(re.findall(r'aria-label="([^"]+)"', chart)[0])
        assert re.fullmatch(
            rf"The last {count} days: \d+ syncs, 1 change, most on .* \(1\), 1 refused request\.", label
        )
    assert wide.count('class="created"') == wide.count('class="refused"') == 1
    [table] = re.findall(r'aria-label="Days">.*?</table>', page, re.DOTALL)
    assert table.count("<tr>") == 31 and table.count("no sync") > 20
    assert "longest pause" in table and 'class="pauses"' in wide


# --- the checklist ----------------------------------------------------------------------------------------------------


def test_every_line_is_ticked_by_a_real_request(fresh):
    visitor = set_up(fresh)
    assert ticked(visitor) == []
    assert 'data-live="1"' in visitor.get("/").text
    fresh.make_key()
    person = {"schemas": [USER], "userName": "a@recnice.example", "active": True}
    group = {"schemas": [GROUP], "displayName": "Legal"}
    steps = [
        ("A request was received at the SCIM URL", "GET", "/scim/Users", None, {"Authorization": None}),
        ("The SCIM Key was accepted", "GET", "/scim/Users", None, {}),
        ("Entra read the schemas", "GET", "/scim/Schemas", None, {}),
        ("Entra looked for a user", "GET", "/scim/Users?filter=userName+eq+%22a@x.example%22", None, {}),
        ("The first user was created", "POST", "/scim/Users", person, {}),
        ("The first group was created", "POST", "/scim/Groups", group, {}),
    ]
    done: list[str] = []
    for title, method, path, body, headers in steps:
        answer = fresh.request(method, path, body, headers)
        if path == "/scim/Users" and method == "POST":
            made = answer.json["id"]
        done.append(title)
        assert wait_until(lambda: ticked(visitor) == done, title, SEEN_WITHIN_S)
    disable = {"schemas": [SCHEMA], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
    assert fresh.request("PATCH", f"/scim/Users/{made}", disable).status == 200
    assert wait_until(lambda: ticked(visitor) == [*done, "The first user was disabled"], "disabled", SEEN_WITHIN_S)


def told(visitor: Visitor) -> list[str]:
    """Status without the size of the disk, and what other pages count and list."""
    page = re.sub(r'<section aria-labelledby="card-disk">.*?</section>', "", visitor.get("/").text, flags=re.S)
    lists = ("/problems", "/attributes", "/users", "/activity?view=requests", "/activity?view=requests&cycle=0")
    return [words(page), *(visitor.get(f"{path}{'&' if '?' in path else '?'}format=json").text for path in lists)]


def test_a_simulation_leaves_everything_as_it_was(new_appliance, program):
    fresh = start_unknocked(new_appliance())
    visitor = set_up(fresh)
    key = fresh.make_key()
    provision_user(fresh, userName="ana@recnice.example")
    provision_group(fresh, "Editors", [])
    assert fresh.request("POST", "/scim/Users", {"schemas": [USER], "userName": "Ana@recnice.example"}).status == 409
    before = told(visitor)
    assert "1 problem is open" in before[0] and len(ticked(visitor)) == 4
    size = ("--people", "2", "--groups", "1", "--dialect", "default", "--seed", "7")
    played = run(program, "simulate", *size, "--base", f"{fresh.url}/scim/", "--key", "-", typed=key + "\n")
    assert played.returncode == 0, played.stdout + played.stderr
    assert told(visitor) == before
    assert len(json.loads(visitor.get("/activity?simulated=only&format=json").text)) > 100


def test_after_nothing_but_a_simulation_entra_has_not_knocked_yet(console, visitor):
    before = told(visitor)
    assert (
        console.request("GET", "/scim/Schemas", headers={simulation_header.HEADER: simulation_header.VALUE}).status
        == 200
    )
    assert told(visitor) == before
    assert "No request from Entra was received yet" in before[0] and ticked(visitor) == []


def test_the_last_line_is_ticked_by_a_cycle_after_a_pause(console, visitor):
    actions = [("schema", ""), ("match", "User"), ("create", "User"), ("create", "Group"), ("disable", "User")]
    write(console, [past(60, action=action, resource_type=type) for action, type in actions])
    assert "Entra started another sync" not in ticked(visitor)
    assert console.request("GET", "/scim/Users").status == 200
    page = visitor.get("/").text
    assert len(ticked(visitor)) == 8
    assert '<details id="checklist">' in page and "Setup is complete" in page and "data-live=" not in page


# --- when nothing right comes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "Request without a SCIM Key"),
        ("Bearer Bearer abc", "Word Bearer pasted with the SCIM Key"),
        ("Bearer eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl", "Entra token instead of the SCIM Key"),
        ("Bearer rcn_scim_abc", "Incomplete SCIM Key"),
        ("Bearer something-else", "Invalid SCIM Key: the token is not a key of this server"),
    ],
)
def test_it_says_which_kind_of_wrong_the_key_was(console, visitor, token, said):
    assert console.request("GET", "/scim/Users", headers={"Authorization": token}).status == 401
    shown = status_of(visitor)
    assert "No request with a valid key was received yet" in shown
    assert "Last failed request: less than a minute ago from 127.0.0.1. " + said in shown


def test_it_says_that_the_address_was_wrong(console, visitor):
    assert console.request("GET", "/scim/Wrong/Users").status == 404
    assert "Last failed request: less than a minute ago from 127.0.0.1. Unknown URL." in status_of(visitor)
    token = {"Authorization": f"Bearer {console.key}"}
    assert console.request("GET", "/Users?filter=x", headers=token).status == 404
    assert "Unknown URL" in status_of(visitor)
    assert console.request("GET", "/scim/Users").status == 200
    assert "Last failed request" not in status_of(visitor)


def test_it_says_that_the_host_was_another(console, visitor):
    assert console.request("GET", "/scim/Users", headers={"Host": "other.example"}).status == 400
    assert "Unknown host name" in status_of(visitor)


def test_a_valid_key_by_plain_http_is_named_until_an_owner_closes_the_notice(world: World):
    key = world.ask(lambda: scim_keys.create_key("", HOST)).text

    def ask(address: str = "192.0.2.7", token: str = key, scheme: str = "http") -> str:
        """Send a request, and return what the notice says then."""
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        world.app.test_client().get(
            "/sub/scim/Users",
            base_url=BASE.replace("https", scheme),
            headers=sent,
            environ_overrides={"REMOTE_ADDR": address},
        )
        page = world.eva.get("/sub/", base_url=BASE).text
        return page.partition("was sent by plain http")[2].partition("</div>")[0]

    assert not ask(token="") and not ask(token="nonsense") and not ask(scheme="https")
    assert not ask("127.0.0.1") and not ask("::1") and not ask("::ffff:127.0.0.1") and not ask("127.3.2.1")
    first, second = ask(), ask()
    assert "less than a minute ago, in" in words(second) and "although the public URL is https" in words(second)
    numbers = [re.findall(r'name="number" value="([0-9a-f]{16})"', said)[0] for said in (first, second)]
    assert world.post("/exposure/close", number=numbers[0]).status_code == 303
    assert ask(scheme="https"), "a later request is another exposure"
    assert world.post("/exposure/close", number=numbers[1]).status_code == 303
    assert not ask(scheme="https")
    assert ask("2001:db8::1")


# --- the cards --------------------------------------------------------------------------------------------------------


def test_a_schema_that_is_no_longer_declared_is_named_until_an_owner_confirms(world: World):
    first, later = "2026-03-01T08:00:00.000Z", "2026-03-02T08:00:00.000Z"
    with world.app.app_context(), directory_database.writing() as connection:
        insert = "INSERT INTO declared_attribute VALUES ('User', 'urn:example:badge', ?, ?, 1234)"
        for attribute, since in (("site", first), ("doors", later), ("number", None)):
            connection.exec_driver_sql(insert, (attribute, since))

    def shown() -> str:
        return words(world.eva.get("/sub/", base_url=BASE).text)

    named = "User: attributes doors, site of schema urn:example:badge: no longer declared since the start 2026-03-02"
    assert named in shown() and "1,234 User resources had values of it; they are kept." in shown()
    assert "Confirm removal" in shown()
    form = {"type": "User", "urn": "urn:example:badge"}
    assert world.post("/schemas/confirm-removal", **form, since=first).status_code == 303
    assert named in shown(), "the form of a page that is older than what is missing now"
    assert world.post("/schemas/confirm-removal", **form, since=later).status_code == 303
    assert "no longer declared" not in shown()
    with world.app.app_context(), directory_database.reading() as connection:
        left = connection.exec_driver_sql("SELECT attribute FROM declared_attribute").all()
    assert left == [("number",)]


def test_the_cards_tell_the_truth_about_key_backup_disk_and_version(fresh):
    visitor = set_up(fresh)
    fresh.make_key()
    shown = status_of(visitor)
    assert "never used" in shown and "No backup yet" in shown
    assert re.search(r"[\d.,]+ [MGT]B free of [\d.,]+ [MGT]B; identity data [\d.]+ kB, request log [\d.]+ kB", shown)
    assert str(fresh.data) in shown
    assert re.search(r"Version Recnice SCIM \d+\.\d+", shown)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (12_400_000, "12 MB"),
        (3 * 10**15, "3,000 TB"),
    ],
)
def test_sizes_are_short(size, said):
    assert in_bytes(size) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "1 second"),
        (90, "90 seconds"),
        (2400, "40 minutes"),
        (3600, "1 hour"),
        (43_200, "12 hours"),
        (86_400, "1 day"),
    ],
)
def test_durations_are_short(seconds, said):
    assert lasting(seconds) == said


def test_the_moment_of_the_past_is_told_from_the_log(console, visitor):
    write(console, [past(50)])
    assert "Last request from Entra 50 minutes ago" in status_of(visitor)


@pytest.mark.parametrize(
    ("user_agent", "said"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15.0; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on macOS"),
        ("curl/8.0", "curl/8.0"),
        ("", "unknown"),
    ],
)
def test_a_browser_is_told_as_people_call_it(user_agent: str, said: str):
    assert browser(user_agent) == said
