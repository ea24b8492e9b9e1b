"""POST /oauth/token over HTTP: how a client shows who it is, whatever else may come, and what the tokens open."""

import base64
import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from flask import Flask

from app import bounds, clock
from app.administration.audit import HOST
from app.administration.credentials import oauth_clients
from app.administration.credentials.federated_credentials import Signers
from app.administration.ip_allow_list import allow_list
from app.administration.ip_allow_list.enforcement import Mode
from app.store.database import directory_database
from app.web.oauth import token_endpoint
from tests.conftest import Answer, Appliance
from tests.openid.conftest import authority, generic, no_proxy
from tests.openid.provider import Faults, SigningProvider, sign
from tests.web.test_console import words
from tests.web.visitor import FORM, Visitor

__all__ = ["authority", "generic", "no_proxy"]
PATH = "/oauth/token"
GRANT = {"grant_type": "client_credentials"}
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
BASE = "https://scim.recnice.example"


@dataclass(frozen=True)
class Client:
    id: str
    secret: str

    def basic(self, encode: Any = quote_plus) -> dict[str, str | None]:
        pair = f"{encode(self.id)}:{encode(self.secret)}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    @property
    def form(self) -> dict[str, str]:
        return {**GRANT, "client_id": self.id, "client_secret": self.secret}


def make_client(appliance: Appliance, name: str = "Entra") -> Client:
    made = appliance.command("oauth", "create", "--name", name)
    assert made.returncode == 0, made.stderr
    return Client(*made.stdout.split())


@pytest.fixture(scope="module")
def client(console: Appliance) -> Client:
    return make_client(console)


def post(
    appliance: Appliance, body: Any = None, headers: Mapping[str, str | None] | None = None, path: str = PATH
) -> Answer:
    content = urlencode(body) if isinstance(body, dict | list) else body
    return appliance.request("POST", path, content, {"Content-Type": FORM, **(headers or {})})


def token_of(answer: Answer) -> str:
    assert answer.status == 200, answer.text
    assert set(answer.json) == {"access_token", "token_type", "expires_in"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 3600)
    return str(answer.json["access_token"])


def assert_refused(answer: Answer, status: int, error: str) -> None:
    assert (answer.status, answer.json["error"]) == (status, error), answer.text
    assert set(answer.json) == {"error", "error_description"}
    assert answer.headers["content-type"] == "application/json"
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert "set-cookie" not in answer.headers
    assert ("www-authenticate" in answer.headers) is (status == 401)


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_basic_and_post_both_get_a_token_that_opens_scim(console: Appliance, client: Client):
    for answer in (
        post(console, GRANT, client.basic()),
        post(console, GRANT, client.basic(lambda text: "".join(f"%{ord(one):02x}" for one in text))),
        post(console, GRANT, {"Authorization": str(client.basic()["Authorization"]).replace("Basic", "bASIC ")}),
        post(console, {**GRANT, "client_id": client.id}, client.basic()),
        post(console, client.form),
        post(console, {**client.form, "scope": "scim", "resource": "x", "constructor": "y"}),
        post(console, client.form, {"Content-Type": FORM + "; charset=UTF-8"}),
        post(console, client.form, {"Cookie": "recnice_session=x", "Origin": "https://login.microsoftonline.com"}),
    ):
        token = token_of(answer)
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
        assert answer.headers["content-type"] == "application/json" and "set-cookie" not in answer.headers
        bearer = {"Authorization": f"Bearer {token}"}
        assert console.request("GET", "/scim/Users?count=1", headers=bearer).status == 200


def test_what_a_token_did_is_written_to_its_client(console: Appliance, client: Client, eva: Visitor):
    bearer = {"Authorization": f"Bearer {token_of(post(console, client.form))}"}
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "by-token@recnice.example"}
    made = console.request("POST", "/scim/Users", body, bearer)
    assert made.status == 201
    assert client.id in eva.get("/activity?format=csv").text or client.id in eva.get("/activity?view=requests").text
    filtered = eva.get(f"/activity?view=events&key={client.id}").text
    assert "by-token@recnice.example" in filtered and f'<option value="{client.id}" selected>Entra</option>' in filtered
    assert "OAuth client Entra created" in words(eva.get("/").text)


