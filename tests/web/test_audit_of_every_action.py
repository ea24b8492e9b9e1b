"""Every act leaves an entry: a form of the console, or a command that changes something, that has none fails here.

A new form gets a line in ACTS: how somebody makes it succeed, and which action is then written down; a new command one
in COMMANDS. What changes nothing that an administrator answers for stands in NO_ACTS and NO_COMMANDS, with the reason.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from unittest import mock

import click
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.administration import ignored_problems
from app.administration.accounts import administrators, first_administrator, password_sign_in, sessions, two_factor
from app.administration.accounts.sessions import Browser
from app.administration.alerts import alert_targets
from app.administration.audit import HOST, Action, Actor
from app.administration.credentials import oauth_clients, scim_keys
from app.administration.credentials.federated_credentials import Signers
from app.administration.encryption import Sealer
from app.administration.ip_allow_list import allow_list
from app.administration.roles import role_mapping
from app.administration.single_sign_on.provider_client import ProviderClient
from app.backup import writing
from app.cli import commands
from app.console_roles import Role
from app.observation import request_recorder
from app.observation.problems.problem_list import ProblemFilter
from app.provisioning import resource_operations
from app.provisioning.resource_operations import Author, create
from app.request_record import DueRemoval
from app.scim.resource_types import GROUP, USER
from app.settings import Settings
from app.store.access import administrator_rows, audit_rows
from app.store.database import directory_database, sqlite_driver
from app.store.directory import guard_rows
from app.store.directory.guard_rows import Removal
from app.store.request_log import log_database
from tests.administration.test_alerts import MAIL, URL
from tests.authenticator import Authenticator
from tests.conftest import Appliance
from tests.openid.conftest import authority, generic, no_proxy
from tests.openid.provider import SigningProvider
from tests.web.request_log_rows import past
from tests.web.visitor import PASSWORD

__all__ = ["authority", "generic", "no_proxy"]
BASE = "https://scim.recnice.example"
ANOTHER = "a green kettle sings"


@dataclass
class World:
    """The application, and an owner's browser that showed just now whose it is."""

    app: Flask
    eva: FlaskClient
    token: str

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
    key = world.ask(lambda: scim_keys.create_key("", HOST)).row
    return world.post(f"/account/keys/{key.id}/revoke")


def end_the_other_session(world: World) -> TestResponse:
    world.ask(lambda: password_sign_in.sign_in("eva", PASSWORD, Browser("127.0.0.1")))
    eva = world.ask(lambda: administrators.list_operators()[0])
    signed_in = sessions.SignedIn("", "eva", eva.role, operator_id=eva.id)
    newest, *_ = world.ask(lambda: sessions.list_sessions(signed_in))
    return world.post("/me/sessions", session=newest.token_hash)


def with_a_problem(path: str, is_ignored: bool = False, **fields: str) -> Callable[[World], TestResponse]:
    def act(world: World) -> TestResponse:
        refused = past(1, method="GET", path="Nothing", status=404, reason="There is no such path", action="")
        with world.app.app_context():
            with log_database.writing() as connection:
                request_recorder.write(connection, [refused])
            if is_ignored:
                ignored_problems.ignore_problems(ProblemFilter(), HOST)
        return world.post(path, **fields)

    return act


def close_the_exposure(world: World) -> TestResponse:
    exposed = past(1, is_plain_http=True)
    with world.app.app_context(), log_database.writing() as connection:
        request_recorder.write(connection, [exposed])
    return world.post("/exposure/close", number=exposed.number)


def delete_replaced_data(world: World) -> TestResponse:
    folder = world.app.config["RECNICE_SETTINGS"].data / "replaced-20260101T000000Z"
    folder.mkdir()
    return world.post("/backups/replaced/delete", folder=folder.name)


def remove_access(is_member: bool) -> Callable[[World], TestResponse]:
    """Somebody is here whom a refused request should have disabled, or taken out of a group that gives a role."""

    def act(world: World) -> TestResponse:
        author = Author("1", "key 1")
        with world.app.app_context():
            user_id = create(USER, {"userName": "ana"}, author).record.id
            group_id = ""
            if is_member:
                group_id = create(GROUP, {"displayName": "Admins", "members": [{"value": user_id}]}, author).record.id
                lines = [("group", group_id, "viewer")]
                role_mapping.save(lines, role_mapping.preview(lines).fingerprint, HOST)
            due = DueRemoval("leave" if is_member else "disable", user_id, group_id)
            refused = past(1, method="PATCH", path="Users/{id}", status=412, action="change", due=(due,))
            with log_database.writing() as connection:
                request_recorder.write(connection, [refused])
        return world.post("/problems/remove-access", user_id=user_id, group_id=group_id)

    return act


