"""This module fetches and caches the keys with which a provider signs (RFC 7517).

Only RSA, P-256 and Ed25519 keys for signatures count. Shared secrets (`oct`) and private parts of keys in a list are
not read.
"""

import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from app import bounds
from app.openid import json_fetch
from app.openid.errors import ProviderCode, ProviderError
from app.openid.fetch_cache import Cache

MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
"""The members of a public key, by `kty` (RFC 7518 §6, RFC 8037 §2)."""
CURVES = {"EC": "P-256", "OKP": "Ed25519"}
ALGORITHMS = {"RSA": ("RS256", "PS256"), "EC": ("ES256",), "OKP": ("EdDSA",)}
"""The algorithms for a key without `alg`, by `kty`. The only list of what is accepted as `alg` of a token."""


class Keys:
    """Keys by the URL of their list, each list cached for an hour. Threads may share it.

    If no key of the list verifies a token, the list is fetched again, at most once a minute for each URL: a provider
    may also publish another key under the same ID.
    """

    def __init__(self, ca_file: Path | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.ca_file = ca_file
        self._cache = Cache[str, Sequence[Any]](self._fetch, monotonic)

    def check(self, jwks_uri: str) -> None:
        """Fetch the list now. Raises ProviderError, also if no key of it can be used."""
        if not self._fetch(jwks_uri):
            raise ProviderError(ProviderCode.NO_KEY)

    def find(
        self, jwks_uri: str, key_id: str | None, algorithm: str, verifies: Callable[[Any], bool] = lambda _: True
    ) -> Any:
        """Return the joserfc key for `algorithm` that `verifies` the token. Raises ProviderError.

        A token without a key ID can only mean the only key of a provider for the algorithm.
        """

        def suffices(keys: Sequence[Any]) -> bool:
            key = choose(keys, key_id, algorithm)
            return key is not None and verifies(key)

        kept = self._cache.kept(jwks_uri)
        keys = self._cache.get(jwks_uri, suffices)
        key = choose(keys, key_id, algorithm)
        if key is None:
            raise ProviderError(ProviderCode.UNKNOWN_KEY, passes=keys is kept)
        if not verifies(key):
            raise ProviderError(ProviderCode.BAD_SIGNATURE, passes=keys is kept)
        return key

    def _fetch(self, jwks_uri: str) -> Sequence[Any]:
        return read_keys(json_fetch.get(jwks_uri, "list of keys", self.ca_file))


def choose(keys: Sequence[Any], key_id: str | None, algorithm: str) -> Any:
    """Return the only key for `algorithm` with this ID, or with any ID if that is None; None unless there is one."""
    matches = [
        key
        for key in keys
        if key_id in (None, key.kid) and algorithm in ((key.alg,) if key.alg else ALGORITHMS[key.key_type])
    ]
    return matches[0] if len(matches) == 1 else None


def read_keys(document: Mapping[str, Any]) -> Sequence[Any]:
    """Return the usable keys of a JWK set, as joserfc keys."""
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > bounds.PROVIDER_KEYS:
        raise ProviderError(ProviderCode.BAD_KEYS)
    return [key for one in listed if (key := _read(one)) is not None]


def _read(one: object) -> Any:
    """Return one entry as a joserfc key, or None if it cannot be used."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    if not isinstance(one, dict) or not isinstance(one.get("kty"), str) or one["kty"] not in MEMBERS:
        return None
    kind, key_id = one["kty"], one.get("kid", "")
    if one.get("use", "sig") != "sig" or one.get("alg", ALGORITHMS[kind][0]) not in ALGORITHMS[kind]:
        return None
    if not isinstance(key_id, str) or len(key_id) > bounds.PROVIDER_KEY_ID_LENGTH:
        return None
    members = {name: one.get(name) for name in ("kty", *MEMBERS[kind])}
    if not all(isinstance(value, str) for value in members.values()):
        return None
    if kind in CURVES and members["crv"] != CURVES[kind]:
        return None
    members |= {name: one[name] for name in ("kid", "alg") if name in one}
    try:
        if kind != "RSA":
            return (ECKey if kind == "EC" else OKPKey).import_key(members)  # type: ignore[arg-type]
        if not bounds.RSA_BITS_MINIMUM <= _bits(str(members["n"])) <= bounds.RSA_BITS_MAXIMUM:
            return None
        return RSAKey.import_key(members)  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError):
        return None


def _bits(modulus: str) -> int:
    """Return the number of bits of a number in base64url. Raises ValueError."""
    return int.from_bytes(urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))).bit_length()