def test_a_token_ends_at_once_with_its_secret_and_its_client(console: Appliance):
    mine = make_client(console, "short-lived")
    added = console.command("oauth", "add-secret", mine.id)
    second = Client(mine.id, added.stdout.strip())
    tokens = [token_of(post(console, one.form)) for one in (mine, second)]

    def statuses() -> list[int]:
        bearers = [{"Authorization": f"Bearer {one}"} for one in tokens]
        return [console.request("GET", "/scim/Users?count=1", headers=one).status for one in bearers]

    assert statuses() == [200, 200]
    listed = console.command("oauth", "list").stdout
    assert mine.secret not in listed and mine.secret[:12] in listed
    first_id = next(line.split()[2] for line in listed.splitlines() if mine.secret[:12] in line)
    assert console.command("oauth", "stop-secret", first_id).returncode == 0
    assert statuses() == [401, 200]
    assert_refused(post(console, mine.form), 401, "invalid_client")
    assert console.command("oauth", "stop", mine.id).returncode == 0
    assert statuses() == [401, 401]
    assert_refused(post(console, second.form), 401, "invalid_client")


# --- refusals ---------------------------------------------------------------------------------------------------------


def wrong_clients(client: Client, other: Client) -> Iterator[tuple[Any, Mapping[str, str | None]]]:
    """Forms and headers of what is nobody's, in every way that there is."""
    unknown = "rcn_oas_" + "A" * 43 + "_000000"
    yield GRANT, {}
    yield {**GRANT, "client_id": client.id}, {}
    yield {**GRANT, "client_secret": client.secret}, {}
    yield {**client.form, "client_id": "unknown"}, {}
    yield {**client.form, "client_id": other.id}, {}
    yield {**client.form, "client_id": client.id.upper()}, {}
    yield {**client.form, "client_id": client.id + "\x00"}, {}
    for secret in (unknown, client.secret[:-1], client.secret + " ", "\x00", "é", "' OR 1=1 --", "x" * 20_000):
        yield {**client.form, "client_secret": secret}, {}
        yield GRANT, Client(client.id, secret).basic()
    yield GRANT, Client("unknown", client.secret).basic()
    for header in (
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic " + base64.b64encode(client.id.encode()).decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\x00").decode(),
        "Basic " + base64.b64encode(f"{client.id}:%ff".encode()).decode(),
        f"{client.basic()['Authorization']}, {client.basic()['Authorization']}",
        "Basic\t" + base64.b64encode(f"{client.id}:{client.secret}".encode()).decode(),
        f"Bearer {client.secret}",
        "Negotiate abc",
        "Basic " + "A" * 20_000,
        "\xe9\xff",
    ):
        yield GRANT, {"Authorization": header}
    for assertion in ("x", "a.b.c", "\x00", "eyJhbGciOiJub25lIn0.e30."):
        yield {**GRANT, "client_assertion_type": JWT_BEARER, "client_assertion": assertion}, {}


def test_one_answer_for_every_client_that_is_not_right(console: Appliance, client: Client):
    other = make_client(console, "other")
    stopped = make_client(console, "stopped")
    assert console.command("oauth", "stop", stopped.id).returncode == 0
    model = post(console, stopped.form)
    assert_refused(model, 401, "invalid_client")
    assert model.headers["www-authenticate"].startswith("Basic realm=")
    for form, headers in wrong_clients(client, other):
        answer = post(console, form, headers)
        assert_refused(answer, 401, "invalid_client")
        assert answer.text == model.text, (form, headers)
        assert answer.headers["www-authenticate"] == model.headers["www-authenticate"]


