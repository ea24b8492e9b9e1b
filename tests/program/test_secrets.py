"""After a whole life no secret stands in any file of the data folder, in what the program printed, or in its words."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from tests.authenticator import Authenticator
from tests.conftest import Appliance
from tests.conftest import real_program as program
from tests.program.test_access import token
from tests.web.visitor import PASSWORD, Visitor, setup_path

__all__ = ["program"]

MISTYPED = "a purple kettle by mistake"
CHANGED = "a green kettle sings"
RESET = "a yellow kettle sings"
PROVISIONED = "Pr0visioned-by-scim"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def test_no_secret_is_kept_or_printed(new_appliance: Callable[..., Appliance]) -> None:
    appliance = new_appliance().start()
    code = setup_path(appliance.output).partition("code=")[2]
    secrets = {"password": PASSWORD, "mistyped": MISTYPED, "changed": CHANGED, "reset": RESET, "scim": PROVISIONED}
    secrets |= live(appliance, code)
    process = Path("/proc", str(json.loads((appliance.data / "recnice.lock").read_text())["process"]))
    words = {name: (process / name).read_bytes() for name in ("cmdline", "environ")}
    assert appliance.stop() == 0
    assert appliance.command("check").returncode == 0
    files = {path.name: path.read_bytes() for path in appliance.data.rglob("*") if path.is_file()}
    assert b"key-made" in files["recnice.sqlite3"] and b"password-changed" in files["recnice.sqlite3"]
    for name, secret in (secrets | {"setup code": code}).items():
        assert len(secret) > 10, name
        for spelt in {secret, quote(secret), secret.replace(" ", "+")}:
            assert [file for file, content in (files | words).items() if spelt.encode() in content] == [], name
            # The setup link is printed for whoever starts the program, and used up since.
            assert name == "setup code" or spelt not in appliance.output, name


def live(appliance: Appliance, code: str) -> dict[str, str]:
    """Everything that takes or gives a secret, done once; the secrets that came of it."""
    eva, other = Visitor(appliance.url), Visitor(appliance.url)
    eva.get(f"/setup?code={code}")
    form = {"code": code, "user_name": "eva", "password": PASSWORD, "repeated": PASSWORD}
    assert eva.post("/setup", **form | {"repeated": MISTYPED}).status == 400
    assert eva.post("/setup", **form).status == 303
    eva.get("/account")
    made = eva.post("/account/keys")
    found = re.search(r"rcn_scim_[A-Za-z0-9_-]{43}_[0-9a-f]{6}", made.text)
    assert found
    appliance.key = found[0]
    person = {"schemas": [USER], "userName": "ana@recnice.example", "password": PROVISIONED}
    assert appliance.request("POST", "/scim/Users", person).status == 201
    wrong = appliance.key[:-1] + ("0" if appliance.key[-1] != "0" else "1")
    assert appliance.request("GET", "/scim/Users", headers={"Authorization": f"Bearer {wrong}"}).status == 401
    assert other.sign_in("eva", MISTYPED).status == 401
    assert other.sign_in(MISTYPED, "x").status == 401
    assert other.sign_in().status == 303
    tokens = {"a session": eva.cookies["recnice_session"], "another session": other.cookies["recnice_session"]}
    eva.get("/me")
    assert eva.post("/me/password", current=MISTYPED, password=CHANGED, repeated=CHANGED).status == 400
    assert eva.post("/me/password", current=PASSWORD, password=CHANGED, repeated=CHANGED).status == 200
    tokens["the session with the new password"] = eva.cookies["recnice_session"]
    assert len(set(tokens.values())) == 3
    assert eva.post("/confirm", password=CHANGED, next="/account").status == 303
    assert eva.get(f"/users?q={quote(appliance.key)}").status == 200
    secrets = a_second_factor(eva) | an_oauth_client(appliance)
    reset = ("--user-name", "eva", "--password-stdin")
    assert appliance.command("admin", "reset-password", *reset, typed=RESET + "\n").returncode == 0
    key = appliance.key
    second = appliance.make_key()
    keys = {"key": key, "second key": second, "wrong key": wrong}
    return tokens | keys | secrets | {"form token": eva.token}


def a_second_factor(eva: Visitor) -> dict[str, str]:
    """Turned on through the pages, and a recovery code used up."""
    eva.get("/me/second-factor")
    eva.post("/me/second-factor")
    shown = re.search(r'id="secret"[^>]*>([A-Z2-7 ]+)<', eva.get("/me/second-factor").text)
    assert shown
    app = Authenticator(shown[1])
    code = app.code()
    codes = re.findall(r"(?:[a-z2-9]{6}-){3}[a-z2-9]{6}", eva.post("/me/second-factor/code", code=code).text)
    assert eva.post("/confirm", password=CHANGED, code=codes[0], next="/account").status == 303
    unused = {f"recovery code {number}": one for number, one in enumerate(codes)}
    return unused | {"second factor": shown[1].replace(" ", "")}


def an_oauth_client(appliance: Appliance) -> dict[str, str]:
    """Made by the command, and one token fetched."""
    made = appliance.command("oauth", "create")
    assert made.returncode == 0, made.stderr
    client, secret = made.stdout.split()
    status, text = token(appliance, client, secret)
    bearer = {"Authorization": f"Bearer {text}"}
    assert status == 200 and appliance.request("GET", "/scim/Users", headers=bearer).status == 200
    return {"client secret": secret, "access token": text}
