"""The console's pages over HTTP: first run, signing in, the Account page, users and groups, refusals."""

import json
import re

import pytest
from flask import Flask

from app import bounds
from app.scim.errors import Code, ScimError
from app.web.console import refuse
from tests.conftest import Appliance
from tests.web.visitor import PASSWORD, Visitor, set_up, setup_path

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
HOSTILE = ["<script>alert(1)</script>", "{{ 7 * 7 }}", "\"'><img src=x onerror=alert(1)>", "مرحبا", "👩‍🚀", "x" * 300]


def provision_user(appliance: Appliance, **values: object) -> str:
    body = {"schemas": [USER, ENTERPRISE]} | values
    made = appliance.request("POST", "/scim/Users", body)
    assert made.status == 201, made.text
    return str(made.json["id"])


def provision_group(appliance: Appliance, name: str, members: list[str]) -> str:
    body = {"schemas": [GROUP], "displayName": name, "members": [{"value": member} for member in members]}
    made = appliance.request("POST", "/scim/Groups", body)
    assert made.status == 201, made.text
    return str(made.json["id"])


def words(page: str) -> str:
    """A page's text without its tags, entities left as they are."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


# --- first run --------------------------------------------------------------------------------------------------------


def test_until_set_up_every_page_says_one_sentence(new_appliance):
    fresh = new_appliance().start()
    visitor = Visitor(fresh.url)
    for path in ("/", "/login", "/account", "/users", "/users/1", "/groups", "/setup", "/setup?code="):
        page = visitor.get(path)
        assert page.status == 403, path
        assert "recnice-scim setup-link --data DIR" in page.text and "<form" not in page.text, path
        assert str(fresh.data) not in page.text, path
    assert visitor.post("/account/keys").status == 403
    wrong = visitor.get("/setup?code=wrong")
    assert wrong.status == 403 and "recnice-scim setup-link --data DIR" in wrong.text
    for path in ("/healthz", "/readyz"):
        assert (visitor.get(path).status, visitor.get(path).text) == (200, "ok\n")


def test_first_run(new_appliance):
    fresh = new_appliance().start()
    visitor = Visitor(fresh.url)
    path = setup_path(fresh.output)
    code = path.partition("code=")[2]
    assert visitor.get(path).status == 200
    form = {"code": code, "user_name": "Eva", "password": PASSWORD, "repeated": PASSWORD}
    refused = visitor.post("/setup", **form | {"repeated": "something else"})
    assert refused.status == 400 and "passwords differ" in refused.text
    assert 'value="Eva"' in refused.text and PASSWORD not in refused.text
    refused = visitor.post("/setup", **form | {"password": "password1234", "repeated": "password1234"})
    assert refused.status == 400 and "common password" in refused.text
    assert visitor.post("/setup", **form | {"code": "wrong"}).status == 403
    made = visitor.post("/setup", **form)
    assert (made.status, made.location) == (303, "/account")
    account = visitor.get("/account")
    assert account.status == 200 and ">Eva<" in account.text
    assert visitor.get(path).status == 404
    assert visitor.post("/setup", **form | {"user_name": "Adam"}).status == 404
    assert Visitor(fresh.url).get("/setup").status == 404
    assert PASSWORD not in fresh.output


# --- signing in -------------------------------------------------------------------------------------------------------


def test_no_hint_which_half_was_wrong(stranger: Visitor):
    pages = [stranger.sign_in(name, password) for name, password in (("eva", "wrong"), ("adam", PASSWORD))]
    assert [page.status for page in pages] == [401, 401]
    told = {words(re.sub(r'value="[^"]*"', "", page.text)) for page in pages}
    assert len(told) == 1


def test_a_forgotten_password_is_helped_with_the_whole_command(console: Appliance, stranger: Visitor):
    command = "recnice-scim admin reset-password --user-name NAME --data DIR"
    assert f"<code>{command}</code>" in stranger.get("/login").text


def test_the_eleventh_failure_is_told_when_to_come_back(new_appliance):
    fresh = new_appliance().start()
    set_up(fresh)
    visitor = Visitor(fresh.url)
    pages = [visitor.sign_in("eva", "wrong") for _ in range(bounds.SIGN_IN_FAILURES + 1)]
    assert [page.status for page in pages] == [401] * bounds.SIGN_IN_FAILURES + [429]
    assert 0 < int(pages[-1].headers["retry-after"]) <= bounds.SIGN_IN_WINDOW_S + 1
    assert "10 minutes" in pages[-1].text
    fresh.kill()
    fresh.start()
    assert visitor.sign_in().status == 429
    assert fresh.stop() == 0


def test_there_is_nobody_before_somebody_was_made(new_appliance):
    fresh = new_appliance().start()
    made = fresh.command("admin", "create", "--user-name", "eva", "--password-stdin", typed=PASSWORD + "\n")
    assert made.returncode == 0, made.stderr
    visitor = Visitor(fresh.url)
    for name, password in (("admin", "admin"), ("admin", ""), ("root", "root"), ("eva", ""), ("", "")):
        assert visitor.sign_in(name, password).status == 401
    assert visitor.sign_in().status == 303


# --- the Account page -------------------------------------------------------------------------------------------------


def test_the_tenant_url_has_its_slash(console: Appliance, eva: Visitor):
    assert f">{console.url}/scim/</code>" in eva.get("/account").text


def test_the_tenant_url_is_the_public_one(new_appliance):
    fresh = new_appliance(flags=("--public-url", "http://recnice.example/sub")).start()
    made = fresh.command("admin", "create", "--user-name", "eva", "--password-stdin", typed=PASSWORD + "\n")
    assert made.returncode == 0, made.stderr
    visitor = Visitor(fresh.url)
    assert visitor.get("/sub/account").location == "/sub/login?next=/account"
    visitor.get("/sub/login")
    signed_in = visitor.post("/sub/login", user_name="eva", password=PASSWORD, next="/account")
    assert (signed_in.status, signed_in.location) == (303, "/sub/account")
    page = visitor.get("/sub/account").text
    assert ">http://recnice.example/sub/scim/</code>" in page
    for address in re.findall(r'(?:href|src|action)="(/[^"]*)"', page):
        assert address.startswith("/sub/"), address


def test_a_key_from_made_to_stopped(new_appliance):
    fresh = new_appliance().start()
    visitor = set_up(fresh)
    assert "SCIM Keys appear here" in visitor.get("/account").text
    made = visitor.post("/account/keys")
    found = re.search(r'id="scim-key"[^>]*>(rcn_scim_[A-Za-z0-9_-]+)<', made.text)
    assert made.status == 200 and found
    assert made.headers["cache-control"] == "no-store" and not made.cookies
    assert "without the word Bearer" in words(made.text) and "Secret Token" in made.text
    key = {"Authorization": f"Bearer {found[1]}"}
    assert fresh.request("GET", "/scim/Users", headers=key).status == 200

    page = visitor.get("/account").text
    assert found[1] not in page and found[1][:13] in page
    assert "by eva" in words(page) and "less than a minute ago from 127.0.0.1" in words(page)
    stop = re.search(r'href="(/account/keys/[0-9a-f]+/revoke)"', page)
    assert stop
    asked = visitor.get(stop[1])
    assert "401" in asked.text and "quarantine" in asked.text
    assert fresh.request("GET", "/scim/Users", headers=key).status == 200
    stopped = visitor.post(stop[1])
    assert (stopped.status, stopped.location) == (303, "/account")
    assert fresh.request("GET", "/scim/Users", headers=key).status == 401
    assert visitor.get(stop[1]).status == 404
    again = visitor.post(stop[1])
    assert again.status == 400 and "already revoked" in again.text
    assert "revoked" in words(visitor.get("/account").text)
    assert found[1] not in fresh.output


def test_two_keys_at_most(new_appliance):
    fresh = new_appliance().start()
    visitor = set_up(fresh)
    visitor.get("/account")
    for _ in range(bounds.ACTIVE_SCIM_KEYS):
        assert visitor.post("/account/keys").status == 200
    assert 'action="/account/keys"' not in visitor.get("/account").text
    third = visitor.post("/account/keys")
    assert third.status == 400 and "Revoke one of them first" in third.text


def test_changing_ones_password_ends_the_other_sessions(new_appliance):
    fresh = new_appliance().start()
    here = set_up(fresh)
    there = Visitor(fresh.url)
    there.sign_in()
    here.get("/account")
    form = {"current": PASSWORD, "password": "a green kettle sings", "repeated": "a green kettle sings"}
    assert "passwords differ" in here.post("/me/password", **form | {"repeated": "x"}).text
    refused = here.post("/me/password", **form | {"current": "wrong"})
    assert refused.status == 400 and "current password" in refused.text
    assert there.get("/account").status == 200
    thief = Visitor(fresh.url, cookies=dict(here.cookies))
    assert thief.get("/account").status == 200
    changed = here.post("/me/password", **form)
    assert changed.status == 200 and "Password changed" in changed.text and "this session" in changed.text
    assert "HttpOnly" in changed.cookies["recnice_session"]
    assert here.get("/account").status == 200
    assert thief.get("/account").status == 303, "a copy of the cookie is of no use any more"
    assert there.get("/account").status == 303
    assert there.sign_in().status == 401
    assert there.sign_in(password="a green kettle sings").status == 303


def test_one_of_ones_sessions_can_be_ended(console: Appliance, eva: Visitor):
    other = Visitor(console.url)
    other.request("GET", "/login")
    assert other.sign_in().status == 303
    page = eva.get("/me").text
    sessions = re.findall(r'name="session" value="([0-9a-f]{64})"', page)
    assert sessions and "this session" in page
    for session in sessions:
        assert eva.post("/me/sessions", session=session).status == 303
    assert other.get("/account").status == 303
    assert eva.get("/account").status == 200


# --- users and groups -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people(console: Appliance) -> list[str]:
    """120 users, of whom some have hostile names; their ids."""
    ids = []
    for n in range(120):
        name = HOSTILE[n] if n < len(HOSTILE) else f"Person {n:03}"
        ids.append(
            provision_user(
                console,
                userName=f"user{n}@recnice.example",
                displayName=name,
                title="50%_off" if n == 7 else "Engineer",
                active=n != 8,
                emails=[{"type": "work", "value": f"mail{n}@recnice.example"}],
                addresses=[{"type": "work", "locality": "Berlin"}],
                **{ENTERPRISE: {"department": "Legal", "manager": {"value": "somebody"}}},
            )
        )
    return ids


@pytest.mark.usefixtures("people")
def test_pages_of_fifty(eva: Visitor):
    seen = []
    for number, told in ((1, "1 to 50 of 120 users"), (2, "51 to 100 of 120 users"), (3, "101 to 120 of 120 users")):
        page = eva.get(f"/users?page={number}").text
        assert told in words(page)
        seen += re.findall(r'href="/users/([0-9a-f-]{36})"', page)
    assert len(seen) == len(set(seen)) == 120
    assert "after the last" in eva.get("/users?page=4").text
    for wrong in ("0", "-1", "x", "1.5", "%C2%B2", "99999999999999999999", ""):
        assert eva.get(f"/users?page={wrong}").status == 404, wrong


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ("user11%40recnice", 1),
        ("USER11%40RECNICE.example", 1),
        ("user11", 11),
        ("per%20119", 1),
        ("mail119", 1),
        ("Person%20", 114),
        ("%3Cscript%3E", 1),
        ("50%25_off", 0),
        ("%25", 0),
        ("_", 0),
        ("%22", 0),
        ("img", 1),
        ("%22%20or%20userName%20pr%20or%20userName%20eq%20%22", 0),
        ("%5C", 0),
        ("%00", 0),
        ("zzzz", 0),
        ("%F0%9F%91%A9", 1),
    ],
)
def test_searching(eva: Visitor, sought: str, found: int):
    page = eva.get(f"/users?q={sought}")
    assert page.status == 200
    shown = words(page.text)
    assert (f"of {found} users" in shown or f" {found} user" in shown) if found else "No user matches in" in shown


def test_a_search_that_is_too_long_is_said_to_be(eva: Visitor):
    assert "at most 256 characters" in eva.get("/users?q=" + "x" * 257).text
    for longest in ("x", "%C3%A9", "%F0%9F%91%A9", "%5C", "%01"):
        assert eva.get("/users?q=" + longest * 256).status == 200, longest


def test_what_cannot_be_looked_up_is_not_blamed_on_a_form(app: Flask):
    with app.test_request_context("/users?q=x"):
        refused = refuse(ScimError(Code.INVALID_FILTER, "filter", "at most 3 words"))
    assert refused.status_code == 400
    shown = words(refused.get_data(as_text=True))
    assert "This search is not possible (filter: expected at most 3 words)." in shown and "too old" not in shown


def test_hostile_names_are_text(eva: Visitor, people: list[str]):
    listed = eva.get("/users").text
    for n, name in enumerate(HOSTILE):
        page = eva.get(f"/users/{people[n]}").text
        escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        escaped = escaped.replace('"', "&#34;").replace("'", "&#39;")
        assert f"<bdi>{escaped}</bdi>" in listed, name
        assert f"<bdi>{escaped}</bdi></h1>" in page, name


def test_a_user_has_every_attribute_that_scim_has(console: Appliance, eva: Visitor, people: list[str]):
    page = eva.get(f"/users/{people[20]}").text
    document = console.request("GET", f"/scim/Users/{people[20]}").json
    for name in ("userName", "displayName", "title", "emails", "addresses"):
        assert f"<code>{name}</code>" in page, name
    assert f"<code>{ENTERPRISE}:department</code>" in page and f"<code>{ENTERPRISE}:manager.value</code>" in page
    for value in (document["id"], "mail20@recnice.example", "Berlin", "Legal", "somebody", "work"):
        assert f"<bdi>{value}</bdi>" in page, value
    assert f'datetime="{document["meta"]["created"]}"' in page
    assert "Disabled by Entra" in eva.get(f"/users/{people[8]}").text


def test_groups_and_members_lead_to_each_other(console: Appliance, eva: Visitor, people: list[str]):
    inner = provision_group(console, "Inner", [])
    group = provision_group(console, "Legal <b>team</b>", [*people[:60], inner, "nobody-known"])
    assert "Legal &lt;b&gt;team&lt;/b&gt;" in eva.get("/groups").text
    pages = [eva.get(f"/groups/{group}?page={number}").text for number in (1, 2)]
    assert "1 to 50 of 62 members" in words(pages[0]) and "51 to 62 of 62 members" in words(pages[1])
    both = "".join(re.findall(r'<ul class="members">.*?</ul>', "".join(pages), re.DOTALL))
    members = set(re.findall(r'href="/(?:users|groups)/([0-9a-f-]{36})"', both))
    assert members == {*people[:60], inner}
    assert "nobody-known" in both and "unresolved" in both
    assert "1 member is unresolved" in words(pages[0])
    assert "62 1 unresolved" in words(eva.get("/groups?q=Legal").text)
    listed = json.loads(eva.get("/groups?q=Legal&format=json").text)
    assert [(one["id"], one["members"], one["unresolved"]) for one in listed] == [(group, 62, 1)]
    assert "unresolved" not in eva.get(f"/groups/{inner}").text
    assert f'href="/groups/{group}"' in eva.get(f"/users/{people[0]}?tab=groups").text
    assert "No groups." in eva.get(f"/users/{people[100]}?tab=groups").text
    assert "No members." in eva.get(f"/groups/{inner}").text


@pytest.mark.parametrize(
    "path", ["/users/nobody", "/groups/nobody", "/users/%00", "/users/x%2fy", "/nothing", "/Users"]
)
def test_what_is_not_there(eva: Visitor, path: str):
    page = eva.get(path)
    assert page.status == 404
    assert "There is no such page" in page.text and page.headers["content-type"].startswith("text/html")


def test_a_user_is_no_group(eva: Visitor, people: list[str]):
    assert eva.get(f"/groups/{people[0]}").status == 404


def test_operators_are_no_users(console: Appliance, eva: Visitor):
    """An operator and a provisioned user may have one name, and know nothing of each other."""
    listed = console.request("GET", "/scim/Users?filter=userName%20eq%20%22eva%22")
    assert listed.json["totalResults"] == 0
    made = provision_user(console, userName="EVA", displayName="Another", password="another password 12")
    patch = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "active", "value": False}],
    }
    assert console.request("PATCH", f"/scim/Users/{made}", patch).status == 200
    assert Visitor(console.url).sign_in("EVA", "another password 12").status == 401
    assert Visitor(console.url).sign_in().status == 303
    assert console.request("DELETE", f"/scim/Users/{made}").status == 204
    assert eva.get("/account").status == 200