MALFORMED: dict[str, tuple[Any, dict[str, str | None]]] = {
    "nothing": ("", {}),
    "no type": (urlencode(GRANT), {"Content-Type": None}),
    "JSON": (json.dumps(GRANT), {"Content-Type": "application/json"}),
    "JSON as a form": (json.dumps(GRANT), {}),
    "multipart": (b'--x\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\nclient_credentials\r\n--x--\r\n', {
        "Content-Type": "multipart/form-data; boundary=x"
    }),
    "no grant type": ({"client_id": "x"}, {}),
    "empty grant type": ({"grant_type": ""}, {}),
    "grant type twice": ([*GRANT.items(), *GRANT.items()], {}),
    "an unknown parameter twice": ([*GRANT.items(), ("x", "1"), ("x", "2")], {}),
    "a blank one beside it": ([*GRANT.items(), ("client_id", ""), ("client_id", "x")], {}),
    "bytes that are no UTF-8": (b"grant_type=client_credentials&client_id=\xff\xfe", {}),
    "escapes that are no UTF-8": ("grant_type=client_credentials&client_id=%ff%fe", {}),
    "half a character": ("grant_type=client_credentials&client_id=%ed%a0%80", {}),
    "UTF-16": ("grant_type=client_credentials".encode("utf-16"), {"Content-Type": FORM + "; charset=utf-16"}),
    "many parameters": ([*GRANT.items(), *((f"p{n}", "x") for n in range(bounds.TOKEN_REQUEST_PARAMETERS))], {}),
    "two ways": ({**GRANT, "client_id": "a", "client_secret": "b"}, {"Authorization": "Basic YTpi"}),
    "two other ways": ({**GRANT, "client_secret": "b", "client_assertion": "c"}, {}),
    "two identifiers": ({**GRANT, "client_id": "other"}, {"Authorization": "Basic YTpi"}),
    "an assertion of no type": ({**GRANT, "client_assertion": "a.b.c"}, {}),
    "a type without an assertion": ({**GRANT, "client_assertion_type": JWT_BEARER}, {}),
    "SAML": ({**GRANT, "client_assertion": "a", "client_assertion_type": JWT_BEARER.replace("jwt", "saml2")}, {}),
}  # fmt: skip


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_requests(console: Appliance, kind: str):
    assert_refused(post(console, *MALFORMED[kind]), 400, "invalid_request")


@pytest.mark.parametrize(
    "grant_type", ["password", "authorization_code", "refresh_token", JWT_BEARER, "CLIENT_CREDENTIALS"]
)
def test_other_grants(console: Appliance, client: Client, grant_type: str):
    assert_refused(post(console, {**client.form, "grant_type": grant_type}), 400, "unsupported_grant_type")


def test_parameters_in_the_address_are_refused_whatever_the_body_says(console: Appliance, client: Client):
    for name, value in client.form.items():
        answer = post(console, client.form, path=f"{PATH}?{urlencode({name: value})}")
        assert_refused(answer, 400, "invalid_request")
    assert_refused(post(console, "", path=f"{PATH}?{urlencode(client.form)}"), 400, "invalid_request")
    token_of(post(console, client.form, path=f"{PATH}?api-version=1"))


def test_a_request_is_bounded(console: Appliance, client: Client):
    for size, status in ((bounds.TOKEN_REQUEST_BYTES, 401), (bounds.TOKEN_REQUEST_BYTES + 1, 413)):
        form = urlencode({**GRANT, "client_id": client.id, "client_secret": ""})
        answer = post(console, form + "x" * (size - len(form)))
        assert answer.status == status, size
    assert_refused(answer, 413, "invalid_request")
    assert_refused(post(console, "a=" + "x" * (3 * 1024 * 1024)), 413, "invalid_request")
    token_of(post(console, client.form))


