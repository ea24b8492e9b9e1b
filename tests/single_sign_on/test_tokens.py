"""What a provider may sign, say and do wrong, at the door: nobody comes in, the audit says why, and never a 500."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.openid import provider as theirs
from tests.openid.provider import NEXT_KEY, OTHER_TENANT, STRANGER_KEY, Faults, SigningProvider
from tests.single_sign_on.scene import Scene
from tests.single_sign_on.test_provider_sign_in import refused


def claims(**of: Any) -> Callable[[SigningProvider], None]:
    """Other claims in the token; None takes one away."""

    def change(provider: SigningProvider) -> None:
        provider.claims_change = lambda told: {k: v for k, v in {**told, **of}.items() if v is not None}

    return change


def signed(sign: Callable[[dict[str, Any]], str]) -> Callable[[SigningProvider], None]:
    def change(provider: SigningProvider) -> None:
        provider.sign = sign

    return change


LONG_AGO = int(time.time()) - 100_000
TOKENS: dict[str, tuple[Callable[[SigningProvider], None], str]] = {
    "another issuer": (claims(iss=f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0"), "wrong-issuer"),
    "the issuer with a slash": (
        claims(iss=f"https://login.microsoftonline.com/{theirs.TENANT}/v2.0/"),
        "wrong-issuer",
    ),
    "another audience": (claims(aud="another"), "wrong-audience"),
    "two audiences": (claims(aud=[theirs.CLIENT_ID, "another"]), "wrong-audience"),
    "a guest of another tenant": (claims(tid=OTHER_TENANT), "wrong-tenant"),
    "no tenant": (claims(tid=None), "wrong-tenant"),
    "another nonce": (claims(nonce="another"), "wrong-nonce"),
    "no nonce": (claims(nonce=None), "wrong-nonce"),
    "expired": (claims(exp=LONG_AGO, iat=LONG_AGO, nbf=LONG_AGO), "expired"),
    "not yet": (claims(nbf=int(time.time()) + 100_000), "not-yet"),
    "no object ID": (claims(oid=None), "no-object-id"),
    "an object ID that is no text": (claims(oid=["a"]), "malformed"),
    "unsigned": (signed(theirs.unsigned), "alg-refused"),
    "signed with the public key": (signed(theirs.signed_with_public_key), "alg-refused"),
    "an unknown key": (signed(lambda told: theirs.sign(told, NEXT_KEY)), "unknown-key"),
    "a stranger's key": (signed(lambda told: theirs.sign(told, STRANGER_KEY)), "bad-signature"),
    "no token": (signed(lambda _: "x"), "malformed"),
}


OF_EVERYBODY = (
    *("wrong-issuer", "wrong-audience", "expired", "not-yet"),
    *("alg-refused", "unknown-key", "bad-signature"),
)


@pytest.mark.parametrize("which", TOKENS)
def test_a_wrong_token_lets_nobody_in(entra: Scene, ada: str, which: str):
    change, code = TOKENS[which]
    change(entra.provider)
    visitor = entra.stranger()
    is_of_everybody = code in OF_EVERYBODY
    sentence = refused(entra.go(visitor), 503 if is_of_everybody else 403)
    assert ("sent an invalid response" if is_of_everybody else "You cannot sign in here") in sentence
    assert not entra.is_in(visitor) and entra.sessions() == 0
    (entry,) = entra.audit("sign-in-refused")
    assert entry["code"] == code and entry["because"]


@pytest.mark.parametrize("is_clock", [False, True], ids=["a wrong client secret", "clocks that differ"])
def test_the_pages_say_since_when_and_why_nobody_could_sign_in(entra: Scene, ada: str, is_clock: bool):
    sentences = {"/": "Single sign-on fails", "/single-sign-on": "has failed since"}
    entra.provider.token_change = lambda status, answer: (401, {"error": "invalid_client"})
    because = "does not accept this appliance (invalid_client)"
    if is_clock:
        claims(exp=LONG_AGO, iat=LONG_AGO, nbf=LONG_AGO)(entra.provider)
        entra.provider.token_change, because = lambda *one: one, "check that the clock of this machine is right"
    assert not any(sentence in entra.owner().get(path).text for path, sentence in sentences.items())
    assert "sent an invalid response" in refused(entra.go(entra.stranger()), 503)
    for path, sentence in sentences.items():
        page = entra.owner().get(path).text
        assert sentence in page and because in page and "All well" not in page and "<b>On:</b>" not in page
    entra.provider.token_change, entra.provider.claims_change = lambda *one: one, lambda told: told
    assert entra.is_in(entra.sign_in())
    assert not any(sentence in entra.owner().get(path).text for path, sentence in sentences.items())


def test_a_refusal_of_one_person_is_nobody_elses(entra: Scene, ada: str):
    entra.provider.faults["token"] = Faults.replies(400, b'{"error": "invalid_grant"}')
    refused(entra.go(entra.stranger()))
    assert "has failed since" not in entra.owner().get("/single-sign-on").text


def test_a_refusal_that_passes_in_a_minute_says_so(entra: Scene, ada: str):
    """The keys were fetched just now for another sign-in; since then the provider has changed its key."""
    assert entra.is_in(entra.sign_in())
    entra.provider.signing_key = NEXT_KEY
    entra.provider.keys = [NEXT_KEY.as_dict(private=False)]
    assert "Try again in a minute" in refused(entra.go(entra.stranger()))
    (entry,) = entra.audit("sign-in-refused")
    assert entry["code"] == "unknown-key" and "passes within a minute" in entry["because"]


def test_an_object_id_of_another_tenant_is_nobodys(entra: Scene, ada: str):
    """The person exists here, by an identifier that only the configured tenant gives away."""
    entra.provider.claims_change = lambda told: {
        **told,
        "tid": OTHER_TENANT,
        "iss": f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0",
    }
    refused(entra.go(entra.stranger()), 503)
    assert entra.sessions() == 0


ANSWERS: dict[str, tuple[Callable[..., None], int, str]] = {
    "a page": (Faults.replies(200, b"<html>secret page</html>"), 503, "not-json"),
    "a server error": (Faults.replies(500, b'{"error": "secret page"}'), 503, "http-status"),
    "a redirect": (Faults.replies(302, b"", Location="https://evil.example/"), 503, "redirect"),
    "nothing": (Faults.closes, 503, "proxy"),
    "100 MB": (Faults.is_endless, 503, "too-large"),
    "a bomb": (Faults.is_bomb, 503, "too-large"),
    "a refusal": (Faults.replies(400, b'{"error": "invalid_grant"}'), 403, "token-refused"),
    "a refusal with a text": (
        Faults.replies(401, b'{"error": "<secret page>", "error_description": "AADSTS7000215 secret page"}'),
        403,
        "token-refused",
    ),
    "a refusal of the client": (Faults.replies(401, b'{"error": "invalid_client"}'), 503, "client-refused"),
    "no ID token": (Faults.replies(200, b'{"access_token": "x", "token_type": "Bearer"}'), 503, "no-id-token"),
}


@pytest.mark.parametrize("which", ANSWERS)
def test_a_wrong_answer_lets_nobody_in(entra: Scene, ada: str, which: str):
    fault, status, code = ANSWERS[which]
    entra.provider.faults["token"] = fault
    visitor = entra.stranger()
    page = entra.go(visitor)
    refused(page, status)
    assert not entra.is_in(visitor)
    (entry,) = entra.audit("sign-in-refused")
    assert entry["code"] == code
    assert "secret page" not in page.text + str(entry) + entra.appliance.output
    if which == "a refusal with a text":
        assert "copy the secret's Value from Entra" in entry["because"]


@pytest.mark.parametrize("fault", [Faults.hangs, Faults.trickles_body], ids=["hangs", "trickles"])
def test_a_slow_provider_is_given_up_and_hinders_no_password(entra: Scene, ada: str, fault: Callable[..., None]):
    entra.provider.faults["token"] = fault
    page = entra.go(entra.stranger())
    assert "Administrators can sign in with their password" in refused(page, 503)
    assert page.headers["retry-after"] and 'name="password"' in page.text
    assert entra.audit("sign-in-refused")[0]["code"] == "slow"
    assert entra.stranger().sign_in().status == 303


@pytest.mark.parametrize(
    "fault",
    [Faults.closes, Faults.hangs, Faults.is_endless, Faults.replies(200, b"{}"), Faults.replies(404, b"no")],
    ids=["down", "hangs", "huge", "another's", "404"],
)
def test_a_provider_that_cannot_be_discovered(entra: Scene, ada: str, fault: Callable[..., None]):
    """Saving it forgot what was known of it, so the next sign-in discovers it anew."""
    entra.provider.faults["discovery"] = fault
    visitor = entra.stranger()
    page = visitor.get("/auth/start")
    assert "Administrators can sign in with their password" in refused(page, 503)
    assert 'name="password"' in page.text and "recnice_journey" not in page.cookies
    assert "Sign-in with" in entra.owner().get("/single-sign-on").text
    assert "recnice_journey" not in visitor.get("/signed-out").text
    assert visitor.sign_in().status == 303
