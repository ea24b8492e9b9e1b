"""A code flow against a provider that somebody else wrote."""

import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from app.openid import code_flow, provider
from app.openid.code_flow import OpenIdClient
from app.openid.errors import ProviderCode
from app.openid.signing_keys import Keys
from tests.openid.certificates import Authority
from tests.openid.refusal import refused

BACK = "https://scim.example.org/sign-in/answer"
CLIENT = OpenIdClient(
    "a-client", "a_secret~of.this-client"
)  # it does not take special characters as RFC 6749 §2.3.1 writes them


@dataclass
class Other:
    port: int
    context: ssl.SSLContext

    @property
    def issuer(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def send(self, method: str, target: str, body: str, kind: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context)
        try:
            connection.request(method, target, body, {"Content-Type": kind})
            answer = connection.getresponse()
            answer.read()
            return answer
        finally:
            connection.close()

    def sign_in(self, address: str, subject: str) -> dict[str, str]:
        """Types the subject into its form; gives what the browser comes back with."""
        parts = urlsplit(address)
        form = urlencode({"sub": subject})
        answer = self.send("POST", f"{parts.path}?{parts.query}", form, "application/x-www-form-urlencoded")
        location = answer.getheader("Location") or ""
        assert location.startswith(BACK), answer.status
        return dict(parse_qsl(urlsplit(location).query))


@pytest.fixture(scope="module")
def other(authority: Authority) -> Iterator[Other]:
    authority.server_context("other", "127.0.0.1")
    script = Path(__file__).with_name("other_provider.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(authority.folder / "other.pem")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None and process.stdin is not None
        yield Other(int(process.stdout.readline()), ssl.create_default_context(cafile=str(authority.ca_file)))
        process.stdin.close()
        process.wait(30)


def test_a_whole_flow(other: Other, ca_file: Path):
    claims = {"oid": "an-object", "tid": "a-tenant", "name": "Ada Lovelace", "preferred_username": "ada"}
    assert other.send("PUT", "/users/ada", json.dumps(claims), "application/json").status == 204
    found = provider.discover(provider.read_issuer(other.issuer), ca_file)
    keys = Keys(ca_file)
    address, ticket = code_flow.begin(found, CLIENT, BACK)
    code = code_flow.read_answer(found, ticket, other.sign_in(address, "ada"))
    person = code_flow.finish(found, CLIENT, ticket, code, keys)
    assert (person.issuer, person.subject, person.object_id) == (other.issuer, "ada", "an-object")
    assert (person.name, person.username, person.tenant) == ("Ada Lovelace", "ada", "")
    assert person.shown["tid"] == "a-tenant"
    with refused(ProviderCode.TOKEN_REFUSED) as caught:
        code_flow.finish(found, CLIENT, ticket, code, keys)
    assert "invalid_grant" in str(caught.value)


def test_a_sign_in_that_the_person_denies(other: Other, ca_file: Path):
    found = provider.discover(provider.read_issuer(other.issuer), ca_file)
    address, ticket = code_flow.begin(found, CLIENT, BACK)
    parts = urlsplit(address)
    form = urlencode({"action": "deny"})
    answer = other.send("POST", f"{parts.path}?{parts.query}", form, "application/x-www-form-urlencoded")
    sent = dict(parse_qsl(urlsplit(answer.getheader("Location") or "").query))
    with refused(ProviderCode.SIGN_IN_REFUSED) as caught:
        code_flow.read_answer(found, ticket, {"state": ticket.state, **sent})
    assert "access_denied" in str(caught.value)
