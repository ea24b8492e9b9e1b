"""The Roles page over HTTP; and that nothing which comes by SCIM touches an operator of the appliance."""

import html
import re
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from app.administration.credentials.secret_hash import hash_secret
from tests.conftest import Appliance
from tests.web.visitor import PASSWORD, USER_NAME, Page, Visitor, set_up

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
HOSTILE = "<script>alert('x')</script>"


def words(page: Page) -> str:
    """The page's text inside main."""
    main = page.text.partition("<main")[2].partition("</main>")[0]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))


def person(appliance: Appliance, name: str, *app_roles: str, **values: Any) -> str:
    body = {"schemas": [USER], "userName": name, "active": True, "roles": [{"value": one} for one in app_roles]}
    made = appliance.request("POST", "/scim/Users", body | values)
    assert made.status == 201, made.text
    return str(made.json["id"])


def patch(appliance: Appliance, path: str, op: str, target: str, value: Any = None) -> None:
    operation = {"op": op, "path": target} | ({} if value is None else {"value": value})
    done = appliance.request("PATCH", f"/scim{path}", {"schemas": [PATCH], "Operations": [operation]})
    assert done.status in (200, 204), done.text


def fields(*lines: tuple[str, str, str]) -> dict[str, str]:
    """The form's fields."""
    return {
        f"{name}-{number}": value
        for number, line in enumerate(lines)
        for name, value in zip(("source", "value", "role"), line, strict=True)
    }


def hidden(page: Page) -> dict[str, str]:
    """What the form that saves would send."""
    form = re.search(r'<form method="post" action="/roles/save">(.*?)</form>', page.text, re.DOTALL)
    assert form, page.text
    found = re.findall(r'name="([\w-]+)" value="([^"]*)"', form[1])
    return {name: html.unescape(value) for name, value in found if name != "csrf_token"}


def save(visitor: Visitor, *lines: tuple[str, str, str]) -> None:
    visitor.get("/roles/edit")
    preview = visitor.post("/roles/preview", **fields(*lines))
    assert preview.status == 200, words(preview)
    saved = visitor.post("/roles/save", **hidden(preview))
    assert (saved.status, saved.location) == (303, "/roles"), words(saved)


def let_in(appliance: Appliance, token: str, **owner: str) -> Visitor:
    """A browser with a session of a provisioned person, as single sign-on makes it."""
    (column, value), moment = owner.popitem(), "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
    with closing(sqlite3.connect(appliance.data / "recnice.sqlite3")) as file, file:
        file.execute(
            f"INSERT INTO session (token_hash, {column}, method, created, last_seen, proved, address, user_agent) "
            f"VALUES (?, ?, 'single sign-on', {moment}, {moment}, {moment}, '', '')",
            (hash_secret(token), value),
        )
    return Visitor(appliance.url, cookies={"recnice_session": token})