def test_chunks_are_bounded_as_well(console: Appliance):
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=30)
    connection.request("POST", PATH, iter([b"a=", *[b"x" * 10_000] * 10]), {"Content-Type": FORM}, encode_chunked=True)
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["error"]) == (413, "invalid_request")
    connection.close()


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
def test_only_post_is_possible(console: Appliance, method: str):
    answer = console.request(method, PATH, headers={"Origin": "https://evil.example"})
    assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS")
    assert answer.headers["cache-control"] == "no-store"
    if method != "HEAD":
        assert_refused(answer, 405, "invalid_request")


def test_another_host_gets_nothing(console: Appliance, client: Client):
    assert post(console, client.form, {"Host": "elsewhere.example"}).status == 400


def test_what_is_no_endpoint_of_ours_is_a_page_of_the_console(console: Appliance, client: Client):
    for path in ("/oauth/Token", "/OAUTH/TOKEN", "/oauth/token/x"):
        answer = post(console, client.form, path=path)
        assert answer.status in (400, 401, 404), path
        assert "access_token" not in answer.text


# --- one door does not open the other ---------------------------------------------------------------------------------


def test_a_session_gets_no_token_and_a_token_opens_no_page(console: Appliance, client: Client, eva: Visitor):
    eva.get("/oauth")
    page = eva.post(PATH, **GRANT)
    assert (page.status, json.loads(page.text)["error"]) == (401, "invalid_client")
    assert not page.cookies
    token = token_of(post(console, client.form))
    stranger = Visitor(console.url)
    for headers in (
        {"Authorization": f"Bearer {token}"},
        {"Authorization": str(client.basic()["Authorization"])},
        {"Cookie": f"recnice_session={token}"},
    ):
        assert stranger.get("/oauth", headers).status == 303
        assert stranger.post("/oauth/clients", headers, name="x").status in (400, 401)


def test_neither_a_key_nor_a_token_gets_a_token(console: Appliance, client: Client):
    token = token_of(post(console, client.form))
    for bearer in (token, console.key):
        assert_refused(post(console, GRANT, {"Authorization": f"Bearer {bearer}"}), 401, "invalid_client")
        assert_refused(post(console, {**client.form, "client_secret": bearer}), 401, "invalid_client")


@pytest.mark.parametrize("kind", ["suffix", "letter case", "another's", "secret"])
def test_one_answer_for_every_wrong_token(console: Appliance, client: Client, kind: str):
    token = token_of(post(console, client.form))
    wrong = {
        "suffix": token + "x",
        "letter case": token.swapcase(),
        "another's": "rcn_oat_" + "A" * 43 + "_000000",
        "secret": client.secret,
    }[kind]
    answers = [
        console.request("GET", "/scim/Users", headers={"Authorization": f"Bearer {one}"}) for one in (wrong, "x")
    ]
    assert [one.status for one in answers] == [401, 401]
    assert answers[0].text == answers[1].text
    assert {one.headers["www-authenticate"] for one in answers} == {'Bearer realm="Recnice SCIM"'}


def test_a_token_in_cookie_or_address_is_none(console: Appliance, client: Client):
    token = token_of(post(console, client.form))
    for path, headers in ((f"/scim/Users?access_token={token}", {}), ("/scim/Users", {"Cookie": f"token={token}"})):
        assert console.request("GET", path, headers={"Authorization": None, **headers}).status == 401


# --- what is written down ---------------------------------------------------------------------------------------------


def test_no_secret_and_no_token_is_in_the_log(console: Appliance, client: Client):
    token = token_of(post(console, client.form))
    post(console, {**client.form, "client_id": "x"})
    post(console, "", path=f"{PATH}?{urlencode(client.form)}")
    console.request("GET", "/scim/Users", headers={"Authorization": f"Bearer {token}x"})
    kept = console.output + "".join(
        path.read_bytes().decode("latin-1") for path in console.data.glob("*") if path.is_file()
    )
    for text in (client.secret, token):
        assert text not in kept and text[12:40] not in kept


