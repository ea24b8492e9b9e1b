"""Every act leaves an entry: a form of the console, or a command that changes something, that has none fails here.

A new form gets a line in ACTS: how somebody makes it succeed, and which action is then written down; a new command one
in COMMANDS. What changes nothing that an administrator answers for stands in NO_ACTS and NO_COMMANDS, with the reason.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import administration
from app.administration import HOST, Action, Actor, Browser
from app.cli import commands
from app.observation import recorder
from app.observation.problem_list import Wanted
from app.store import accounts, audit, db, requests
from tests.conftest import Appliance
from tests.web.visitor import PASSWORD
from tests.web.written import past

BASE = "https://scim.recnice.example"
ANOTHER = "a green kettle sings"


@dataclass
class World:
    """The application, and an owner's browser that showed just now whose it is."""

    app: Flask
    eva: FlaskClient

    def post(self, path: str, **fields: str) -> TestResponse:
        """A form as the owner sends it, or a stranger where nobody is signed in."""
        page = self.eva.get("/sub/me", base_url=BASE)
        if page.status_code == 303:
            page = self.eva.get("/sub/login", base_url=BASE)
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert found, page.text
        return self.eva.post("/sub" + path, data={"csrf_token": found[1]} | fields, base_url=BASE)

    def ask(self, question: Callable[[], Any]) -> Any:
        """What something in the application answers."""
        with self.app.app_context():
            return question()


def stop_a_key(world: World) -> TestResponse:
    key = world.ask(lambda: administration.create_key("", HOST)).row
    return world.post(f"/account/keys/{key.id}/stop")


def end_the_other_session(world: World) -> TestResponse:
    world.ask(lambda: administration.sign_in("eva", PASSWORD, Browser("127.0.0.1")))
    eva = world.ask(lambda: administration.list_operators()[0])
    signed_in = administration.SignedIn("", "eva", eva.role, operator_id=eva.id)
    newest, *_ = world.ask(lambda: administration.list_sessions(signed_in))
    return world.post("/me/sessions", session=newest.id)


def with_a_problem(path: str, is_ignored: bool = False, **fields: str) -> Callable[[World], TestResponse]:
    def act(world: World) -> TestResponse:
        refused = past(1, method="GET", path="Nothing", status=404, reason="There is no such path", deed="")
        with world.app.app_context():
            with requests.writing() as connection:
                recorder.write(connection, [refused])
            if is_ignored:
                administration.ignore_problems(Wanted(), HOST)
        return world.post(path, **fields)

    return act


def post(path: str, **fields: str) -> Callable[[World], TestResponse]:
    return lambda world: world.post(path, **fields)


def set_up(world: World) -> TestResponse:
    with world.app.app_context(), accounts.writing() as store:
        store.delete(accounts.operators(store)[0])
    code = world.ask(administration.create_setup_code)
    page = world.eva.get(f"/sub/setup?code={code}", base_url=BASE)
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page.text)[0]
    form = {"code": code, "user_name": "ada", "password": PASSWORD, "repeated": PASSWORD, "csrf_token": token}
    return world.eva.post("/sub/setup", data=form, base_url=BASE)


CAUSE = {"kind": "path-unknown", "attribute": "", "resource_type": ""}

ACTS: Mapping[str, tuple[Callable[[World], TestResponse], Action]] = {
    "console.setup": (set_up, Action.SET_UP),
    "console.sign_in": (post("/login", user_name="eva", password=PASSWORD), Action.SIGNED_IN),
    "console.sign_out": (post("/logout"), Action.SIGNED_OUT),
    "console.confirm": (post("/confirm", password=PASSWORD, next="/"), Action.PROVED),
    "console.change_password": (
        post("/me/password", current=PASSWORD, password=ANOTHER, repeated=ANOTHER),
        Action.PASSWORD_CHANGED,
    ),
    "console.end_session": (end_the_other_session, Action.SESSION_ENDED),
    "console.make_key": (post("/account/keys"), Action.KEY_MADE),
    "console.stop_key": (stop_a_key, Action.KEY_STOPPED),
    "console.set_strict": (
        post("/attributes/strict", type="User", attribute="displayName", strict="yes"),
        Action.STRICT_SET,
    ),
    "console.ignore_problems": (with_a_problem("/problems/ignore", **CAUSE), Action.PROBLEMS_IGNORED),
    "console.heed_problems": (with_a_problem("/problems/heed", True, **CAUSE), Action.PROBLEMS_HEEDED),
    "console.ignore_problem": (with_a_problem("/problems/1/ignore"), Action.PROBLEMS_IGNORED),
    "console.heed_problem": (with_a_problem("/problems/1/heed", True), Action.PROBLEMS_HEEDED),
}

NO_ACTS: Mapping[str, str] = {
    "console.review": "reads a file and keeps nothing",
}


