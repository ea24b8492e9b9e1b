import string

import pytest

from app.openid.errors import ProviderCode, ProviderError, safe_error, safe_host


@pytest.mark.parametrize("code", list(ProviderCode))
def test_every_code_has_one_sentence(code: ProviderCode):
    assert code.value == str(code) == code.name.lower().replace("_", "-")
    names = [name for _, name, _, _ in string.Formatter().parse(code.sentence) if name]
    error = ProviderError(code, **dict.fromkeys(names, "here"))
    assert error.code is code
    assert str(error)[0].isupper() or str(error).startswith("here")
    assert str(error).endswith(".") or str(error).endswith("here")
    assert (str(error.again()), error.again().code) == (str(error), code)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://Provider.Example.org/a", "provider.example.org"),
        ("https://provider.example.org:8443/a", "provider.example.org"),
        ("https://[::1]:8443/a", "[::1]"),
        ("https://user:word@provider.example.org/", "provider.example.org"),
        ("https://<b>/", "the provider"),
        ("https://[/", "the provider"),
        ("", "the provider"),
        ("https://" + "a" * 254, "the provider"),
    ],
)
def test_only_a_plain_host_is_shown(address: str, host: str):
    assert safe_host(address) == host


def test_an_error_of_entras_has_its_number():
    assert safe_error("invalid_client", "AADSTS99999: <b>") == ("invalid_client, AADSTS99999", "")
    assert safe_error("invalid_client", None) == ("invalid_client", "")