def test_an_operator_sees_why_there_was_no_token(appliance: Appliance):
    assert appliance.command("admin", "create", "--user-name", "eva", "--password-stdin", typed="a blue kettle sings\n")
    mine = make_client(appliance)
    visitor = Visitor(appliance.url)
    assert visitor.sign_in().status == 303
    post(appliance, {**mine.form, "client_id": "unknown"})
    assert "Sync stopped Access token request refused" in words(visitor.get("/problems").text)
    assert "Refused: the client identifier or the client secret is wrong" in words(
        visitor.get("/activity?cycle=0").text
    )
    bearer = {"Authorization": f"Bearer {token_of(post(appliance, mine.form))}"}
    assert appliance.request("GET", "/scim/Users?count=1", headers=bearer).status == 200
    assert "No open problems." in visitor.get("/problems").text


def test_only_failures_are_slowed(appliance: Appliance):
    mine = make_client(appliance)
    wrong = {**mine.form, "client_id": "unknown"}
    answers = [post(appliance, wrong) for _ in range(bounds.ADDRESS_FAILURES + 1)]
    assert [one.status for one in answers] == [401] * bounds.ADDRESS_FAILURES + [429]
    assert_refused(answers[-1], 429, "temporarily_unavailable")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= bounds.ADDRESS_FAILURE_WINDOW_S + 1
    token = token_of(post(appliance, mine.form))
    bearer = {"Authorization": f"Bearer {token}"}
    assert appliance.request("GET", "/scim/Users?count=1", headers=bearer).status == 200


# --- in this process: the clock, the database, a provider -------------------------------------------------------------


@pytest.fixture
def inside(app: Flask) -> Client:
    with app.app_context():
        made = oauth_clients.create_client("Entra", HOST)
    return Client(made.client_id, made.text)


