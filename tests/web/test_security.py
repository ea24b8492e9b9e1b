"""Who is let in: SCIM by a key and nothing else, the console by a session and nothing else."""

import re
import socket
import stat
from pathlib import Path

import pytest
from flask import Flask

from app import bounds, data_folder
from app.administration.accounts import administrators, password_sign_in, sessions
from app.administration.accounts.sessions import Browser
from app.administration.audit import HOST
from app.administration.credentials import scim_keys
from app.web.security import request_authentication
from app.web.security.failed_request_counts import AddressFailures
from app.web.security.response_headers import CONSOLE_POLICY
from tests.conftest import Appliance
from tests.web.visitor import FORM, PASSWORD, Visitor, set_up

FORM_HEADER = "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked"
OPEN_PATHS = {
    "/static/<path:filename>",
    "/setup",
    "/login",
    "/login/code",
    "/healthz",
    "/readyz",
    "/documentation",
    "/oauth/token",
    "/auth/start",
    "/auth/callback",
    "/signed-out",
}


def concrete(rule: str) -> str:
    """A path that the rule matches."""
    rule = re.sub(r"<any\((\w+)[^>]+>", r"\1", rule)
    return re.sub(r"<[^>]+>", "x", re.sub(r"<(int|row):[^>]+>", "1", rule))


# --- every route ------------------------------------------------------------------------------------------------------


def test_every_route_but_the_open_ones_refuses_a_stranger(app: Flask):
    with app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
    visitor = app.test_client()
    seen = set()
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            answer = visitor.open(concrete(rule.rule), method=method, base_url="https://scim.recnice.example")
            seen.add(rule.rule)
            if rule.rule in OPEN_PATHS:
                continue
            if rule.endpoint == "console.renamed":
                assert answer.status_code == (308 if method in ("GET", "HEAD") else 400), (method, rule.rule)
            elif rule.rule.startswith("/scim"):
                assert answer.status_code in (401, 429), (method, rule.rule)
            elif method in ("GET", "HEAD"):
                assert answer.status_code == 303, (method, rule.rule)
                assert answer.headers["Location"].startswith("/sub/login"), (method, rule.rule)
            else:
                assert answer.status_code == 401, (method, rule.rule)
    assert seen >= OPEN_PATHS | {"/", "/account", "/users", "/users/<resource_id>", "/groups", "/scim/Users"}


def test_every_form_wants_a_token(app: Flask):
    with app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
        token = password_sign_in.sign_in("eva", PASSWORD, Browser("127.0.0.1"))
    visitor = app.test_client()
    visitor.set_cookie("__Secure-recnice_session", token, domain="scim.recnice.example", path="/sub")
    checked = 0
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or set()) and not rule.endpoint.startswith("scim"):
            path = "/sub" + concrete(rule.rule)
            for form in ({}, {"csrf_token": "made up"}):
                answer = visitor.post(path, data=form, base_url="https://scim.recnice.example")
                assert answer.status_code == 400, path
                checked += 1
    assert checked >= 2 * 6
    with app.app_context():
        assert sessions.session(token)
        assert scim_keys.list_keys() == []


def test_scim_wants_no_form_token(shared_appliance: Appliance):
    assert shared_appliance.request("POST", "/scim/Users", {"userName": "no-token@recnice.example"}).status == 201


# --- SCIM -------------------------------------------------------------------------------------------------------------


def bearers(key: str) -> dict[str, str | None]:
    return {
        "missing": None,
        "empty": "",
        "scheme alone": "Bearer",
        "no scheme": key,
        "another scheme": f"Basic {key}",
        "twice": f"Bearer {key}, Bearer {key}",
        "with a suffix": f"Bearer {key}x",
        "in another letter case": f"Bearer {key.swapcase()}",
        "not ASCII": "Bearer \xe9\xff\xe9",
        "not ASCII digits": "Bearer " + "\xb2" * 59,
        "quoted": f'Bearer "{key}"',
        "with a parameter": f"Bearer {key}; x=y",
        "very long": "Bearer " + "A" * 20_000,
    }


@pytest.mark.parametrize("kind", bearers(""))
def test_one_answer_for_every_wrong_key(shared_appliance: Appliance, kind: str):
    ask = shared_appliance.request
    wrong = ask("GET", "/scim/Users", headers={"Authorization": bearers(shared_appliance.key)[kind]})
    model = ask("GET", "/scim/Users", headers={"Authorization": "Bearer rcn_scim_wrong"})
    assert wrong.status == 401
    assert wrong.text == model.text and wrong.json["status"] == "401"
    assert wrong.headers["www-authenticate"] == 'Bearer realm="Recnice SCIM"'
    assert wrong.headers["content-type"] == "application/scim+json"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_scheme_in_any_letter_case(shared_appliance: Appliance, scheme: str):
    sent = {"Authorization": f"{scheme} {shared_appliance.key}"}
    assert shared_appliance.request("GET", "/scim/Users?count=1", headers=sent).status == 200