@pytest.fixture
def fresh(appliance: Appliance) -> tuple[Appliance, Visitor]:
    """An appliance of the test's own, and its first operator."""
    return appliance, set_up(appliance)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_from_nothing_to_a_mapping_and_back(fresh: tuple[Appliance, Visitor]):
    appliance, eva = fresh
    ana, ben = person(appliance, "ana", "Admin", displayName=HOSTILE), person(appliance, "ben")
    group = appliance.request("POST", "/scim/Groups", {"schemas": [GROUP], "displayName": "Console Readers"}).json["id"]
    patch(appliance, f"/Groups/{group}", "Add", "members", [{"value": ana}, {"value": ben}])
    first = eva.get("/roles")
    assert "Off: app roles" in words(first) and "Users that get a role" in words(first)
    form = eva.get("/roles/edit")
    assert f'<option value="{group}">Console Readers</option>' in form.text
    lines = (("app_role", " Admin ", "owner"), ("group", "console readers", "viewer"), ("group", "", "viewer"))
    preview = eva.post("/roles/preview", **fields(*lines))
    said = words(preview)
    assert "Nothing is saved yet" in said and "Gain a role: 2 users" in said and "Lose the role: 0 users" in said
    assert "Admin Owner 1 user" in said and f"{group} Viewer 2 users" in said
    assert "A rule gives the role Owner" in said and "single sign-on is not set up" in said
    assert HOSTILE not in preview.text and HOSTILE in said
    assert "Off: app roles" in words(eva.get("/roles"))
    eva.post("/roles/preview", **fields(*lines))
    assert eva.post("/roles/save", **hidden(preview)).status == 303
    page = eva.get("/roles")
    said = words(page)
    assert "1 owner, 1 viewer." in said and f'{HOSTILE} Owner app role "Admin"' in said
    assert 'ben Viewer group "Console Readers"' in said and "No effect yet" in said
    assert f'href="/users/{ana}"' in page.text and f'href="/groups/{group}"' in page.text
    assert 'Role in this console owner by app role "Admin"' in words(eva.get(f"/users/{ana}"))
    status = eva.get("/")
    assert "1 user became owner by a change in this console" in words(status)
    assert '<a href="/audit?view=acts">who changed it</a>' in status.text
    audited = words(eva.get("/audit?view=acts"))
    assert f"granted a role to {HOSTILE}" in audited and 'changed the role mapping app role "Admin"' in audited
    patch(appliance, f"/Users/{ana}", "Replace", "active", "False")
    assert "1 user lost the role owner by provisioning" in words(eva.get("/"))
    assert "Role in this console" not in words(eva.get(f"/users/{ana}"))
    form = eva.get("/roles/edit")
    assert "The group Console Readers" in words(form) and 'value="Admin"' in form.text
    held = (("app_role", "Admin", "owner"), ("group", group, "viewer"))
    preview = eva.post("/roles/preview", **fields(*held) | {"remove-0": "yes", "remove-1": "yes"})
    assert "No rule is left" in words(preview) and "Lose the role: 1 user" in words(preview)
    assert eva.post("/roles/save", **hidden(preview)).status == 303
    assert "Off: app roles" in words(eva.get("/roles"))
    checked = appliance.command("check")
    assert checked.returncode == 0, checked.stdout
    with closing(sqlite3.connect(appliance.data / "recnice.sqlite3")) as file, file:
        file.execute("INSERT INTO granted_role VALUES (?, 'owner', 'app_role:Admin', '')", (ben,))
    checked = appliance.command("check")
    assert checked.returncode == 1 and f"granted_role: {ben} has owner" in checked.stdout


def test_a_line_that_gives_nobody_anything_is_told_before_it_is_saved(eva: Visitor):
    eva.get("/roles/edit")
    said = words(eva.post("/roles/preview", **fields(("app_role", "The display name", "viewer"))))
    assert "The display name Viewer none Is it the value in Entra, not the display name?" in said


def test_what_changed_since_the_preview_is_shown_anew(console: Appliance, eva: Visitor):
    lines = ("app_role", "Newcomer", "viewer")
    eva.get("/roles/edit")
    preview = eva.post("/roles/preview", **fields(lines))
    assert "Gain a role: 0 users" in words(preview)
    person(console, "newcomer", "Newcomer")
    again = eva.post("/roles/save", **hidden(preview))
    assert again.status == 400
    assert "The effects have changed since the preview" in words(again) and "Gain a role: 1 user" in words(again)
    assert "Newcomer" not in words(eva.get("/roles"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("group", HOSTILE, "viewer"), f'There is no group "{HOSTILE}" here'),
        (("app_role", "A", "emperor"), "Choose a source and a role"),
        (("", "A", "viewer"), "Choose a source and a role"),
    ],
)
def test_a_refused_line_stands_in_the_form_again(eva: Visitor, line: tuple[str, str, str], says: str):
    for path in ("/roles/preview", "/roles/save"):
        eva.get("/roles/edit")
        page = eva.post(path, **fields(line))
        assert page.status == 400 and says in words(page)
        assert f'value="{html.escape(line[1]).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")}"' in page.text
        assert HOSTILE not in page.text


def test_a_mapping_that_is_there_already_has_nothing_to_save(eva: Visitor):
    eva.get("/roles/edit")
    page = eva.post("/roles/preview")
    assert "There is nothing to save" in words(page) and "/roles/save" not in page.text


def test_a_form_with_as_many_and_as_long_lines_as_may_be(eva: Visitor):
    long = [("app_role", f"{n:02}" + "中" * 118, "viewer") for n in range(20)]
    eva.get("/roles/edit")
    preview = eva.post("/roles/preview", **fields(*long))
    assert preview.status == 200, preview.text
    assert len([name for name in hidden(preview) if name.startswith("value-")]) == 20


