"""The Operators page over HTTP: all that it can do, what it refuses, and a role lost while a request is on its way."""

import re
import threading

import pytest
from flask import Flask
from sqlalchemy import text

from app.administration import audit
from app.administration.accounts import administrators, password_sign_in
from app.administration.accounts.sessions import Browser
from app.administration.audit import HOST
from app.administration.credentials import scim_keys
from app.administration.permissions import Permission
from app.console_roles import Role
from app.store.database import directory_database
from app.web.security import browser_session
from tests.conftest import Appliance
from tests.web.test_access import form_token
from tests.web.test_console import words
from tests.web.test_two_factor import enter, turn_on
from tests.web.visitor import PASSWORD, Visitor, set_up

BASE = "https://scim.recnice.example"
NEW_PASSWORD = "a green kettle sings"


def add(visitor: Visitor, name: str, role: Role = Role.OWNER) -> str:
    """The path of the new operator's page."""
    visitor.get("/administrators")
    made = visitor.post("/administrators", user_name=name, role=role, password=PASSWORD, repeated=PASSWORD)
    assert (made.status, made.location) == (303, "/administrators"), made.text
    return path_of(visitor, name)


def path_of(visitor: Visitor, name: str) -> str:
    found = re.search(rf'href="(/administrators/[^"]+)"><bdi>{name}</bdi>', visitor.get("/administrators").text)
    assert found
    return found[1]


def row_of(visitor: Visitor, name: str) -> str:
    rows = re.findall(r"<tr.*?</tr>", visitor.get("/administrators").text, re.DOTALL)
    return words(next(row for row in rows if f"<bdi>{name}</bdi>" in row))


def entered(appliance: Appliance, name: str, password: str = PASSWORD) -> Visitor:
    visitor = Visitor(appliance.url)
    assert visitor.sign_in(name, password).location == "/"
    return visitor


def test_an_operator_from_made_to_deleted(new_appliance):
    fresh = new_appliance().start()
    eva = set_up(fresh)
    assert "There is only one account" in eva.get("/administrators").text
    form = {"user_name": "ada <b>", "role": "viewer", "password": PASSWORD, "repeated": PASSWORD}
    for changed, told in (
        ({"repeated": "x"}, "passwords differ"),
        ({"role": "god"}, "Choose a role"),
        ({"password": "short", "repeated": "short"}, "at least"),
        ({"user_name": "EVA"}, "already"),
    ):
        refused = eva.post("/administrators", **form | changed)
        assert refused.status == 400 and told in refused.text and PASSWORD not in refused.text
    assert eva.post("/administrators", **form).status == 303
    assert "ada &lt;b&gt;" in eva.get("/administrators").text
    ada = path_of(eva, "ada &lt;b&gt;")
    assert "Viewer Active Off never" in row_of(eva, "ada &lt;b&gt;")
    at_work = entered(fresh, "ada <b>")
    assert at_work.get("/administrators").status == 403
    assert "never" not in row_of(eva, "ada &lt;b&gt;")

    changed = eva.post(f"{ada}/role", role="operator")
    assert changed.status == 303 and "Saved" in eva.get(changed.location).text
    assert at_work.get("/me").status == 303, "signed out"
    assert eva.post(f"{ada}/role", role="god").status == 400
    assert eva.post(f"{ada}/state", disabled="yes").status == 303
    assert "Disabled" in row_of(eva, "ada &lt;b&gt;")
    assert Visitor(fresh.url).sign_in("ada <b>").status == 401
    assert eva.post(f"{ada}/state", disabled="no").status == 303
    assert "passwords differ" in eva.post(f"{ada}/password", password=NEW_PASSWORD, repeated="x").text
    assert eva.post(f"{ada}/password", password=NEW_PASSWORD, repeated=NEW_PASSWORD).status == 303
    at_work = entered(fresh, "ada <b>", NEW_PASSWORD)
    turn_on(at_work)
    assert Visitor(fresh.url).sign_in("ada <b>", NEW_PASSWORD).location == "/login/code"
    assert eva.post(f"{ada}/second-factor").status == 303
    assert at_work.get("/me").status == 303
    again = eva.post(f"{ada}/second-factor")
    assert again.status == 400 and "already off" in again.text
    at_work = entered(fresh, "ada <b>", NEW_PASSWORD)

    assert "The audit keeps their entries" in eva.get(f"{ada}/delete").text
    assert at_work.get("/me").status == 200
    assert eva.post(f"{ada}/delete").location == "/administrators"
    assert at_work.get("/me").status == 303
    for path in (ada, f"{ada}/delete", "/administrators/x"):
        assert eva.get(path).status == 404
    assert eva.post(f"{ada}/role", role="viewer").status == 404
    assert PASSWORD not in fresh.output
    assert fresh.stop() == 0


def test_every_role_and_permission_is_in_the_table(eva: Visitor):
    page = eva.get("/administrators").text
    table = page.partition('id="roles-title"')[2]
    for permission in Permission:
        row = next(row for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL) if _escaped(permission) in row)
        told = re.findall(r"<td>(yes|no)</td>", row)
        assert told == ["yes" if permission.is_given_to(role, True) else "no" for role in Role]


def _escaped(permission: Permission) -> str:
    return permission.value.title.replace("'", "&#39;")


