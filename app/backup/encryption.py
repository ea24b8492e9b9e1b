"""This module encrypts a backup to a public key, and decrypts it, in the format of the program age.

https://age-encryption.org/v1: `age -d -i KEYFILE` opens the same file without Recnice SCIM.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

from app import bounds
from app.exit_codes import CONFIGURATION, CommandError

BEGINNING = b"age-encryption.org/v1\n"
SUFFIX = ".age"
_IDENTITY = "AGE-SECRET-KEY-"


def encrypt(plain: IO[bytes], target: IO[bytes], public_key: str) -> None:
    """Write the encrypted content. Raises CommandError for text that is no public key, OSError."""
    import pyrage

    try:
        recipient = pyrage.x25519.Recipient.from_str(public_key)
    except pyrage.RecipientError:
        raise CommandError(
            f"backup_public_key: expected a public key of age, got {public_key}", CONFIGURATION
        ) from None
    pyrage.encrypt_io(plain, target, [recipient])


def decrypt(path: Path, encrypted: IO[bytes], target: IO[bytes], identity: Path) -> None:
    """Write the content of the backup at `path`; `identity` is a file with private keys, as age-keygen writes it.

    Raises CommandError.
    """
    import pyrage

    try:
        with identity.open(encoding="ascii") as file:
            lines = file.read(bounds.BACKUP_IDENTITY_BYTES).split()
        keys = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith(_IDENTITY)]
    except OSError as error:
        raise CommandError(f"{identity}: {error.strerror or error}", CONFIGURATION) from None
    except (ValueError, pyrage.IdentityError):
        keys = []
    if not keys:
        raise CommandError(f"{identity}: expected a private key of age (AGE-SECRET-KEY-…)", CONFIGURATION)
    try:
        pyrage.decrypt_io(encrypted, target, keys)
    except pyrage.DecryptError:
        raise CommandError(f"{path}: the backup is encrypted to another key than {identity}", CONFIGURATION) from None
    except OSError as error:
        if error.errno:
            raise
        raise CommandError(f"{path}: the backup is damaged: it cannot be decrypted", CONFIGURATION) from None