@pytest.mark.parametrize(
    "path",
    ["/scim", "/scim/", "/scim/v2", "/scim/nothing", "/scim/Users/../Schemas", "/scim/%55sers", "/scim/Users%00"],
)
def test_unknown_scim_paths_want_a_key_as_well(shared_appliance: Appliance, path: str):
    assert shared_appliance.request("GET", path, headers={"Authorization": None}).status == 401


def test_no_key_in_cookie_or_address(shared_appliance: Appliance):
    key = shared_appliance.key
    for path, headers in (
        ("/scim/Users", {"Cookie": f"token={key}; recnice_session={key}; Authorization=Bearer {key}"}),
        (f"/scim/Users?access_token={key}", {}),
        (f"/scim/Users?authorization=Bearer%20{key}", {"X-Authorization": f"Bearer {key}"}),
    ):
        assert shared_appliance.request("GET", path, headers={"Authorization": None, **headers}).status == 401


def test_a_session_opens_no_scim_and_a_key_no_page(console: Appliance, eva: Visitor, stranger: Visitor):
    assert eva.get("/account").status == 200
    assert eva.get("/scim/Users").status == 401
    assert stranger.get("/account", {"Authorization": f"Bearer {console.key}"}).status == 303
    assert stranger.get("/account", {"Cookie": f"recnice_session={console.key}"}).status == 303


def test_only_failures_are_slowed(appliance: Appliance):
    wrong = {"Authorization": "Bearer wrong"}
    answers = [appliance.request("GET", "/scim/Users", headers=wrong) for _ in range(bounds.ADDRESS_FAILURES + 1)]
    refused = [answer for answer in answers if answer.status == 401]
    # The fixture's own look whether the appliance answers had no key either.
    assert bounds.ADDRESS_FAILURES - 20 < len(refused) <= bounds.ADDRESS_FAILURES
    assert {answer.status for answer in answers[len(refused) :]} == {429}
    slowed = answers[-1]
    assert slowed.json["status"] == "429"
    assert 1 <= int(slowed.headers["retry-after"]) <= bounds.ADDRESS_FAILURE_WINDOW_S + 1
    assert appliance.request("GET", "/scim/Users").status == 200