def test_the_last_owner_stays_and_who_is_not_the_last_may_go(new_appliance):
    fresh = new_appliance().start()
    eva = set_up(fresh)
    own = path_of(eva, "eva")
    for path, fields in (("role", {"role": "viewer"}), ("state", {"disabled": "yes"}), ("delete", {})):
        refused = eva.post(f"{own}/{path}", **fields)
        assert refused.status == 400 and "last active owner" in refused.text, path
    for words_ in (("set-role", "--role", "viewer"), ("disable",), ("delete",)):
        ran = fresh.command("admin", *words_, "--user-name", "eva")
        assert ran.returncode == 1 and "last active owner" in ran.stderr, words_
    assert eva.get("/me").status == 200
    add(eva, "ada")
    demoted = eva.post(f"{own}/role", role="viewer")
    assert demoted.status == 303
    assert eva.get(demoted.location).location.startswith("/login"), "one's own session ends with it"
    assert entered(fresh, "eva").get("/administrators").status == 403
    assert fresh.stop() == 0


def test_of_two_owners_who_demote_each_other_at_once_one_stays(new_appliance):
    fresh = new_appliance().start()
    eva = set_up(fresh)
    paths = {"ada": add(eva, "ada"), "eva": path_of(eva, "eva")}
    for _ in range(4):
        pair = {name: entered(fresh, name) for name in ("ada", "eva")}
        for visitor in pair.values():
            visitor.get("/administrators")
        barrier = threading.Barrier(2)
        came: dict[str, int] = {}

        def demote(name: str, other: str, pair=pair, barrier=barrier, came=came) -> None:
            barrier.wait(30)
            came[name] = pair[name].post(f"{paths[other]}/role", role="viewer").status

        threads = [threading.Thread(target=demote, args=names) for names in (("ada", "eva"), ("eva", "ada"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        [winner] = [name for name, status in came.items() if status == 303]
        [loser] = set(came) - {winner}
        assert came[loser] in (401, 403), came
        listed = fresh.command("admin", "list").stdout
        assert len(re.findall(r"\bowner\b", listed)) == 1, listed
        assert fresh.command("admin", "set-role", "--role", "owner", "--user-name", loser).returncode == 0
    assert fresh.stop() == 0


def test_the_command_line_is_a_way_back_in(new_appliance):
    fresh = new_appliance().start()
    eva = set_up(fresh)
    app, _ = turn_on(eva)
    add(eva, "ada")
    listed = fresh.command("admin", "list").stdout
    assert re.search(r"(?m)^eva +owner .* active +on +\d", listed) and re.search(r"(?m)^ada .* off +never$", listed)
    assert fresh.command("admin", "disable", "--user-name", "eva").returncode == 0
    reset = ("admin", "reset-password", "--user-name", "eva", "--password-stdin")
    told = fresh.command(*reset, typed=NEW_PASSWORD + "\n")
    assert told.returncode == 0 and "--remove-second-factor" in told.stderr and "admin enable" in told.stderr
    assert fresh.command("admin", "enable", "--user-name", "eva").returncode == 0
    assert Visitor(fresh.url).sign_in("eva", NEW_PASSWORD).location == "/login/code"
    told = fresh.command(*reset, "--remove-second-factor", typed=NEW_PASSWORD + "\n")
    assert (told.returncode, told.stderr) == (0, "")
    assert entered(fresh, "eva", NEW_PASSWORD).get("/administrators").status == 200
    assert fresh.stop() == 0


def test_a_code_is_asked_of_whoever_has_one_alone(new_appliance):
    fresh = new_appliance().start()
    eva = set_up(fresh)
    add(eva, "ada", Role.VIEWER)
    app, _ = turn_on(eva)
    assert enter(Visitor(fresh.url), app.code()).location == "/"
    assert entered(fresh, "ada").get("/me").status == 200
    assert fresh.stop() == 0


# --- demoted while the request is on its way --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/account/keys", {}),
        ("/account/keys/{key}/revoke", {}),
        ("/attributes/strict", {"type": "User", "attribute": "displayName", "strict": "yes"}),
        ("/administrators", {"user_name": "bob", "role": "owner", "password": PASSWORD, "repeated": PASSWORD}),
        ("/administrators/{ada}/role", {"role": "viewer"}),
        ("/administrators/{ada}/state", {"disabled": "yes"}),
        ("/administrators/{ada}/password", {"password": NEW_PASSWORD, "repeated": NEW_PASSWORD}),
        ("/administrators/{ada}/delete", {}),
    ],
)
def test_who_is_demoted_between_guard_and_write_changes_nothing(
    app: Flask, monkeypatch: pytest.MonkeyPatch, path: str, form: dict[str, str]
):
    with app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
        ada = administrators.create_operator("ada", PASSWORD, HOST).id
        key = scim_keys.create_key("first", HOST).row.id
        token = password_sign_in.sign_in("eva", PASSWORD, Browser("127.0.0.1"))
    visitor = app.test_client()
    visitor.set_cookie("__Secure-recnice_session", token, domain="scim.recnice.example", path="/sub")
    data = form_token(visitor) | form
    actor, before = browser_session.actor, []

    def demoted_meanwhile() -> audit.Actor:
        found = actor()
        administrators.set_role("eva", Role.VIEWER, HOST)
        before.append(contents())
        return found

    monkeypatch.setattr(browser_session, "actor", demoted_meanwhile)
    answer = visitor.post("/sub" + path.format(key=key, ada=ada), data=data, base_url=BASE)
    assert answer.status_code == 403 and "You no longer have the permission" in answer.text
    with app.app_context():
        assert [contents()] == before


def contents() -> list[list[tuple[object, ...]]]:
    with directory_database.reading() as connection:
        tables = ("operator", "scim_key", "strict_attribute", "session", "audit")
        return [[tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))] for name in tables]