@pytest.fixture
def world(app: Flask) -> World:
    with app.app_context():
        administration.create_operator("eva", PASSWORD, HOST)
        token = administration.sign_in("eva", PASSWORD, Browser("127.0.0.1"))
    eva = app.test_client()
    eva.set_cookie("__Secure-recnice_session", token, domain="scim.recnice.example", path="/sub")
    return World(app, eva)


def entries() -> list[audit.Entry]:
    """Oldest first."""
    with db.reading() as connection:
        return audit.page(connection, audit.Wanted(), None, 1_000)[0][::-1]


def test_every_form_of_the_console_is_in_one_of_the_tables(app: Flask):
    forms = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"} and not rule.endpoint.startswith("scim")
    }
    assert forms == ACTS.keys() | NO_ACTS.keys()
    assert not ACTS.keys() & NO_ACTS.keys()


@pytest.mark.parametrize("endpoint", ACTS)
def test_an_act_in_the_console_leaves_an_entry(world: World, endpoint: str):
    act, action = ACTS[endpoint]
    before = len(world.ask(entries))
    answer = act(world)
    assert answer.status_code in (200, 303), answer.text
    written = world.ask(entries)[before:]
    found = [entry for entry in written if entry.action == action.key]
    assert found, f"{endpoint} left {[entry.action for entry in written]}"
    who = Actor("operator", "ada" if endpoint == "console.setup" else "eva")
    assert (found[-1].actor, found[-1].address) == (str(who), "127.0.0.1")


def test_a_refused_form_leaves_no_entry_of_an_act(world: World):
    before = len(world.ask(entries))
    assert world.post("/account/keys/nonsense/stop").status_code == 400
    assert world.post("/attributes/strict", type="User", attribute="userName", strict="yes").status_code == 400
    assert world.post("/me/password", current="wrong", password=ANOTHER, repeated=ANOTHER).status_code == 400
    assert world.post("/problems/ignore", **CAUSE).status_code == 303, "there is none to ignore"
    assert world.ask(entries)[before:] == []


# --- the command line -------------------------------------------------------------------------------------------------

EVA = ("--user-name", "eva")
TYPED = PASSWORD + "\n"

COMMANDS: Mapping[str, tuple[tuple[str, ...], Action]] = {
    "setup-link": ((), Action.SETUP_LINK),
    "admin create": ((*EVA, "--password-stdin"), Action.OPERATOR_MADE),
    "admin reset-password": ((*EVA, "--password-stdin"), Action.PASSWORD_RESET),
    "admin set-role": (("--user-name", "mia", "--role", "operator"), Action.OPERATOR_ROLE),
    "admin disable": (("--user-name", "mia"), Action.OPERATOR_DISABLED),
    "admin enable": (("--user-name", "mia"), Action.OPERATOR_ENABLED),
    "admin delete": (("--user-name", "mia"), Action.OPERATOR_DELETED),
    "key create": (("--name", "one"), Action.KEY_MADE),
    "key stop": (("{key}",), Action.KEY_STOPPED),
}
"""What is given to each, in the order in which they are run; `{key}` is the id of the key."""

NO_COMMANDS: Mapping[str, str] = {
    **dict.fromkeys(("admin list", "check", "config", "key list", "licenses", "schema", "version"), "reads"),
    "serve": "what is done while it serves is written then",
    "simulate": "plays against an appliance of its own, or as a client",
}


def leaves(group: click.Group, before: str = "") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= leaves(command, f"{before}{name} ")
        else:
            found[before + name] = command
    return found


def test_every_command_is_in_one_of_the_tables():
    assert leaves(commands).keys() == COMMANDS.keys() | NO_COMMANDS.keys()


def test_every_command_that_changes_something_leaves_an_entry(new_appliance: Callable[..., Appliance]):
    appliance = new_appliance()
    assert appliance.command("key", "create", "--name", "zero").returncode == 0
    written = entries_of(appliance)
    for name, (words, action) in COMMANDS.items():
        if name == "admin set-role":
            given = ("--user-name", "mia", "--password-stdin")
            assert appliance.command("admin", "create", *given, typed=TYPED).returncode == 0
            written = entries_of(appliance)
        [key_id, *_] = re.findall(r"^[0-9a-f]{8}\b", appliance.command("key", "list").stdout, re.MULTILINE)
        done = appliance.command(*name.split(), *(word.format(key=key_id) for word in words), typed=TYPED)
        assert done.returncode == 0, done.stderr
        more = entries_of(appliance)
        assert more[len(written) :] == [("host command line", action.key)], name
        written = more
    assert appliance.command("check").returncode == 0


def entries_of(appliance: Appliance) -> list[tuple[str, str]]:
    """Actor and action of each entry, the oldest first; read by plain SQLite."""
    from contextlib import closing

    from app.store import driver

    with closing(driver.module.connect(appliance.data / "recnice.sqlite3")) as connection:
        return list(connection.execute("SELECT actor, action FROM audit ORDER BY id"))