def test_failures_are_forgotten_and_never_many(monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr("app.web.security.failed_request_counts.time.monotonic", lambda: now[0])
    monkeypatch.setattr(bounds, "FAILING_ADDRESSES", 3)
    failures = AddressFailures()
    for _ in range(bounds.ADDRESS_FAILURES):
        assert failures.count("192.0.2.1") == 0
    assert failures.count("192.0.2.1") == bounds.ADDRESS_FAILURE_WINDOW_S + 1
    assert failures.count("192.0.2.2") == 0
    now[0] = bounds.ADDRESS_FAILURE_WINDOW_S
    assert failures.count("192.0.2.1") == 0
    for n in range(100):
        failures.count(f"198.51.100.{n}")
    assert len(failures._moments) == 3


def test_failures_of_an_ipv6_network_are_those_of_one():
    failures = AddressFailures()
    for n in range(bounds.ADDRESS_FAILURES):
        assert failures.count(f"2001:db8:0:1::{n:x}") == 0
    assert failures.count("2001:db8:0:1:ffff::1") and failures.wait_s("2001:db8:0:1::ffff:1")
    assert not failures.wait_s("2001:db8:0:2::1") and not failures.wait_s("unknown")
    assert failures.count("2001:db8:0:2::1") == 0


@pytest.mark.parametrize(("prefix", "form"), [(56, "2001:db8:0:{:x}::1"), (48, "2001:db8:0:{:x}00::1")])
def test_failures_of_an_ipv6_site_are_counted_together(prefix: int, form: str):
    """Another /64, or another /56, for every request gives no more tries."""
    failures = AddressFailures(limit=lambda: 2)
    for n in range(2 * bounds.FAILURES_OF_IPV6[prefix]):
        assert failures.count(form.format(n)) == 0
    assert failures.count(form.format(99)) and failures.wait_s(form.format(100))
    assert not failures.wait_s("2001:db8:1::1")


# --- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_from_elsewhere_is_refused_whatever_token_it_has(eva: Visitor, headers: dict[str, str]):
    eva.get("/account")
    assert eva.post("/logout", headers).status == 403
    assert eva.get("/account").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_form_from_here_is_taken(eva: Visitor, headers: dict[str, str]):
    eva.get("/account")
    assert eva.post("/logout", headers).status == 303


def test_a_form_with_our_own_origin_is_taken(console: Appliance, eva: Visitor):
    eva.get("/account")
    assert eva.post("/logout", {"Origin": console.url, "Sec-Fetch-Site": "same-origin"}).status == 303


def test_ones_token_is_not_anothers(eva: Visitor, stranger: Visitor):
    stranger.get("/login")
    assert eva.post("/logout", csrf_token=stranger.token).status == 400
    assert eva.get("/account").status == 200


def test_a_get_changes_nothing(console: Appliance, eva: Visitor):
    before = console.command("key", "list").stdout
    for path in ("/logout", "/account/keys", "/me/password", "/me/sessions"):
        assert eva.get(path).status == 405, path
    assert eva.get("/account").status == 200
    assert console.command("key", "list").stdout == before


def test_a_form_is_bounded(eva: Visitor):
    eva.get("/account")
    assert eva.post("/logout", padding="x" * bounds.FORM_BYTES).status == 413


@pytest.mark.parametrize("path", ["/login", "/oauth/token"])
def test_a_form_too_large_is_refused_before_its_end(console: Appliance, path: str):
    most = max(bounds.FORM_BYTES, bounds.TOKEN_REQUEST_BYTES)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{console.port}\r\nOrigin: {console.url}\r\n{FORM_HEADER}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", console.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"fffff\r\na=" + b"x" * most)
        assert connection.recv(1_024).startswith(b"HTTP/1.1 413 ")


def test_a_file_may_be_longer_than_a_form(app: Flask):
    most = request_authentication.body_bytes(app)
    assert most("/attributes/review", "") == most("/scim/Users", "Bearer x") == bounds.WIRE_BODY_BYTES
    assert most("/scim/Users", "Bearer") == 0


# --- sessions and cookies ---------------------------------------------------------------------------------------------


def test_a_new_session_at_every_sign_in_and_none_after_signing_out(console: Appliance, stranger: Visitor):
    first = stranger.sign_in().cookies["recnice_session"]
    second = stranger.sign_in().cookies["recnice_session"]
    assert first != second
    old = Visitor(console.url, {"recnice_session": first.partition(";")[0].partition("=")[2]})
    assert old.get("/account").status == 303
    kept = Visitor(console.url, dict(stranger.cookies))
    stranger.get("/account")
    gone = stranger.post("/logout")
    assert (gone.status, gone.location) == (303, "/login")
    assert "recnice_session" not in stranger.cookies
    assert kept.get("/account").status == 303


def test_a_session_that_the_browser_was_given_beforehand_is_not_taken_over(console: Appliance):
    victim = Visitor(console.url, {"recnice_session": "A" * 43})
    victim.sign_in()
    assert victim.cookies["recnice_session"] != "A" * 43


def test_what_a_cookie_says_of_itself(eva: Visitor, stranger: Visitor):
    attributes = set(stranger.sign_in().cookies["recnice_session"].split("; ")[1:])
    assert attributes == {"HttpOnly", "Path=/", "SameSite=Lax"}


@pytest.mark.parametrize(
    ("public_url", "name", "path"),
    [
        ("https://scim.recnice.example", "__Host-recnice_session", "/"),
        ("https://recnice.example/sub/path", "__Secure-recnice_session", "/sub/path"),
    ],
)
def test_cookies_under_https(new_appliance, public_url: str, name: str, path: str):
    fresh = new_appliance(flags=("--public-url", public_url)).start()
    made = fresh.command("admin", "create", "--user-name", "eva", "--password-stdin", typed=PASSWORD + "\n")
    assert made.returncode == 0, made.stderr
    answer = Visitor(fresh.url).sign_in()
    assert answer.status == 303
    attributes = set(answer.cookies[name].split("; ")[1:])
    assert attributes == {"HttpOnly", f"Path={path}", "SameSite=Lax", "Secure"}
    form = next(line for other, line in answer.cookies.items() if other != name)
    assert form.startswith(name.partition("recnice")[0]) and "Secure" in form
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert fresh.stop() == 0


def test_two_processes_that_make_the_secret_at_once_have_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file, others = tmp_path / "recnice.secret", b"o" * data_folder.SECRET_BYTES

    def made_meanwhile(size: int) -> bytes:
        file.write_bytes(others)
        return b"m" * size

    monkeypatch.setattr("app.data_folder.secrets.token_bytes", made_meanwhile)
    assert data_folder.secret(tmp_path) == others == file.read_bytes()
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("is_broken", [False, True])
def test_a_disk_without_links_and_a_broken_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_broken: bool):
    def no_links(*_: object) -> None:
        raise PermissionError

    file = tmp_path / "recnice.secret"
    if is_broken:
        file.write_bytes(b"short")
    else:
        monkeypatch.setattr("os.link", no_links)
    made = data_folder.secret(tmp_path)
    assert len(made) == data_folder.SECRET_BYTES and made == file.read_bytes() == data_folder.secret(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


def test_the_secret_of_form_tokens_is_for_its_owner_and_stays(console: Appliance):
    file = console.data / data_folder.SECRET_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes()) == data_folder.SECRET_BYTES