def about_mia(way: str, state: str = "", **fields: str) -> Callable[[World], TestResponse]:
    """Something is done about another operator, who may be in a state of her own before."""

    def act(world: World) -> TestResponse:
        mia = world.ask(lambda: administrators.create_operator("mia", PASSWORD, HOST, Role.VIEWER))
        if state == "disabled":
            world.ask(lambda: administrators.set_disabled("mia", True, HOST))
        if state == "with a second factor":
            turn_on(world, world.ask(lambda: password_sign_in.sign_in("mia", PASSWORD, Browser("192.0.2.7"))))
        return world.post(f"/administrators/{mia.id}/{way}", **fields)

    return act


def sealer(world: World) -> Sealer:
    return Sealer(world.app.config["SECRET_KEY"], two_factor.SEAL)


def authenticator(world: World, token: str) -> Authenticator:
    """A second factor that is begun and not confirmed."""
    with world.app.app_context():
        who = sessions.session(token)
        assert who
        two_factor.begin(who, sealer(world))
        pairing = two_factor.pairing(who, sealer(world))
        assert pairing
        return Authenticator(pairing.secret)


def turn_on(world: World, token: str) -> Authenticator:
    app = authenticator(world, token)
    with world.app.app_context():
        who = sessions.session(token)
        assert who
        two_factor.confirm(who, app.code(), sealer(world), who.actor("192.0.2.7"))
    return app


def confirm_the_factor(world: World) -> TestResponse:
    return world.post("/me/second-factor/code", code=authenticator(world, world.token).code())


def with_a_factor(path: str) -> Callable[[World], TestResponse]:
    def act(world: World) -> TestResponse:
        turn_on(world, world.token)
        return world.post(path)

    return act


def sign_in_by_code(world: World) -> TestResponse:
    app = turn_on(world, world.token)
    world.post("/logout")
    assert world.post("/login", user_name="eva", password=PASSWORD).headers["Location"] == "/sub/login/code"
    return world.post("/login/code", code=app.code())


def with_a_client(path: str, **fields: str) -> Callable[[World], TestResponse]:
    def act(world: World) -> TestResponse:
        new = world.ask(lambda: oauth_clients.create_client("one", HOST))
        return world.post(path.format(client=new.client_id), **fields)

    return act


def add_a_trust(world: World) -> TestResponse:
    add = with_a_client(
        "/oauth/clients/{client}/federated-credentials", issuer="https://issuer.example", subject="one", audience="two"
    )
    with mock.patch.object(Signers, "check", lambda _, issuer: issuer.address):
        return add(world)


def with_a_network(path: str, **fields: str) -> Callable[[World], TestResponse]:
    def act(world: World) -> TestResponse:
        world.ask(lambda: allow_list.allow(["192.0.2.0/24"], "", HOST))
        return world.post(path, **fields)

    return act


def save_the_provider(world: World) -> TestResponse:
    form = {"kind": "entra", "cloud": "global", "tenant": "8adf8e6e-67b2-4cf2-a259-e3dc5476c621", "client_id": "one"}
    with mock.patch.object(ProviderClient, "check", lambda _, issuer: mock.Mock(issuer=issuer)):
        return world.post("/single-sign-on", **form, secret="the secret of a client")


def remove_the_provider(world: World) -> TestResponse:
    save_the_provider(world)
    return world.post("/single-sign-on/remove")


def renewed(world: World, **values: Any) -> str:
    """The id of a user that was disabled and then got another externalId."""

    def act() -> str:
        author = Author("abc123", "key 1a2b3c4d")
        user = {"userName": "ana", "externalId": "former-id", "roles": [{"value": "Recnice.Viewer"}]} | values
        made = resource_operations.create(USER, user | {"active": False}, author).record.id
        resource_operations.replace(USER, made, user | {"active": True, "externalId": "new-id"}, author)
        return made

    found: str = world.ask(act)
    return found


