"""Ways in, from the command line to an answer: a client with its token, the list of addresses, roles, the audit."""

import re
from collections.abc import Callable
from urllib.parse import urlencode

from tests.conftest import Appliance, wait_until
from tests.program.test_command_line import FAILED, complains
from tests.web.visitor import FORM, PASSWORD, USER_NAME, Visitor, set_up


def done(appliance: Appliance, *words: str, typed: str = "") -> str:
    """What a command printed that came to a good end."""
    ran = appliance.command(*words, typed=typed)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def token(appliance: Appliance, client: str, secret: str) -> tuple[int, str]:
    """The token endpoint's status, and the access token if there is one."""
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    answer = appliance.request("POST", "/oauth/token", urlencode(form), {"Content-Type": FORM})
    return answer.status, answer.json.get("access_token", "")


def test_a_client_fetches_a_token_that_opens_scim_until_the_client_is_stopped(appliance: Appliance):
    client, secret = done(appliance, "oauth", "create").split()
    status, text = token(appliance, client, secret)
    assert status == 200
    bearer = {"Authorization": f"Bearer {text}"}
    assert appliance.request("GET", "/scim/Users", headers=bearer).status == 200
    assert text not in appliance.output and secret not in appliance.output
    done(appliance, "oauth", "stop", client)
    assert appliance.request("GET", "/scim/Users", headers=bearer).status == 401
    assert token(appliance, client, secret) == (401, "")


def test_the_way_back_from_a_list_of_addresses(appliance: Appliance):
    eva = set_up(appliance)
    done(appliance, "allowlist", "allow", "192.0.2.0/24")
    eva.get("/ip-allow-list/enforce")
    assert eva.post("/ip-allow-list/enforce").status == 303
    assert appliance.request("GET", "/scim/Users").status == 403
    done(appliance, "allowlist", "off")

    def is_answered() -> bool:
        return appliance.request("GET", "/scim/Users").status == 200

    wait_until(is_answered, "the other process has heard of it")


def test_the_last_owner_stays_and_a_forgotten_password_is_no_end(appliance: Appliance):
    set_up(appliance)
    name = ("--user-name", USER_NAME)
    complains(appliance.command("admin", "delete", *name), FAILED, "last active owner")
    complains(appliance.command("admin", "disable", *name), FAILED, "last active owner")
    complains(appliance.command("admin", "set-role", *name, "--role", "viewer"), FAILED, "last active owner")
    done(appliance, "admin", "reset-password", *name, "--password-stdin", typed="a green kettle sings\n")
    visitor = Visitor(appliance.url)
    assert visitor.sign_in(password=PASSWORD).status == 401
    assert visitor.sign_in(password="a green kettle sings").status == 303


def test_the_first_operator_by_command_is_an_owner(new_appliance: Callable[..., Appliance]):
    fresh = new_appliance().start()
    given = ("--user-name", "ada", "--password-stdin")
    for role in ("viewer", "operator"):
        refused = fresh.command("admin", "create", *given, "--role", role, typed=f"{PASSWORD}\n")
        complains(refused, FAILED, "no active owner")
    assert "ada" not in done(fresh, "admin", "list")
    assert "/setup?code=" in done(fresh, "setup-link"), "the way of the first operator is still open"
    done(fresh, "admin", "create", *given, typed=f"{PASSWORD}\n")
    done(fresh, "admin", "create", "--user-name", "mia", "--role", "viewer", "--password-stdin", typed=f"{PASSWORD}\n")


def test_a_noted_hash_of_the_audit_is_found_again(appliance: Appliance):
    [noted] = re.findall(r"the last hash is ([0-9a-f]{64})", done(appliance, "check"))
    done(appliance, "key", "create", "--name", "another")
    assert "match the recorded hash" in done(appliance, "check", "--audit-hash", noted)
    wrong = appliance.command("check", "--audit-hash", "0" * 64)
    assert wrong.returncode == FAILED and "no entry has the hash" in wrong.stdout
