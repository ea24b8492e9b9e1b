"""The keys that a provider signs with (RFC 7517), fetched from it and kept.

Only RSA and P-256 keys that are meant for signatures count. What stands in a list as a shared secret (`oct`) or as the
private part of a key is not looked at.
"""

import time
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app import bounds
from app.openid import fetching
from app.openid.cache import Cache
from app.openid.errors import Code, ProviderError

MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}
"""The members that make a public key, by `kty`."""
ALGORITHM_OF = {"RSA": "RS256", "EC": "ES256"}


class Keys:
    """Keys by the address of their list, each list kept for an hour. Threads may share it.

    A key that is not in the list makes it be fetched anew, at most once a minute for each address.
    """

    def __init__(self, ca_file: Path | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.ca_file = ca_file
        self._cache = Cache[str, Mapping[str, Any]](self._fetch, monotonic)

    def find(self, jwks_uri: str, key_id: str | None, algorithm: str) -> Any:
        """The joserfc key that `algorithm` is checked with. Raises ProviderError.

        A token without a key id can only mean the one key of a provider that has no other.
        """

        def chosen(keys: Mapping[str, Any]) -> Any:
            if key_id is not None:
                return keys.get(key_id)
            return next(iter(keys.values())) if len(keys) == 1 else None

        key = chosen(self._cache.get(jwks_uri, lambda keys: chosen(keys) is not None))
        if key is None or ALGORITHM_OF[key.key_type] != algorithm:
            raise ProviderError(Code.UNKNOWN_KEY)
        return key

    def _fetch(self, jwks_uri: str) -> Mapping[str, Any]:
        return read_keys(fetching.get(jwks_uri, "list of keys", self.ca_file))


def read_keys(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The usable keys of a JWK set by their key id ("" for one without). An id that two of them have means neither."""
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > bounds.PROVIDER_KEYS:
        raise ProviderError(Code.BAD_KEYS)
    found = [(one.get("kid", ""), key) for one in listed if (key := _read(one)) is not None]
    times = Counter(key_id for key_id, _ in found)
    return {key_id: key for key_id, key in found if times[key_id] == 1}


def _read(one: object) -> Any:
    """One entry as a joserfc key, or None where it cannot be used."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    if not isinstance(one, dict) or one.get("kty") not in ("RSA", "EC"):
        return None
    kind, key_id = one["kty"], one.get("kid", "")
    if one.get("use", "sig") != "sig" or one.get("alg", ALGORITHM_OF[kind]) != ALGORITHM_OF[kind]:
        return None
    if not isinstance(key_id, str) or len(key_id) > bounds.PROVIDER_KEY_ID_LENGTH:
        return None
    members = {name: one.get(name) for name in ("kty", *MEMBERS[kind])}
    if not all(isinstance(value, str) for value in members.values()):
        return None
    if kind == "EC" and members["crv"] != "P-256":
        return None
    try:
        if kind == "EC":
            return ECKey.import_key(members)  # type: ignore[arg-type]
        if not bounds.RSA_BITS_MINIMUM <= _bits(str(members["n"])) <= bounds.RSA_BITS_MAXIMUM:
            return None
        return RSAKey.import_key(members)  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError):
        return None


def _bits(modulus: str) -> int:
    """The length of a number in base64url. Raises ValueError."""
    return int.from_bytes(urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))).bit_length()