def about_a_renewed_user(way: str, **fields: str) -> Callable[[World], TestResponse]:
    return lambda world: world.post(f"/users/{renewed(world)}/{way}", **fields)


def about_a_user(way: str, **fields: str) -> Callable[[World], TestResponse]:
    def act(world: World) -> TestResponse:
        user = world.ask(lambda: create(USER, {"userName": "ana"}, Author("1", "key 1")))
        return world.post(f"/users/{user.record.id}/{way}", **fields)

    return act


def confirm_a_removal(world: World) -> TestResponse:
    with world.app.app_context(), directory_database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO declared_attribute VALUES ('User', 'urn:x', '', '2026', 1)")
    return world.post("/schemas/confirm-removal", type="User", urn="urn:x", since="2026")


def put_back(world: World) -> TestResponse:
    author = Author("0a1b2c3d4e5f6071", "key 1a2b3c4d")
    with world.app.app_context():
        user_id = create(USER, {"userName": "ana"}, author).record.id
        resource_operations.delete(USER, user_id, author)
    return world.post(f"/deleted/{user_id}")


def put_a_sync_back(world: World) -> TestResponse:
    author = Author("0a1b2c3d4e5f6071", "key 1a2b3c4d")
    with world.app.app_context():
        user_id = create(USER, {"userName": "ana"}, author).record.id
        resource_operations.delete(USER, user_id, author)
        deletion = past(
            1, number=author.request, method="DELETE", action="delete", resource_id=user_id, key_id="1a2b3c4d"
        )
        with log_database.writing() as connection:
            request_recorder.write(connection, [deletion])
    return world.post("/deleted/sync/1")


def undo_a_change(world: World) -> TestResponse:
    author = Author("0a1b2c3d4e5f6071", "key 1a2b3c4d")
    with world.app.app_context():
        user_id = create(USER, {"userName": "ana"}, author).record.id
        changed = resource_operations.replace(USER, user_id, {"userName": "bea"}, author)
    assert changed.event
    form = {"event": str(changed.event.id), "attribute": "userName", "version": "2"}
    return world.post(f"/history/{user_id}/undo", **form)


def delete_a_user(world: World) -> TestResponse:
    user = {"userName": "ana", "active": False}
    user_id = world.ask(lambda: create(USER, user, Author("0a1b2c3d4e5f6071", "key 1a2b3c4d")).record.id)
    return world.post(f"/users/{user_id}/delete")


def save_roles(world: World) -> TestResponse:
    form = {"source-0": "app_role", "value-0": "Recnice.Viewer", "role-0": "viewer"}
    expected = re.search(r'name="expected" value="([^"]+)"', world.post("/roles/preview", **form).text)
    assert expected
    return world.post("/roles/save", **form, expected=expected[1])


def with_a_webhook(path: str) -> Callable[[World], TestResponse]:
    def act(world: World) -> TestResponse:
        world.ask(lambda: alert_targets.save_webhook(URL, "", Sealer(b"s", alert_targets.SEAL), HOST))
        return world.post(path, channel="webhook")

    return act


def verify_a_backup(world: World) -> TestResponse:
    settings: Settings = world.app.config["RECNICE_SETTINGS"]
    return world.post("/backups/verify", name=writing.back_up(settings, "manual").path.name)


def post(path: str, **fields: str) -> Callable[[World], TestResponse]:
    return lambda world: world.post(path, **fields)


def set_up(world: World) -> TestResponse:
    with world.app.app_context(), directory_database.writing() as connection:
        administrator_rows.remove(connection, administrator_rows.list_all(connection)[0].id)
    code = world.ask(first_administrator.create_setup_code)
    page = world.eva.get(f"/sub/setup?code={code}", base_url=BASE)
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page.text)[0]
    form = {"code": code, "user_name": "ada", "password": PASSWORD, "repeated": PASSWORD, "csrf_token": token}
    return world.eva.post("/sub/setup", data=form, base_url=BASE)


CAUSE = {"kind": "path-unknown", "attribute": "", "resource_type": ""}