def test_a_session_survives_a_restart_and_so_does_a_form(new_appliance):
    fresh = new_appliance().start()
    visitor = set_up(fresh)
    visitor.get("/account")
    assert fresh.stop() == 0
    fresh.start()
    assert visitor.get("/account").status == 200
    assert visitor.post("/account/keys").status == 200


# --- where to go after signing in -------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["/users?q=a%20b&page=2", "/groups/1", "/"])
def test_on_to_the_page_that_was_wanted(stranger: Visitor, wanted: str):
    asked = stranger.get(wanted)
    assert asked.status == 303
    assert stranger.get(asked.location).status == 200
    found = re.search(r'name="next" value="([^"]*)"', stranger.get(asked.location).text)
    following = found[1].replace("&amp;", "&") if found else ""
    answer = stranger.post("/login", user_name="eva", password=PASSWORD, next=following)
    assert (answer.status, answer.location) == (303, wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/a\\b",
        "/a\r\nSet-Cookie: x=y",
        "/ space",
        "",
        "x",
        "/\t/evil.example",
    ],
)
def test_never_on_to_another_site(stranger: Visitor, wanted: str):
    stranger.get("/login")
    answer = stranger.post("/login", user_name="eva", password=PASSWORD, next=wanted)
    assert (answer.status, answer.location) == (303, "/")


# --- headers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/login", "/account", "/nothing", "/healthz", "/setup", "/.env", "/static/nothing"])
def test_headers_of_pages(stranger: Visitor, path: str):
    headers = stranger.get(path).headers
    assert headers["content-security-policy"] == CONSOLE_POLICY
    assert "unsafe" not in CONSOLE_POLICY and CONSOLE_POLICY.startswith("default-src 'none'; script-src 'self';")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert "server" not in headers and "strict-transport-security" not in headers


def test_headers_of_scim(shared_appliance: Appliance):
    for headers in ({}, {"Authorization": None}):
        told = shared_appliance.request("GET", "/scim/Users", headers=headers).headers
        assert told["content-security-policy"].startswith("default-src 'none'")
        assert told["cache-control"] == "no-store" and told["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in told and not [name for name in told if name.startswith("access-control")]


def test_static_files_are_kept_by_browsers_under_an_address_with_a_version(stranger: Visitor):
    page = stranger.get("/login").text
    addresses = re.findall(r'(?:href|src)="(/static/[^"#]+)[#"]', page)
    assert len(addresses) >= 4
    for address in addresses:
        assert "immutable" in stranger.get(address).headers["cache-control"], address
        assert stranger.get(address.partition("?")[0]).headers["cache-control"] == "no-store"


def test_pages_have_nothing_inline_and_nothing_from_elsewhere(eva: Visitor):
    for path in ("/", "/account", "/users", "/groups", "/nothing"):
        page = eva.get(path).text
        assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=|javascript:", page), path
        assert not re.findall(r'(?:href|src|action)="(?:https?:)?//', page), path


def test_a_sign_in_form_from_nowhere_is_refused(stranger: Visitor):
    told = stranger.request("POST", "/login", {"Content-Type": FORM}, "user_name=eva&password=x")
    assert told.status == 400
    assert "recnice_session" not in told.cookies


def test_head_asks_for_the_sign_in_page_and_tries_nobody(app: Flask):
    with app.app_context():
        administrators.create_operator("eva", PASSWORD, HOST)
    visitor = app.test_client()
    for _ in range(bounds.SIGN_IN_FAILURES + 2):
        assert visitor.head("/sub/login", base_url="https://scim.recnice.example").status_code == 200
    visitor.get("/sub/login", base_url="https://scim.recnice.example")
    with app.app_context():
        assert password_sign_in.sign_in("eva", PASSWORD, Browser("127.0.0.1"))