def test_discovery_advertises_it_with_its_public_address(app: Flask, inside: Client):
    visitor = app.test_client()
    token = visitor.post(PATH, data=inside.form, base_url=BASE).json["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    config = visitor.get("/scim/ServiceProviderConfig", headers=bearer, base_url=BASE).json
    [scheme] = [one for one in config["authenticationSchemes"] if one["type"] == "oauth2"]
    assert f"{BASE}/sub{PATH}" in scheme["description"]
    assert f"{BASE}/sub{PATH}" in visitor.get("/documentation", base_url=BASE).text


def test_an_expired_token_is_refused_like_any_other_and_never_slowed(
    app: Flask, inside: Client, monkeypatch: pytest.MonkeyPatch
):
    visitor, now = app.test_client(), [clock.utc_now()]
    monkeypatch.setattr(clock, "utc_now", lambda: now[0])
    token = visitor.post(PATH, data=inside.form, base_url=BASE).json["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert visitor.get("/scim/Users", headers=bearer, base_url=BASE).status_code == 200
    now[0] += timedelta(seconds=bounds.ACCESS_TOKEN_S)
    wrong = visitor.get("/scim/Users", headers={"Authorization": "Bearer x"}, base_url=BASE)
    for _ in range(bounds.ADDRESS_FAILURES + 5):
        expired = visitor.get("/scim/Users", headers=bearer, base_url=BASE)
        assert expired.status_code == 401
    assert expired.data == wrong.data
    assert expired.headers["WWW-Authenticate"] == wrong.headers["WWW-Authenticate"]
    again = visitor.post(PATH, data=inside.form, base_url=BASE).json["access_token"]
    assert visitor.get("/scim/Users", headers={"Authorization": f"Bearer {again}"}, base_url=BASE).status_code == 200


def test_without_a_database_it_says_when_to_come_back(app: Flask, inside: Client, monkeypatch: pytest.MonkeyPatch):
    from app.scim import errors

    def full(*_: object) -> None:
        raise errors.unavailable("the disk is full")

    for way in ("writing", "reading"):
        with monkeypatch.context() as patch:
            patch.setattr(directory_database, way, full)
            answer = app.test_client().post(PATH, data=inside.form, base_url=BASE)
        assert (answer.status_code, answer.json["error"]) == (503, "temporarily_unavailable")
        assert answer.headers["Retry-After"] and "disk" not in answer.text


def test_the_list_of_addresses_holds_here_too(app: Flask, inside: Client):
    with app.app_context():
        allow_list.allow(["192.0.2.0/24"], "", HOST)
        allow_list.set_mode(Mode.ENFORCE, HOST)

    def ask(address: str) -> Any:
        return app.test_client().post(PATH, data=inside.form, base_url=BASE, environ_base={"REMOTE_ADDR": address})

    assert ask("192.0.2.7").status_code == 200
    refused = ask("198.51.100.7")
    assert (refused.status_code, refused.json["error"]) == (403, "access_denied")
    assert refused.headers["Pragma"] == "no-cache"


def test_who_fetches_a_token_is_remembered_while_addresses_are_watched(app: Flask, inside: Client):
    with app.app_context():
        allow_list.set_mode(Mode.WATCH, HOST)
    for address, secret in (("192.0.2.7", inside.secret), ("198.51.100.7", "wrong")):
        form = {**inside.form, "client_secret": secret}
        app.test_client().post(PATH, data=form, base_url=BASE, environ_base={"REMOTE_ADDR": address})
    with app.app_context():
        assert [one.address for one in allow_list.source_list().sources] == ["192.0.2.7"]


def test_a_fault_of_ours_is_told_in_the_same_form(app: Flask, inside: Client, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr(token_endpoint, "_token", fail)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = app.test_client().post(PATH, data=inside.form, base_url=BASE)
    assert (answer.status_code, answer.json["error"]) == (500, "server_error")
    assert "secret words" not in answer.text


def test_a_signed_assertion_over_http(app: Flask, inside: Client, generic: SigningProvider):
    generic.user = {"sub": "robot", "aud": f"{BASE}/sub{PATH}"}
    app.extensions[token_endpoint.SIGNERS] = Signers(generic.authority.ca_file)
    with app.app_context():
        oauth_clients.add_trust(
            inside.id, generic.issuer, "robot", f"{BASE}/sub{PATH}", HOST, Signers(generic.authority.ca_file)
        )
    visitor = app.test_client()

    def ask(**form: str) -> Any:
        return visitor.post(PATH, data={**GRANT, "client_assertion_type": JWT_BEARER, **form}, base_url=BASE)

    first = sign(generic.claims(jti="1"))
    answer = ask(client_assertion=first)
    assert answer.status_code == 200, answer.text
    bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert visitor.get("/scim/Users", headers=bearer, base_url=BASE).status_code == 200
    refused = ask(client_assertion=first, client_id=inside.id)
    assert (refused.status_code, refused.json["error"]) == (401, "invalid_client")
    assert ask(client_assertion=sign(generic.claims(jti="2")), client_id=inside.id).status_code == 200
    assert ask(client_assertion=sign(generic.claims(jti="3")), client_id="other").status_code == 401


def test_while_a_provider_is_away_others_get_their_tokens(app: Flask, inside: Client, generic: SigningProvider):
    generic.user = {"sub": "robot", "aud": "us"}
    app.extensions[token_endpoint.SIGNERS] = signers = Signers(generic.authority.ca_file)
    with app.app_context():
        oauth_clients.add_trust(inside.id, generic.issuer, "robot", "us", HOST, signers)
    generic.asked.clear()
    generic.faults["discovery"] = Faults.closes
    visitor = app.test_client()
    form = {**GRANT, "client_assertion_type": JWT_BEARER, "client_assertion": sign(generic.claims(jti="1"))}
    for _ in range(3):
        away = visitor.post(PATH, data=form, base_url=BASE)
        assert (away.status_code, away.json["error"]) == (503, "temporarily_unavailable")
        assert away.headers["Retry-After"] and "127.0.0.1" not in away.text
    assert len(generic.asked) == 1
    assert visitor.post(PATH, data=inside.form, base_url=BASE).status_code == 200
