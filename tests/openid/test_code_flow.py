import http.client
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from app import bounds
from app.openid import code_flow
from app.openid import provider as ours
from app.openid.code_flow import OpenIdClient, Ticket
from app.openid.errors import ENTRA_HINTS, ProviderCode
from app.openid.id_token import Claims
from app.openid.signing_keys import Keys
from tests.openid.provider import CLIENT_ID, CLIENT_SECRET, Faults, SigningProvider, trusting
from tests.openid.refusal import refused

BACK = "https://scim.example.org/sign-in/answer"
NASTY = "<script>AADSTS7000215</script>"


class Flow:
    """We and one provider; the browser between us is played here, straight at the provider's port."""

    def __init__(self, theirs: SigningProvider) -> None:
        self.theirs = theirs
        theirs.redirect_uris = {BACK}
        self.client = OpenIdClient(CLIENT_ID, CLIENT_SECRET)
        self.keys = Keys(theirs.authority.ca_file)
        self.provider = self.discover()

    def discover(self) -> ours.Provider:
        return ours.discover(ours.read_issuer(self.theirs.issuer), self.theirs.authority.ca_file)

    def begin(self, **of: Any) -> tuple[str, Ticket]:
        return code_flow.begin(self.provider, self.client, BACK, **of)

    def visit(self, address: str) -> dict[str, str]:
        """What the provider sends the browser back with."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.theirs.port, context=trusting(self.theirs.authority))
        try:
            parts = urlsplit(address)
            connection.request("GET", f"{parts.path}?{parts.query}")
            answer = connection.getresponse()
            answer.read()
            location = answer.getheader("Location")
        finally:
            connection.close()
        assert location is not None and location.startswith(BACK + "?"), answer.status
        return dict(parse_qsl(urlsplit(location).query))

    def finish(self, ticket: Ticket, code: str) -> Claims:
        return code_flow.finish(self.provider, self.client, ticket, code, self.keys)

    def go(self, **of: Any) -> Claims:
        address, ticket = self.begin(**of)
        return self.finish(ticket, code_flow.read_answer(self.provider, ticket, self.visit(address)))


@pytest.fixture
def flow(generic: SigningProvider) -> Flow:
    return Flow(generic)


@pytest.fixture
def entra_flow(entra: SigningProvider) -> Flow:
    return Flow(entra)


def test_a_whole_flow(flow: Flow):
    assert flow.go().subject == "ada-subject"
    sent = next(headers for name, headers in flow.theirs.asked if name == "token")
    assert sent["authorization"].startswith("Basic ")


def test_a_whole_flow_with_entra(entra_flow: Flow):
    found = entra_flow.go()
    assert (found.tenant, found.object_id) == (entra_flow.theirs.tenant, entra_flow.theirs.user["oid"])
    assert not any("authorization" in headers for _, headers in entra_flow.theirs.asked)


def test_a_secret_is_shown_in_the_form_where_the_provider_wants_that(flow: Flow):
    flow.theirs.document_change = lambda one: one | {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    flow.provider = flow.discover()
    assert flow.go().subject == "ada-subject"
    assert not any("authorization" in headers for _, headers in flow.theirs.asked)


def test_what_is_asked_for(flow: Flow):
    address, ticket = flow.begin(prompt="select_account", max_age=300)
    assert address.startswith(flow.provider.authorization_endpoint + "?")
    sent = parse_qs(urlsplit(address).query)
    assert sent.pop("code_challenge") != [ticket.verifier]
    assert sent == {
        "response_type": ["code"],
        "client_id": [CLIENT_ID],
        "redirect_uri": [BACK],
        "scope": ["openid profile"],
        "state": [ticket.state],
        "nonce": [ticket.nonce],
        "code_challenge_method": ["S256"],
        "prompt": ["select_account"],
        "max_age": ["300"],
    }
    assert CLIENT_SECRET not in address and ticket.verifier not in address
    plain = parse_qs(urlsplit(flow.begin()[0]).query)
    assert "prompt" not in plain and "max_age" not in plain
    assert parse_qs(urlsplit(flow.begin(max_age=0)[0]).query)["max_age"] == ["0"]


def test_everything_random_is_long_and_new(flow: Flow):
    tickets = [flow.begin()[1] for _ in range(50)]
    texts = [text for one in tickets for text in (one.state, one.nonce, one.verifier)]
    assert len(set(texts)) == 150
    assert all(len(text) >= 43 for text in texts)  # 256 bits; a verifier has at least 43 characters (RFC 7636 §4.1)


def test_secrets_are_not_in_what_is_printed(flow: Flow):
    _, ticket = flow.begin()
    shown = repr(ticket) + repr(flow.client)
    assert not any(secret in shown for secret in (ticket.state, ticket.nonce, ticket.verifier, CLIENT_SECRET))
    assert Ticket(**asdict(ticket)) == ticket


def test_an_endpoint_with_a_query_keeps_it(flow: Flow):
    flow.theirs.document_change = lambda one: one | {"authorization_endpoint": "https://a.example/go?p=policy"}
    flow.provider = flow.discover()
    assert parse_qs(urlsplit(flow.begin()[0]).query)["p"] == ["policy"]


# --- the way back


def test_an_answer_of_another_sign_in(flow: Flow):
    _, ticket = flow.begin()
    _, other = flow.begin()
    for state in (other.state, "", None, "\ud800", ticket.state + "x"):
        sent = {"code": "abc"} if state is None else {"code": "abc", "state": state}
        with refused(ProviderCode.WRONG_STATE):
            code_flow.read_answer(flow.provider, ticket, sent)
    assert code_flow.read_answer(flow.provider, ticket, {"code": "abc", "state": ticket.state}) == "abc"


def test_the_state_is_looked_at_first(flow: Flow):
    _, ticket = flow.begin()
    with refused(ProviderCode.WRONG_STATE):
        code_flow.read_answer(flow.provider, ticket, {"error": "access_denied", "state": "other"})


def test_an_answer_of_another_issuer(flow: Flow):
    _, ticket = flow.begin()
    sent = {"code": "abc", "state": ticket.state}
    assert code_flow.read_answer(flow.provider, ticket, sent | {"iss": flow.theirs.issuer}) == "abc"
    with refused(ProviderCode.WRONG_ISSUER):
        code_flow.read_answer(flow.provider, ticket, sent | {"iss": "https://other.example"})


def test_a_sign_in_that_is_refused(flow: Flow):
    flow.theirs.refuses = "access_denied"
    address, ticket = flow.begin()
    with refused(ProviderCode.SIGN_IN_REFUSED) as caught:
        code_flow.read_answer(flow.provider, ticket, flow.visit(address))
    assert "access_denied" in str(caught.value)


@pytest.mark.parametrize("error", [NASTY, "", "Access_Denied", "a" * 41, "access denied", "\n"])
def test_an_error_is_repeated_only_where_it_is_a_plain_word(flow: Flow, error: str):
    _, ticket = flow.begin()
    sent = {"state": ticket.state, "error": error, "error_description": NASTY + " Call 555-0100"}
    with refused(ProviderCode.SIGN_IN_REFUSED) as caught:
        code_flow.read_answer(flow.provider, ticket, sent)
    text = str(caught.value)
    assert "no known reason, AADSTS7000215" in text
    assert "script" not in text and "555" not in text and "aaaa" not in text


@pytest.mark.parametrize("code", [None, "", "a\nb", "\u00e9", "x" * (bounds.AUTHORIZATION_CODE_LENGTH + 1)])
def test_a_code_is_bounded_plain_text(flow: Flow, code):
    _, ticket = flow.begin()
    with refused(ProviderCode.NO_CODE):
        code_flow.read_answer(flow.provider, ticket, {"state": ticket.state} | ({} if code is None else {"code": code}))
    with refused(ProviderCode.NO_CODE):
        flow.finish(ticket, code)
    assert flow.theirs.count("token") == 0


def test_a_code_works_once(flow: Flow):
    address, ticket = flow.begin()
    code = flow.visit(address)["code"]
    flow.finish(ticket, code)
    with refused(ProviderCode.TOKEN_REFUSED) as caught:
        flow.finish(ticket, code)
    assert "invalid_grant, AADSTS54005" in str(caught.value)


def test_a_code_of_another_browser_does_not_fit_the_ticket(flow: Flow):
    theirs, _ = flow.begin()
    _, ours_ = flow.begin()
    with refused(ProviderCode.TOKEN_REFUSED):
        flow.finish(ours_, flow.visit(theirs)["code"])


def test_a_token_of_another_sign_in(flow: Flow):
    flow.theirs.claims_change = lambda claims: claims | {"nonce": "of-another-sign-in"}
    with refused(ProviderCode.WRONG_NONCE):
        flow.go()


def test_a_wrong_secret_says_what_to_do(entra_flow: Flow):
    entra_flow.client = OpenIdClient(CLIENT_ID, "wrong")
    with refused(ProviderCode.CLIENT_REFUSED) as caught:
        entra_flow.go()
    text = str(caught.value)
    assert "invalid_client, AADSTS7000215" in text
    assert "Value" in text and "Secret ID" in text
    assert "wrong)" not in text and "<b>" not in text


@pytest.mark.parametrize(("number", "hint"), list(ENTRA_HINTS.items()))
def test_the_commonest_errors_have_a_hint(flow: Flow, number: str, hint: str):
    description = f"{number}: Something. Trace ID: 00000000 {NASTY.replace('7000215', 'x')}"
    flow.theirs.token_change = lambda *_: (400, {"error": "invalid_request", "error_description": description})
    with refused(ProviderCode.TOKEN_REFUSED) as caught:
        flow.go()
    assert str(caught.value) == f"The provider refused the token (invalid_request, {number}). {hint}"


def test_the_hints_that_matter_are_there():
    assert ENTRA_HINTS.keys() >= {"AADSTS7000215", "AADSTS7000222", "AADSTS50011", "AADSTS700016"}


@pytest.mark.parametrize("error", [NASTY, 5, {"a": NASTY}, [NASTY], "x y"])
@pytest.mark.parametrize("description", [None, 5, {"a": 1}, "AADSTS123", "AADSTS12345678", "xAADSTS7000215"])
def test_what_is_no_plain_error_is_not_repeated(flow: Flow, error, description):
    flow.theirs.token_change = lambda *_: (400, {"error": error, "error_description": description})
    with refused(ProviderCode.TOKEN_REFUSED) as caught:
        flow.go()
    assert str(caught.value) == "The provider refused the token (no known reason)."


def test_an_error_with_status_200_is_an_error(flow: Flow):
    flow.theirs.token_change = lambda _, answer: (200, answer | {"error": "server_error"})
    with refused(ProviderCode.TOKEN_REFUSED):
        flow.go()


@pytest.mark.parametrize("token", [None, 5, [], {"a": 1}])
def test_an_answer_without_an_id_token(flow: Flow, token):
    flow.theirs.token_change = lambda status, answer: (status, answer | {"id_token": token})
    with refused(ProviderCode.NO_ID_TOKEN):
        flow.go()


@pytest.mark.parametrize("expires", ["soon", [], [1], {"a": 1}, 1e300, "9" * 5000])
def test_the_access_token_does_not_matter(flow: Flow, expires):
    """Nothing is done with it; what stands beside the ID token may not make a sign-in break in an unknown way."""
    flow.theirs.token_change = lambda _, answer: (200, {"id_token": answer["id_token"], "expires_in": expires})
    try:
        assert flow.go().subject == "ada-subject"
    except Exception as error:
        assert getattr(error, "code", None) is ProviderCode.NO_ID_TOKEN


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Faults.hangs, ProviderCode.SLOW),
        (Faults.trickles_body, ProviderCode.SLOW),
        (Faults.is_endless, ProviderCode.TOO_LARGE),
        (Faults.is_bomb, ProviderCode.TOO_LARGE),
        (Faults.closes, ProviderCode.UNREACHABLE),
        (Faults.replies(302, b"", Location="https://127.0.0.1/"), ProviderCode.REDIRECT),
        (Faults.replies(307, b"", Location="https://127.0.0.1/"), ProviderCode.REDIRECT),
        (Faults.replies(200, b"<html>"), ProviderCode.NOT_JSON),
        (Faults.replies(200, b"[]"), ProviderCode.NOT_JSON),
        (Faults.replies(400, b"<html>"), ProviderCode.HTTP_STATUS),
        (Faults.replies(503, b'{"error": "server_error"}'), ProviderCode.HTTP_STATUS),
    ],
)
def test_the_token_endpoint_is_inside_the_bounds(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, fault, code: ProviderCode
):
    address, ticket = flow.begin()
    sent = flow.visit(address)["code"]
    if code is ProviderCode.SLOW:
        monkeypatch.setattr(bounds, "PROVIDER_ANSWER_S", 0.4)
    flow.theirs.faults["token"] = fault
    with refused(code):
        flow.finish(ticket, sent)


def test_the_token_endpoint_is_trusted_by_its_certificate(flow: Flow):
    address, ticket = flow.begin()
    sent = flow.visit(address)["code"]
    flow.keys = Keys()
    with refused(ProviderCode.NO_TRUST):
        flow.finish(ticket, sent)
    assert flow.theirs.count("token") == 0


# --- a fresh sign-in


@pytest.mark.parametrize("age", [0, 300 + bounds.TOKEN_LEEWAY_S, None])
def test_a_fresh_sign_in(flow: Flow, pass_time: Callable[[float], float], age: int | None):
    flow.theirs.now = lambda: pass_time(0)
    if age is not None:
        flow.theirs.user["auth_time"] = int(pass_time(0)) - age
    assert flow.go(max_age=300).auth_time == flow.theirs.user.get("auth_time")


def test_an_old_sign_in_is_refused_where_a_fresh_one_was_asked_for(flow: Flow, pass_time: Callable[[float], float]):
    flow.theirs.now = lambda: pass_time(0)
    flow.theirs.user["auth_time"] = int(pass_time(0)) - 301 - bounds.TOKEN_LEEWAY_S
    with refused(ProviderCode.SIGNED_IN_LONG_AGO):
        flow.go(max_age=300)
    assert flow.go().subject == "ada-subject"
