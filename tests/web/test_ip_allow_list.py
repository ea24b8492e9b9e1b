"""The allow list over HTTP: who is refused and in which form, what is remembered, and the page that says so.

The appliance trusts this machine as its proxy, so that a request comes from whatever address a test says.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from html import unescape

import pytest

from app import bounds
from tests.conftest import Answer, Appliance, wait_until
from tests.web.visitor import Visitor, set_up

ENTRA, ELSEWHERE = "20.190.128.7", "198.51.100.9"


@pytest.fixture
def behind(new_appliance) -> Iterator[Appliance]:
    """Behind a proxy, set up, with a key; nothing is on the list."""
    appliance = new_appliance(flags=("--trusted-proxy", "127.0.0.1")).start()
    appliance.make_key()
    yield appliance
    assert appliance.stop() == 0, appliance.output


@pytest.fixture
def eva(behind: Appliance) -> Visitor:
    visitor = set_up(behind)
    visitor.get("/ip-allow-list")
    return visitor


def ask(appliance: Appliance, address: str, path: str = "/scim/Users", **headers: str | None) -> Answer:
    return appliance.request("GET", path, headers={"X-Forwarded-For": address, **headers})


def problems(appliance: Appliance, kind: str) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(appliance.data / "recnice-requests.sqlite3", timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM problem WHERE kind = ?", (kind,)).fetchall()


def words(text: str) -> str:
    """What a page says, without its elements."""
    main = text.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def enforce(eva: Visitor, *networks: str) -> None:
    assert eva.post("/ip-allow-list/add", networks="\n".join(networks), note="Entra").location == "/ip-allow-list"
    assert eva.post("/ip-allow-list/enforce").location == "/ip-allow-list"


# --- requests ---------------------------------------------------------------------------------------------------------


def test_enforced_a_right_key_from_elsewhere_is_refused_at_once(behind: Appliance, eva: Visitor):
    assert ask(behind, ELSEWHERE).status == 200
    enforce(eva, "20.190.128.0/18")
    assert ask(behind, ENTRA).status == 200
    assert ask(behind, f"::ffff:{ENTRA}").status == 200
    for path in ("/scim/Users", "/scim/ServiceProviderConfig", "/scim/nothing", "/scim"):
        refused = ask(behind, ELSEWHERE, path)
        assert (refused.status, refused.headers["content-type"]) == (403, "application/scim+json"), path
        assert refused.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert refused.json["status"] == "403" and "address" in refused.json["detail"]
    same = {ask(behind, ELSEWHERE, Authorization=key).text for key in (f"Bearer {behind.key}", "Bearer x", None)}
    assert same == {refused.text}, "a right key is not told from a wrong one"
    assert ask(behind, ENTRA, Authorization="Bearer x").status == 401
    assert behind.request("GET", "/scim/Users").status == 403, "this machine is not on the list either"
    assert behind.request("GET", "/healthz").status == 200
    assert eva.get("/ip-allow-list", {"X-Forwarded-For": ELSEWHERE}).status == 200, "the console is not held to it"


def test_what_an_untrusted_client_claims_changes_nothing(behind: Appliance, eva: Visitor):
    enforce(eva, ENTRA)
    assert ask(behind, f"{ENTRA}, {ELSEWHERE}").status == 403
    assert ask(behind, f"{ELSEWHERE}, {ENTRA}").status == 200
    assert ask(behind, "no address").status == 403


def test_a_refusal_is_a_problem_of_its_own_kind(behind: Appliance, eva: Visitor):
    enforce(eva, ENTRA)
    refused = ask(behind, ELSEWHERE)
    (found,) = wait_until(lambda: problems(behind, "source-refused"), "the problem")
    assert (found["number"], found["address"], found["key_id"]) == (refused.headers["x-request-id"], ELSEWHERE, "")
    page = eva.get(f"/problems/{found['id']}")
    assert f"/ip-allow-list/add?network={ELSEWHERE}" in page.text and "/help/problems/source-refused" in page.text
    listed = words(eva.get("/ip-allow-list").text)
    assert "Refused addresses" in listed and f"Allow {ELSEWHERE}" in listed
    assert ask(behind, ENTRA, "/scim/Users/.search").status != 403
    assert ask(behind, ENTRA, "/scim/Schemas?filter=x").status == 403
    wait_until(lambda: problems(behind, "not-offered"), "another 403 is of another kind")
    assert len(problems(behind, "source-refused")) == 1
    assert re.search(r"refused: GET Users 403 Source", behind.output)


def test_watched_nobody_is_refused_and_right_keys_are_remembered(behind: Appliance, eva: Visitor):
    assert ask(behind, "20.190.128.1").status == 200
    assert eva.post("/ip-allow-list/mode", mode="watch").location == "/ip-allow-list"
    for last in (7, 8, 9):
        assert ask(behind, f"20.190.128.{last}").status == 200
    assert ask(behind, ELSEWHERE, Authorization="Bearer x").status == 401
    page = words(eva.get("/ip-allow-list").text)
    assert "Monitor since" in page and "Proposed: 20.190.128.0/24 ." in page
    assert ELSEWHERE not in page, "a wrong key says nothing about Entra"
    assert "not on the IP allow list" not in words(eva.get("/").text), "nothing is on the list yet, so nobody is new"
    assert eva.post("/ip-allow-list/add", networks="20.190.128.0/24", note="Entra").location == "/ip-allow-list"
    assert ask(behind, ELSEWHERE).status == 200
    assert "not on the list" in words(eva.get("/ip-allow-list").text)
    status = words(eva.get("/").text)
    assert f"A valid key was received from {ELSEWHERE} , not on the IP allow list" in status


# --- the page ---------------------------------------------------------------------------------------------------------


def test_before_enforcing_it_says_who_would_be_refused(behind: Appliance, eva: Visitor):
    assert "The list is empty" in words(eva.get("/ip-allow-list/enforce").text)
    assert eva.post("/ip-allow-list/enforce").status == 400
    ask(behind, ENTRA)  # nobody watches; the key's last use tells
    eva.post("/ip-allow-list/add", networks="203.0.113.0/24")
    page = words(eva.get("/ip-allow-list/enforce").text)
    assert "1 IP address would be refused" in page and ENTRA in page
    eva.post("/ip-allow-list/add", networks=ENTRA)
    assert "Every address that sent a valid key" in words(eva.get("/ip-allow-list/enforce").text)
    assert eva.post("/ip-allow-list/enforce").location == "/ip-allow-list"
    assert ENTRA in words(eva.get(f"/ip-allow-list/remove?network={ENTRA}").text)
    assert eva.post("/ip-allow-list/remove", network=ENTRA).location == "/ip-allow-list"
    last = eva.post("/ip-allow-list/remove", network="203.0.113.0/24")
    assert last.status == 400 and "last network" in last.text
    assert eva.get("/ip-allow-list/remove?network=x").status == 404


def test_what_was_typed_stays_in_the_form(eva: Visitor):
    refused = eva.post("/ip-allow-list/add", networks="10.0.0.0/24\n203.0.113.7/24\n<b>", note="<i>ours</i>")
    assert refused.status == 400 and "Write 203.0.113.0/24 for the network" in refused.text
    assert "10.0.0.0/24\n203.0.113.7/24\n&lt;b&gt;" in refused.text and "&lt;i&gt;ours&lt;/i&gt;" in refused.text
    assert "0.0.0.0/0" in eva.post("/ip-allow-list/add", networks="0.0.0.0/0").text
    assert eva.post("/ip-allow-list/add", networks="x" * bounds.FORM_BYTES).status == 413
    assert eva.post("/ip-allow-list/mode", mode="enforce").status == 400
    assert "The list is empty" in words(eva.get("/ip-allow-list").text)
    assert "10.0.0.7" in eva.get("/ip-allow-list/add?network=10.0.0.7").text


def test_a_proposal_as_long_as_can_be_fits_the_form(behind: Appliance, eva: Visitor):
    longest = [f"2001:fdb8:ffff:{0x1000 + number:x}:ffff:ffff:ffff:ffff" for number in range(bounds.SEEN_SOURCES)]
    assert eva.post("/ip-allow-list/add", networks="\r\n".join(longest)).location == "/ip-allow-list"


def test_a_proxy_that_is_not_trusted_is_named(new_appliance):
    appliance = new_appliance().start()
    eva = set_up(appliance)
    assert "Configure the reverse proxy first" not in words(eva.get("/ip-allow-list").text)
    appliance.make_key()
    assert ask(appliance, ENTRA).status == 200
    page = words(eva.get("/ip-allow-list").text)
    assert "Configure the reverse proxy first. Requests from 127.0.0.1" in page and "proxy that is not trusted" in page
    assert appliance.stop() == 0


# --- the command line -------------------------------------------------------------------------------------------------


def test_the_command_line_leads_back(behind: Appliance, eva: Visitor):
    enforce(eva, ENTRA)
    assert ask(behind, ELSEWHERE).status == 403
    allowed = behind.command("allowlist", "allow", "198.51.100.0/24", "--note", "us")
    assert (allowed.returncode, allowed.stdout) == (0, "")
    wait_until(lambda: ask(behind, ELSEWHERE).status == 200, "the running server follows")
    listed = behind.command("allowlist", "list").stdout.splitlines()
    assert listed[0] == "mode: enforce"
    assert [line.split()[:2] for line in listed[2:]] == [[ENTRA, "Entra"], ["198.51.100.0/24", "us"]]
    refused = behind.command("allowlist", "allow", "198.51.100.7/24")
    assert refused.returncode == 1 and "Write 198.51.100.0/24" in refused.stderr
    assert behind.command("sources", "off").returncode == 0, "the former name works"
    wait_until(lambda: ask(behind, "1.1.1.1").status == 200, "it is off")
    assert "Off since" in words(eva.get("/ip-allow-list").text)