def with_an_alarm(path: str, **fields: str) -> Callable[[World], TestResponse]:
    """A client has disabled a user, and that was unusual."""

    def act(world: World) -> TestResponse:
        with world.app.app_context(), directory_database.writing() as connection:
            user_id = "3f1c9a52-8f59-4f0e-9a57-4f2a7a8b3c1d"
            alarm_id = guard_rows.raise_alarm(connection, "2026-11-30T18:00:00.000Z", "2026-11-30T18:00:00.000Z", "", 0)
            guard_rows.add(connection, alarm_id, [Removal(user_id, 1, "2026-11-30T18:00:00.000Z", "disable")], ())
        return world.post(path, **fields)

    return act


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
    "console.create_key": (post("/account/keys"), Action.KEY_MADE),
    "console.revoke_key": (stop_a_key, Action.KEY_STOPPED),
    "console.set_strict": (
        post("/attributes/strict", type="User", attribute="displayName", strict="yes"),
        Action.STRICT_SET,
    ),
    "console.ignore_problems": (with_a_problem("/problems/ignore", **CAUSE), Action.PROBLEMS_IGNORED),
    "console.stop_ignoring_problems": (
        with_a_problem("/problems/stop-ignoring", True, **CAUSE),
        Action.PROBLEMS_HEEDED,
    ),
    "console.ignore_problem": (with_a_problem("/problems/1/ignore"), Action.PROBLEMS_IGNORED),
    "console.stop_ignoring_problem": (with_a_problem("/problems/1/stop-ignoring", True), Action.PROBLEMS_HEEDED),
    "console.confirm_alarm": (with_an_alarm("/guard/1/meant"), Action.ALARM_MEANT),
    "console.undo_alarm": (with_an_alarm("/guard/1/undo"), Action.ALARM_UNDONE),
    "console.close_exposure": (close_the_exposure, Action.EXPOSURE_CLOSED),
    "console.remove_access": (remove_access(False), Action.USER_DISABLED),
    "console.remove_access of a member": (remove_access(True), Action.MEMBER_REMOVED),
    "console.sign_in_code": (sign_in_by_code, Action.SIGNED_IN),
    "console.confirm_second_factor": (confirm_the_factor, Action.SECOND_FACTOR_ON),
    "console.renew_recovery_codes": (with_a_factor("/me/second-factor/recovery-codes"), Action.RECOVERY_CODES_MADE),
    "console.turn_off_second_factor": (with_a_factor("/me/second-factor/off"), Action.SECOND_FACTOR_OFF),
    "console.create_administrator": (
        post("/administrators", user_name="mia", password=PASSWORD, repeated=PASSWORD, role="viewer"),
        Action.OPERATOR_MADE,
    ),
    "console.set_administrator_role": (about_mia("role", role="operator"), Action.OPERATOR_ROLE),
    "console.set_administrator_state": (about_mia("state", disabled="yes"), Action.OPERATOR_DISABLED),
    "console.set_administrator_state again": (about_mia("state", "disabled", disabled="no"), Action.OPERATOR_ENABLED),
    "console.reset_administrator_password": (
        about_mia("password", password=ANOTHER, repeated=ANOTHER),
        Action.PASSWORD_RESET,
    ),
    "console.turn_off_administrator_two_factor": (
        about_mia("second-factor", "with a second factor"),
        Action.SECOND_FACTOR_OFF,
    ),
    "console.delete_administrator": (about_mia("delete"), Action.OPERATOR_DELETED),
    "console.set_ip_allow_list_mode": (post("/ip-allow-list/mode", mode="watch"), Action.SOURCES_MODE),
    "console.allow_networks": (post("/ip-allow-list/add", networks="192.0.2.0/24"), Action.NETWORK_ALLOWED),
    "console.remove_network": (with_a_network("/ip-allow-list/remove", network="192.0.2.0/24"), Action.NETWORK_REMOVED),
    "console.enforce_ip_allow_list": (with_a_network("/ip-allow-list/enforce"), Action.SOURCES_MODE),
    "console.create_client": (post("/oauth/clients", name="one"), Action.CLIENT_MADE),
    "console.create_secret": (with_a_client("/oauth/clients/{client}/secrets"), Action.SECRET_MADE),
    "console.add_federated_credential": (add_a_trust, Action.TRUST_MADE),
    "console.revoke_credential": (with_a_client("/oauth/client/{client}/revoke"), Action.CLIENT_STOPPED),
    "console.save_single_sign_on": (save_the_provider, Action.PROVIDER_SAVED),
    "console.remove_single_sign_on": (remove_the_provider, Action.PROVIDER_REMOVED),
    "console.save_roles": (save_roles, Action.MAPPING_SAVED),
    "console.save_alert_mail": (post("/alerts/mail", **MAIL), Action.ALERT_TARGET_SAVED),
    "console.save_alert_webhook": (post("/alerts/webhook", url=URL), Action.ALERT_TARGET_SAVED),
    "console.save_heartbeat": (post("/alerts/heartbeat", url=URL), Action.ALERT_TARGET_SAVED),
    "console.send_test_alert": (with_a_webhook("/alerts/test"), Action.ALERT_TESTED),
    "console.remove_alert_target": (with_a_webhook("/alerts/remove"), Action.ALERT_TARGET_REMOVED),
    "console.save_settings": (post("/settings", request_days="5"), Action.SETTING_CHANGED),
    "console.leave_groups": (about_a_renewed_user("leave-groups"), Action.GROUPS_LEFT),
    "console.put_back": (put_back, Action.PUT_BACK),
    "console.put_cycle_back": (put_a_sync_back, Action.PUT_BACK),
    "console.undo_change": (undo_a_change, Action.CHANGE_UNDONE),
    "console.delete_user": (delete_a_user, Action.USER_DELETED),
    "console.confirm_removal": (confirm_a_removal, Action.SCHEMA_REMOVED),
    "console.support_bundle": (post("/support-bundle"), Action.SUPPORT_BUNDLE),
    "console.delete_replaced": (delete_replaced_data, Action.REPLACED_DELETED),
    "console.export_user": (about_a_user("export"), Action.USER_EXPORTED),
    "console.erase_user": (about_a_user("erase", name="ana"), Action.ERASURE_BEGAN),
    "console.back_up": (post("/backups"), Action.BACKUP_STARTED),
    "console.verify_backup": (verify_a_backup, Action.BACKUP_VERIFIED),
    "console.confirm_user": (about_a_renewed_user("confirm", external_id="new-id"), Action.USER_CONFIRMED),
}
"""By Flask's name of the form; what stands behind a blank is another act of the same form."""

