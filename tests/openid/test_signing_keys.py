import threading
from itertools import chain
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from app import bounds
from app.openid.errors import ProviderCode
from app.openid.signing_keys import ALGORITHMS, Keys, choose, read_keys
from tests.openid.provider import EC_KEY, ED_KEY, KEY, NEXT_KEY, Faults, SigningProvider
from tests.openid.refusal import refused

PUBLIC = KEY.as_dict(private=False)
P384 = ECKey.generate_key("P-384", {"kid": "large"}).as_dict(private=False)
SECRET = OctKey.generate_key(256, {"kid": "shared"}).as_dict()
OFF_THE_CURVE = EC_KEY.as_dict(private=False) | {"x": "A" * 43}


def usable(*keys: Any) -> set[str]:
    """The ids of what can be chosen for an algorithm."""
    found = read_keys({"keys": list(keys)})
    tried = [(key.kid, algorithm) for key in found for algorithm in chain.from_iterable(ALGORITHMS.values())]
    return {key_id or "" for key_id, algorithm in tried if choose(found, key_id, algorithm) is not None}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in PUBLIC.items() if key != name}


def small(bits: int) -> dict[str, Any]:
    """A key that looks like one of so many bits; nobody has its private part."""
    from tests.openid.provider import encoded

    return PUBLIC | {"n": encoded(((1 << (bits - 1)) + 1).to_bytes((bits + 7) // 8))}


def test_keys_for_signatures_are_usable():
    every = [key.as_dict(private=False) for key in (KEY, EC_KEY, ED_KEY)]
    assert usable(*every) == {"first", "curve", "edwards"}
    assert usable(PUBLIC | {"alg": "PS256"}, every[2] | {"alg": "EdDSA"}) == {"first", "edwards"}
    assert usable(without("use")) == {"first"}
    assert usable(PUBLIC | {"alg": "RS256"}) == {"first"}
    assert usable(without("kid")) == {""}


@pytest.mark.parametrize(
    "key",
    [
        SECRET,
        SECRET | {"use": "sig", "alg": "HS256"},
        P384,
        OFF_THE_CURVE,
        PUBLIC | {"use": "enc"},
        PUBLIC | {"use": ["sig"]},
        PUBLIC | {"alg": "RS512"},
        PUBLIC | {"alg": "HS256"},
        PUBLIC | {"alg": "EdDSA"},
        PUBLIC | {"alg": ["RS256"]},
        ED_KEY.as_dict(private=False) | {"alg": "ES256"},
        ED_KEY.as_dict(private=False) | {"x": "A"},
        OKPKey.generate_key("X25519", {"kid": "agreement"}).as_dict(private=False),
        PUBLIC | {"kty": ["RSA"]},
        EC_KEY.as_dict(private=False) | {"alg": "RS256"},
        PUBLIC | {"kid": 5},
        PUBLIC | {"kid": "k" * (bounds.PROVIDER_KEY_ID_LENGTH + 1)},
        PUBLIC | {"n": 5},
        PUBLIC | {"n": ""},
        PUBLIC | {"n": "*"},
        PUBLIC | {"e": "AA"},
        without("n"),
        without("e"),
        without("kty"),
        PUBLIC | {"kty": "OKP"},
        small(2047),
        small(1024),
        small(8193),
        "text",
        None,
        [],
    ],
)
def test_what_is_no_usable_key_is_passed_over(key):
    assert usable(key, NEXT_KEY.as_dict(private=False)) == {"second"}


def test_the_bounds_of_a_modulus_are_usable():
    assert usable(small(2048)) == usable(small(8192)) == {"first"}


def test_the_private_part_of_a_key_is_not_looked_at():
    (key,) = read_keys({"keys": [KEY.as_dict(private=True)]})
    assert isinstance(key, RSAKey)
    assert not key.is_private


def test_a_key_id_that_two_keys_have_means_neither():
    assert usable(PUBLIC, NEXT_KEY.as_dict(private=False) | {"kid": "first"}, EC_KEY.as_dict(private=False)) == {
        "curve"
    }
    assert usable(PUBLIC, PUBLIC | {"use": "enc"}) == {"first"}


@pytest.mark.parametrize("listed", [None, {}, "text", 5, [PUBLIC] * (bounds.PROVIDER_KEYS + 1)])
def test_a_list_that_is_none_or_too_long(listed):
    with refused(ProviderCode.BAD_KEYS):
        read_keys({"keys": listed})


class Watched:
    """Keys with a clock that tests turn, at the address of a provider's list."""

    def __init__(self, provider: SigningProvider) -> None:
        self.provider = provider
        self.now = 0.0
        self.keys = Keys(provider.authority.ca_file, monotonic=lambda: self.now)

    def find(self, key_id: str | None = "first", algorithm: str = "RS256") -> Any:
        return self.keys.find(self.provider.document["jwks_uri"], key_id, algorithm)

    @property
    def fetches(self) -> int:
        return self.provider.count("jwks")


@pytest.fixture
def watched(generic: SigningProvider) -> Watched:
    return Watched(generic)


def test_keys_are_kept_for_an_hour(watched: Watched):
    assert watched.find().kid in ("first", None)
    watched.now = bounds.PROVIDER_KEPT_S - 1
    watched.find()
    assert watched.fetches == 1
    watched.now = bounds.PROVIDER_KEPT_S
    watched.find()
    assert watched.fetches == 2


def test_a_key_that_was_withdrawn_is_gone_after_an_hour(watched: Watched):
    watched.find()
    watched.provider.keys = [NEXT_KEY.as_dict(private=False)]
    watched.now = bounds.PROVIDER_KEPT_S
    with refused(ProviderCode.UNKNOWN_KEY):
        watched.find()


def test_a_new_key_is_found_after_a_minute(watched: Watched):
    watched.find()
    watched.provider.keys.append(NEXT_KEY.as_dict(private=False))
    watched.now = bounds.PROVIDER_ANEW_S - 1
    with refused(ProviderCode.UNKNOWN_KEY) as caught:
        watched.find("second")
    assert caught.value.passes and "try again" in str(caught.value) and caught.value.again().passes
    assert watched.fetches == 1
    watched.now = bounds.PROVIDER_ANEW_S
    watched.find("second")
    assert watched.fetches == 2


def test_another_key_under_the_same_id_is_found_after_a_minute(watched: Watched):
    def verifies(key: Any) -> bool:
        return bool(key.as_dict(private=False)["n"] == NEXT_KEY.as_dict(private=False)["n"])

    def find() -> Any:
        return watched.keys.find(watched.provider.document["jwks_uri"], "first", "RS256", verifies)

    watched.find()
    watched.provider.keys = [NEXT_KEY.as_dict(private=False) | {"kid": "first"}]
    watched.now = bounds.PROVIDER_ANEW_S - 1
    with refused(ProviderCode.BAD_SIGNATURE) as caught:
        find()
    assert caught.value.passes and watched.fetches == 1
    watched.now = bounds.PROVIDER_ANEW_S
    assert verifies(find()) and watched.fetches == 2


def test_wrong_signatures_make_no_more_than_one_fetch_a_minute(watched: Watched):
    watched.find()
    for watched.now, passes in ((1000.0, False), (1001.0, True), (1000.0 + bounds.PROVIDER_ANEW_S - 1, True)):
        with refused(ProviderCode.BAD_SIGNATURE) as caught:
            watched.keys.find(watched.provider.document["jwks_uri"], "first", "RS256", lambda _: False)
        assert caught.value.passes is passes, "what was fetched for this token alone does not get better by waiting"
    assert watched.fetches == 2


def test_unknown_keys_make_no_more_than_one_fetch_a_minute(watched: Watched):
    watched.find()
    watched.now = 1000
    for number in range(20):
        with refused(ProviderCode.UNKNOWN_KEY):
            watched.find(f"no-{number}")
    assert watched.fetches == 2
    watched.find()


def test_unknown_keys_do_not_press_a_provider_that_fails(watched: Watched):
    watched.find()
    watched.provider.faults["jwks"] = Faults.replies(503, b"")
    for watched.now in (1000, 1001, 1000 + bounds.PROVIDER_ANEW_S - 1):
        with refused(ProviderCode.HTTP_STATUS):
            watched.find("second")
        watched.find("first")  # the kept ones are good all the while
    assert watched.fetches == 2
    watched.now = 1000 + bounds.PROVIDER_ANEW_S
    del watched.provider.faults["jwks"]
    watched.provider.keys.append(NEXT_KEY.as_dict(private=False))
    watched.find("second")


def test_a_list_that_could_not_be_fetched_is_asked_for_again_soon(watched: Watched):
    watched.provider.faults["jwks"] = Faults.replies(503, b"")
    for watched.now in (0, bounds.PROVIDER_RETRY_S - 1):
        with refused(ProviderCode.HTTP_STATUS):
            watched.find()
    assert watched.fetches == 1
    del watched.provider.faults["jwks"]
    watched.now = bounds.PROVIDER_RETRY_S
    watched.find()
    assert watched.fetches == 2


def test_threads_that_want_the_same_keys_share_one_fetch(watched: Watched):
    asked, answer = threading.Event(), threading.Event()
    real = watched.keys._cache._fetch

    def slow(address: str) -> Any:
        asked.set()
        assert answer.wait(20)
        return real(address)

    watched.keys._cache._fetch = slow
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(watched.find())) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert asked.wait(20)
    answer.set()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert watched.fetches == 1


def test_a_known_key_does_not_wait_for_the_fetch_of_an_unknown_one(watched: Watched):
    watched.find()
    watched.now = 1000
    asked, answer = threading.Event(), threading.Event()

    def stuck(_: str) -> Any:
        asked.set()
        assert answer.wait(20)
        return []

    watched.keys._cache._fetch = stuck

    def look() -> None:
        with refused(ProviderCode.UNKNOWN_KEY):
            watched.find("second")

    thread = threading.Thread(target=look)
    thread.start()
    assert asked.wait(20)
    watched.find("first")
    assert thread.is_alive()
    answer.set()
    thread.join()


def test_only_so_many_addresses_are_kept(watched: Watched):
    watched.keys._cache._fetch = lambda address: [KEY]
    for number in range(bounds.PROVIDERS_KEPT + 5):
        watched.keys.find(f"https://host/{number}", "first", "RS256")
    kept = list(watched.keys._cache._entries)
    assert kept == [f"https://host/{number}" for number in range(5, bounds.PROVIDERS_KEPT + 5)]


def test_a_token_without_a_key_id_means_the_only_key(watched: Watched):
    watched.find(None)
    watched.provider.keys.append(NEXT_KEY.as_dict(private=False))
    watched.now = bounds.PROVIDER_KEPT_S
    with refused(ProviderCode.UNKNOWN_KEY):
        watched.find(None)


def test_a_key_is_for_one_algorithm(watched: Watched):
    watched.provider.keys.append(EC_KEY.as_dict(private=False))
    watched.provider.keys += [ED_KEY.as_dict(private=False), NEXT_KEY.as_dict(private=False) | {"alg": "PS256"}]
    of = {"curve": "ES256", "edwards": "EdDSA", "second": "PS256"}
    for key_id in of:
        for algorithm in ("RS256", "ES256", "PS256", "EdDSA"):
            if of[key_id] == algorithm:
                watched.find(key_id, algorithm)
                continue
            with refused(ProviderCode.UNKNOWN_KEY):
                watched.find(key_id, algorithm)


def test_a_key_of_another_kind_with_the_same_id_or_none_does_not_hide_a_key(watched: Watched):
    watched.provider.keys = [PUBLIC, ED_KEY.as_dict(private=False) | {"kid": "first"}]
    assert watched.find("first", "RS256").key_type == watched.find(None, "PS256").key_type == "RSA"
    assert watched.find("first", "EdDSA").key_type == watched.find(None, "EdDSA").key_type == "OKP"
