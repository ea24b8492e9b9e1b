"""This module declares what the first member of a backup, `manifest.json`, says about the backup."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from app import bounds
from app.data_folder import SECRET_NAME
from app.exit_codes import CONFIGURATION, CommandError
from app.settings import DATABASE_NAME, FILE_NAME, REQUESTS_NAME

FORMAT = 1
NAME = "manifest.json"
PRODUCT = "recnice-scim"
KINDS = ("manual", "nightly", "recent", "before-upgrade")
_MEMBER = re.compile(
    rf"{'|'.join(map(re.escape, (DATABASE_NAME, REQUESTS_NAME, SECRET_NAME, FILE_NAME)))}|schemas/[^/\\\0]+"
)
_HASH = re.compile(r"[0-9a-f]{64}")


class ArchiveError(CommandError):
    """A file is no backup that this version can read; the text is one sentence that begins with its path."""

    code = CONFIGURATION


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a backup: its size, and its SHA-256 in hexadecimal digits."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is, and what it has.

    `made` is the time in wire form, `version` that of the program, `step` the schema step of the directory's file,
    `log_version` the version of the request log ("" without it). `instance` is the installation's id. `counts` are
    those of `database_copy.COUNTS` which the step has. `audit_hash` is the hash of the last audit entry. `left_out`
    names what the data folder has and the backup has not.
    """

    kind: str
    made: str
    version: str
    step: str
    log_version: str
    host: str
    instance: str
    counts: Mapping[str, int]
    audit_hash: str
    left_out: tuple[str, ...]
    members: Mapping[str, Member]
    format: int = FORMAT
    product: str = field(default=PRODUCT)

    def to_bytes(self) -> bytes:
        """Return the manifest as JSON text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()


def parse(content: bytes, path: object) -> Manifest:
    """Return the manifest of the backup at `path`, whose text for errors it is. Raises ArchiveError."""
    try:
        values = json.loads(content)
        product, number = values["product"], values["format"]
    except (ValueError, TypeError, KeyError, RecursionError):
        product, number = None, 0
    if product != PRODUCT or not isinstance(number, int):
        raise ArchiveError(f"{path}: expected a backup of Recnice SCIM, got another archive")
    if number > FORMAT:
        raise ArchiveError(
            f"{path}: the backup has format {number} of a newer Recnice SCIM ({values.get('version')}), this one reads "
            f"up to {FORMAT}: use that version"
        )
    try:
        return _checked(values)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ArchiveError(f"{path}: the backup is damaged: its manifest cannot be read") from None


def _checked(values: dict[str, Any]) -> Manifest:
    """Return the manifest; raise ValueError, TypeError, KeyError or AttributeError for one that no version writes."""
    members = {name: Member(**one) for name, one in values["members"].items()}
    for name, member in members.items():
        if not (_MEMBER.fullmatch(name) and _HASH.fullmatch(member.sha256) and 0 <= member.bytes < 2**62):
            raise ValueError(name)
    if DATABASE_NAME not in members or len(members) > bounds.BACKUP_MEMBERS:
        raise ValueError(len(members))
    counts = {str(name): int(count) for name, count in values["counts"].items()}
    texts = {name: str(values[name]) for name in ("version", "step", "log_version", "host", "instance", "audit_hash")}
    if values["kind"] not in KINDS or not re.fullmatch(r"[0-9T:.Z-]{24}", values["made"]):
        raise ValueError(values["kind"])
    return Manifest(
        kind=values["kind"],
        made=values["made"],
        counts=counts,
        left_out=tuple(map(str, values["left_out"])),
        members=members,
        format=values["format"],
        **texts,
    )
