import pytest

from app import bounds
from app.openid import provider as ours
from app.openid.errors import ProviderCode
from app.openid.fetch_cache import Cache
from app.openid.provider import Issuer, Provider
from tests.openid.provider import ENTRA_HOST, OTHER_TENANT, TENANT, SigningProvider
from tests.openid.refusal import refused

NAMES = ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint")


def discover(provider: SigningProvider) -> Provider:
    issuer = ours.entra(provider.tenant) if provider.tenant else ours.read_issuer(provider.issuer)
    return ours.discover(issuer, provider.authority.ca_file)


def test_what_a_document_gives(generic: SigningProvider):
    found = discover(generic)
    assert found.issuer == Issuer(generic.issuer)
    assert {name: getattr(found, name) for name in NAMES} == {name: generic.document[name] for name in NAMES}
    assert found.issuer.algorithms == {"RS256", "ES256", "PS256", "EdDSA"}


def test_entra_through_its_own_name(entra: SigningProvider):
    found = discover(entra)
    assert found.issuer == Issuer(f"https://{ENTRA_HOST}/{TENANT}/v2.0", TENANT)
    assert found.client_auth == "client_secret_post"
    assert found.issuer.algorithms == {"RS256"}


def test_an_issuer_is_given_by_its_address_or_its_document(generic: SigningProvider):
    assert ours.read_issuer(f" {generic.issuer}/.well-known/openid-configuration ") == Issuer(generic.issuer)
    assert ours.read_issuer(generic.issuer) == Issuer(generic.issuer)


@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize("typed", ["", "/", ours.WELL_KNOWN, ours.WELL_KNOWN + "/", "/" + ours.WELL_KNOWN])
def test_the_document_decides_whether_its_issuer_ends_in_a_slash(generic: SigningProvider, typed: str, end: str):
    generic.document_change = lambda document: document | {"issuer": generic.issuer + end}
    issuer = ours.read_issuer(generic.issuer + typed)
    assert ours.discover(issuer, generic.authority.ca_file).issuer == Issuer(generic.issuer + end)


@pytest.mark.parametrize("other", [None, 1, "", "/", "https://127.0.0.1/other", "<b>", "//", "/other"])
def test_the_document_is_the_issuers_own(generic: SigningProvider, other):
    wrong = generic.issuer + other if other in ("//", "/other") else other
    generic.document_change = lambda document: document | {"issuer": wrong}
    with refused(ProviderCode.ISSUER_DIFFERS) as caught:
        discover(generic)
    assert "<b>" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "wrong",
    ["http://127.0.0.1/a", "https://user@127.0.0.1/a", "https://127.0.0.1/a#b", "", 5, [], "https://127.0.0.1/<b>"]
    + ["https://127.0.0.1/" + "a" * bounds.PROVIDER_ADDRESS_LENGTH],
)
def test_every_endpoint_is_a_plain_https_address(generic: SigningProvider, name: str, wrong):
    generic.document_change = lambda document: document | {name: wrong}
    with refused(ProviderCode.BAD_ENDPOINT) as caught:
        discover(generic)
    assert name in str(caught.value)
    assert "<b>" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_only_the_end_of_the_session_may_be_missing(generic: SigningProvider, name: str):
    generic.document_change = lambda document: {key: value for key, value in document.items() if key != name}
    if name == "end_session_endpoint":
        assert discover(generic).end_session_endpoint == ""
    else:
        with refused(ProviderCode.BAD_ENDPOINT):
            discover(generic)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("host", ["login.microsoftonline.us", ENTRA_HOST + ":444", ENTRA_HOST + ".example.org"])
def test_entras_endpoints_are_on_the_authoritys_host(entra: SigningProvider, name: str, host: str):
    entra.document_change = lambda document: document | {name: f"https://{host}/a"}
    with refused(ProviderCode.OTHER_HOST):
        discover(entra)


def test_endpoints_of_others_may_be_elsewhere(generic: SigningProvider):
    generic.document_change = lambda document: document | {"jwks_uri": "https://keys.example.org/a?b=c"}
    assert discover(generic).jwks_uri == "https://keys.example.org/a?b=c"


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (None, "client_secret_basic"),
        (["client_secret_basic", "client_secret_post"], "client_secret_basic"),
        (["client_secret_post", "private_key_jwt"], "client_secret_post"),
        (["client_secret_basic"], "client_secret_basic"),
    ],
)
def test_the_secret_is_shown_as_the_provider_lists(generic: SigningProvider, listed, expected: str):
    generic.document_change = lambda document: document | {"token_endpoint_auth_methods_supported": listed}
    assert discover(generic).client_auth == expected


def test_a_provider_that_takes_no_secret(generic: SigningProvider):
    generic.document_change = lambda document: document | {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}
    with refused(ProviderCode.NO_CLIENT_AUTH):
        discover(generic)


@pytest.mark.parametrize(
    ("cloud", "host"),
    [
        ("global", "login.microsoftonline.com"),
        ("us-government", "login.microsoftonline.us"),
        ("china", "login.partner.microsoftonline.cn"),
    ],
)
def test_each_cloud_has_its_authority(cloud: str, host: str):
    expected = Issuer(f"https://{host}/{TENANT}/v2.0", TENANT)
    assert ours.entra(f" {TENANT.upper()} ", cloud) == expected
    assert ours.read_issuer(f"https://{host}/{TENANT}/v2.0/.well-known/openid-configuration") == expected
    assert ours.read_issuer(f"https://{host.upper()}/{TENANT}") == expected


def test_an_unknown_cloud():
    with refused(ProviderCode.BAD_CLOUD):
        ours.entra(TENANT, "moon")


@pytest.mark.parametrize(
    "tenant", ["common", "organizations", "consumers", "contoso.onmicrosoft.com", "", TENANT[:-1], f"{TENANT}/x", "<b>"]
)
def test_a_tenant_is_a_guid(tenant: str):
    with refused(ProviderCode.BAD_TENANT) as caught:
        ours.entra(tenant)
    assert "Directory (tenant) ID" in str(caught.value)
    assert "<b>" not in str(caught.value)


@pytest.mark.parametrize("path", ["", "/", "/common/v2.0", "/organizations/v2.0", "/contoso.com/v2.0"])
def test_entras_address_without_a_tenant_is_no_other_provider(path: str):
    with refused(ProviderCode.BAD_TENANT):
        ours.read_issuer(f"https://{ENTRA_HOST}{path}")


@pytest.mark.parametrize("address", ["", "provider.example.org", "http://provider.example.org", "https://a/?b=c"])
def test_an_issuer_is_an_https_address_without_a_query(address: str):
    with refused(ProviderCode.BAD_ADDRESS):
        ours.read_issuer(address)


def test_a_provider_is_kept_for_an_hour(generic: SigningProvider):
    now = [0.0]
    providers = Cache[Issuer, Provider](lambda one: ours.discover(one, generic.authority.ca_file), lambda: now[0])
    issuer = ours.read_issuer(generic.issuer)
    assert providers.get(issuer) == providers.get(issuer)
    now[0] = bounds.PROVIDER_KEPT_S - 1
    providers.get(issuer)
    assert generic.count("discovery") == 1
    now[0] = bounds.PROVIDER_KEPT_S
    providers.get(issuer)
    assert generic.count("discovery") == 2


def test_another_tenant_is_another_provider(entra: SigningProvider):
    with refused(ProviderCode.ISSUER_DIFFERS):
        ours.discover(ours.entra(OTHER_TENANT), entra.authority.ca_file)