NO_ACTS: Mapping[str, str] = {
    "console.review": "reads a file and keeps nothing",
    "console.preview_roles": "says what would come of a form and keeps nothing",
    "console.begin_second_factor": "makes a secret that counts for nothing until a code of it is shown",
    "console.renamed": "only redirects",
    "console.set_theme": "keeps a cookie in the browser",
    "console.judge_connection": "reads the result of a test",
    **dict.fromkeys(("console.prepare_restore", "console.discard_restore"), "unpacks a copy and changes nothing"),
    "console.begin_restore": "tests/program/test_restore.py reads its entries, in the restored database",
    "oauth.token": "a client's daily work; who used a secret, and when, is kept with it",
}


@pytest.fixture
def world(app: Flask) -> World:
    with app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
        token = password_sign_in.sign_in("eva", PASSWORD, Browser("127.0.0.1"))
    eva = app.test_client()
    eva.set_cookie("__Secure-recnice_session", token, domain="scim.recnice.example", path="/sub")
    return World(app, eva, token)


def entries() -> list[audit_rows.AuditRow]:
    """Oldest first."""
    with directory_database.reading() as connection:
        return audit_rows.page(connection, audit_rows.AuditFilter(), None, 1_000)[0][::-1]


def test_every_form_of_the_console_is_in_one_of_the_tables(app: Flask):
    forms = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"} and not rule.endpoint.startswith("scim")
    }
    in_table = {line.partition(" ")[0] for line in ACTS}
    assert forms == in_table | NO_ACTS.keys()
    assert not in_table & NO_ACTS.keys()


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
    assert world.post("/account/keys/nonsense/revoke").status_code == 400
    assert world.post("/attributes/strict", type="User", attribute="userName", strict="yes").status_code == 400
    assert world.post("/me/password", current="wrong", password=ANOTHER, repeated=ANOTHER).status_code == 400
    assert world.post("/problems/ignore", **CAUSE).status_code == 303, "there is none to ignore"
    assert [entry.action for entry in world.ask(entries)[before:]] == [Action.PROOF_REFUSED.key]


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
    "key revoke": (("{key}",), Action.KEY_STOPPED),
    "oauth create": (("--name", "one"), Action.CLIENT_MADE),
    "oauth add-secret": (("{client}",), Action.SECRET_MADE),
    "oauth add-federated-credential": (
        ("{client}", "--issuer", "{issuer}", "--subject", "one", "--audience", "two"),
        Action.TRUST_MADE,
    ),
    "oauth revoke-federated-credential": (("{trust}",), Action.TRUST_STOPPED),
    "oauth revoke-secret": (("{secret}",), Action.SECRET_STOPPED),
    "oauth revoke": (("{client}",), Action.CLIENT_STOPPED),
    "allowlist allow": (("192.0.2.0/24",), Action.NETWORK_ALLOWED),
    "allowlist off": ((), Action.SOURCES_MODE),
    "user export": (("ana",), Action.USER_EXPORTED),
    "user erase": (("ana", "--name", "ana"), Action.PERSON_ERASED),
    "support-bundle": (("--to", "{folder}/bundle.zip"), Action.SUPPORT_BUNDLE),
}
"""What is given to each, in the order in which they are run; in braces stands an id that is there then."""