def test_an_old_proof_is_asked_for_before_the_form(console: Appliance, eva: Visitor):
    with closing(sqlite3.connect(console.data / "recnice.sqlite3")) as file, file:
        file.execute("UPDATE session SET proved = '2026-01-01T00:00:00.000Z'")
    assert eva.get("/roles").status == 200
    asked = eva.get("/roles/edit")
    assert (asked.status, asked.location) == (303, "/confirm?next=/roles/edit")
    eva.get("/me")
    asked = eva.post("/roles/save", back="/roles/edit", **fields(("app_role", "A", "viewer")))
    assert (asked.status, asked.location) == (303, "/confirm?next=/roles/edit")


# --- operators are out of reach ---------------------------------------------------------------------------------------


def test_a_provisioned_person_named_like_an_operator(fresh: tuple[Appliance, Visitor]):
    """C-17: they are two, whatever is done to the one who came by SCIM."""
    appliance, eva = fresh
    twin = person(appliance, USER_NAME, "Admin", displayName=USER_NAME, externalId=USER_NAME)
    save(eva, ("app_role", "Admin", "viewer"))
    theirs = let_in(appliance, "a-token-of-the-twin", user_id=twin)
    assert theirs.get("/").status == 200 and theirs.get("/roles/edit").status == 403
    patch(appliance, f"/Users/{twin}", "Replace", "active", "False")
    assert theirs.get("/").status == 303 and eva.get("/").status == 200
    refused = Visitor(appliance.url).sign_in(USER_NAME, "another password")
    assert refused.status == 401
    assert appliance.request("PUT", f"/scim/Users/{twin}", {"schemas": [USER], "userName": "x"}).status == 200
    assert appliance.request("DELETE", f"/scim/Users/{twin}").status == 204
    assert eva.get("/roles/edit").status == 200
    assert Visitor(appliance.url).sign_in(USER_NAME, PASSWORD).status == 303


def test_an_app_role_gives_nothing_before_the_mapping_and_nothing_after_it_went(fresh: tuple[Appliance, Visitor]):
    """C-18."""
    appliance, eva = fresh
    ana = person(appliance, "ana", "Admin", "owner", "operator")
    theirs = let_in(appliance, "a-first-token", user_id=ana)
    assert theirs.get("/").location == "/me" and theirs.get("/users").status == 403
    save(eva, ("app_role", "Admin", "operator"))
    assert theirs.get("/users").location.startswith("/login"), "a new role begins with a new session"
    theirs = let_in(appliance, "a-second-token", user_id=ana)
    assert theirs.get("/users").status == 200
    assert Visitor(appliance.url).sign_in("ana", PASSWORD).status == 401, "never with a password"
    patch(appliance, f"/Users/{ana}", "Replace", "roles", [{"value": "Reader"}])
    assert theirs.get("/users").location.startswith("/login")
    theirs = let_in(appliance, "a-third-token", user_id=ana)
    assert theirs.get("/").location == "/me" and theirs.get("/users").status == 403


def test_operators_are_nowhere_in_scim(fresh: tuple[Appliance, Visitor]):
    """C-19."""
    appliance, eva = fresh
    save(eva, ("app_role", "Admin", "owner"))
    with closing(sqlite3.connect(appliance.data / "recnice.sqlite3")) as file:
        ((operator_id, role, disabled),) = file.execute("SELECT id, role, disabled FROM operator").fetchall()
    assert appliance.request("GET", "/scim/Users").json["totalResults"] == 0
    for sought in (f"userName%20eq%20%22{USER_NAME}%22", f"id%20eq%20%22{operator_id}%22", "active%20eq%20true"):
        assert appliance.request("GET", f"/scim/Users?filter={sought}").json["totalResults"] == 0
    body = {"schemas": [USER], "userName": "x", "active": False}
    for method, sent in (("GET", None), ("PUT", body), ("DELETE", None)):
        assert appliance.request(method, f"/scim/Users/{operator_id}", sent).status == 404
    made = {"schemas": [GROUP], "displayName": "G", "members": [{"value": operator_id}]}
    group = appliance.request("POST", "/scim/Groups", made).json["id"]
    (member,) = appliance.request("GET", f"/scim/Groups/{group}").json["members"]
    assert member == {"value": operator_id}, "an id that nobody here has"
    save(eva, ("group", group, "viewer"))
    assert "No active user has" in words(eva.get("/roles")) and "there are no users here" in words(eva.get("/"))
    with closing(sqlite3.connect(appliance.data / "recnice.sqlite3")) as file:
        assert file.execute("SELECT id, role, disabled FROM operator").fetchall() == [(operator_id, role, disabled)]