NO_COMMANDS: Mapping[str, str] = {
    "alerts list": "reads",
    "alerts test": "needs a channel (tests/web/test_alerts.py)",
    **dict.fromkeys(("admin list", "key list", "oauth list", "allowlist list"), "reads"),
    **dict.fromkeys(("check", "completion", "licenses", "schema", "version"), "reads"),
    "config unset": "needs a setting of the console (tests/web/test_settings_page.py)",
    **dict.fromkeys(
        ("backup create", "backup list", "backup verify"), "reads the data folder, as any program there can"
    ),
    "backup prune": "deletes what the next backup would delete",
    "restore": "tests/program/test_restore.py reads its entry, in the restored database",
    "serve": "what is done while it serves is written then",
    "doctor": "reads",
    "upgrade-check": "changes a copy only",
    **dict.fromkeys(("status", "service status"), "reads"),
    **dict.fromkeys(
        ("service install", "service upgrade", "service uninstall"), "the journal has it: there may be no database yet"
    ),
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


def test_every_command_that_changes_something_leaves_an_entry(
    new_appliance: Callable[..., Appliance], generic: SigningProvider
):
    appliance = new_appliance(environment={"RECNICE_CA_FILE": str(generic.authority.ca_file)})
    assert appliance.start().stop() == 0
    assert appliance.command("key", "create", "--name", "zero").returncode == 0
    for name, (words, action) in COMMANDS.items():
        prepare(appliance, name)
        before = asked(appliance, "SELECT actor, action FROM audit ORDER BY id")
        ids = {
            "key": asked(appliance, "SELECT id FROM scim_key"),
            "client": asked(appliance, "SELECT id FROM oauth_client"),
            "secret": asked(appliance, "SELECT id FROM oauth_secret"),
            "trust": asked(appliance, "SELECT id FROM oauth_trust"),
        }
        there = {kind: found[0][0] for kind, found in ids.items() if found}
        given = (word.format(issuer=generic.issuer, folder=appliance.data.parent, **there) for word in words)
        done = appliance.command(*name.split(), *given, typed=TYPED)
        assert done.returncode == 0, done.stderr
        left = asked(appliance, "SELECT actor, action FROM audit ORDER BY id")[len(before) :]
        assert ("host command line", action.key) in left and {actor for actor, _ in left} == {"host command line"}, name
    assert appliance.command("check").returncode == 0


def prepare(appliance: Appliance, name: str) -> None:
    """What has to be there for some commands."""
    if name == "admin set-role":
        given = ("--user-name", "mia", "--password-stdin")
        assert appliance.command("admin", "create", *given, typed=TYPED).returncode == 0
    if name == "user export":
        appliance.make_key()
        appliance.start()
        user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ana"}
        assert appliance.request("POST", "/scim/Users", user).status == 201
        assert appliance.stop() == 0
    if name == "allowlist off":
        with closing(
            sqlite_driver.module.connect(appliance.data / "recnice.sqlite3", isolation_level=None)
        ) as connection:
            connection.execute("INSERT OR REPLACE INTO source_policy VALUES (1, 'watch', '', '')")


def asked(appliance: Appliance, question: str) -> list[tuple[str, ...]]:
    """By plain SQLite."""
    with closing(sqlite_driver.module.connect(appliance.data / "recnice.sqlite3")) as connection:
        return list(connection.execute(question))
