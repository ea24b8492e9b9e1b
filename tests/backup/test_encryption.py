"""What leaves the data folder is encrypted to the public key, and other programs open it."""

import io
import subprocess
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest

from app import exit_codes
from app.backup import archive, copies, writing
from app.exit_codes import CommandError
from app.settings import Settings
from tests.needed import program_of


@pytest.fixture
def keys(tmp_path: Path) -> tuple[str, Path]:
    """A public key, and the file with its private key as age-keygen writes it."""
    identity = pyrage.x25519.Identity.generate()
    file = tmp_path / "key.txt"
    file.write_text(f"# created: 2026-01-01T00:00:00Z\n# public key: {identity.to_public()}\n{identity}\n")
    return str(identity.to_public()), file


def test_only_backups_outside_of_the_data_folder_are_encrypted(
    settings: Settings, keys: tuple[str, Path], tmp_path: Path
) -> None:
    public, identity = keys
    outside = tmp_path / "outside"
    settings = replace(settings, backup_folder=outside, backup_public_key=public)
    nightly, upgrade = writing.back_up(settings, "nightly"), writing.back_up(settings, "before-upgrade")
    named = writing.back_up(settings, "manual", tmp_path / "mine.zip")
    assert (nightly.path.parent, nightly.path.suffix) == (outside, ".age") and nightly.is_encrypted
    assert (upgrade.path.parent, upgrade.path.suffix) == (settings.own_backups, ".zip")
    assert named.path == tmp_path / "mine.zip.age"
    assert {copy.path for copy in copies.list_copies(settings)} == {nightly.path, upgrade.path}
    for copy in (nightly, named):
        assert copy.path.stat().st_mode & 0o777 == 0o600
        assert copy.path.read_bytes().startswith(b"age-encryption.org/v1\n")
        with archive.opened(copy.path, identity) as opened:
            opened.verify()
            assert opened.manifest.counts["users"] == 100
    assert [path.name for path in settings.own_backups.iterdir()] == [upgrade.path.name], "nothing unencrypted is left"

    sent = io.BytesIO()
    writing.back_up(settings, "manual", sent)
    sent.seek(0)
    plain = io.BytesIO()
    pyrage.decrypt_io(sent, plain, [pyrage.x25519.Identity.from_str(identity.read_text().split()[-1])])
    (tmp_path / "plain.zip").write_bytes(plain.getvalue())
    assert archive.read_manifest(tmp_path / "plain.zip").counts["users"] == 100


def test_age_itself_decrypts_a_backup(settings: Settings, keys: tuple[str, Path], tmp_path: Path) -> None:
    age = program_of("age")
    public, identity = keys
    copy = writing.back_up(replace(settings, backup_public_key=public), "manual", tmp_path / "x.zip")
    plain = tmp_path / "x.plain.zip"
    subprocess.run([age, "-d", "-i", identity, "-o", plain, copy.path], check=True)
    with archive.opened(plain) as opened:
        opened.verify()


def test_without_its_private_key_a_backup_is_refused(
    settings: Settings, keys: tuple[str, Path], tmp_path: Path
) -> None:
    public, identity = keys
    path = writing.back_up(replace(settings, backup_public_key=public), "manual", tmp_path / "x.zip").path
    other = tmp_path / "other.txt"
    other.write_text(str(pyrage.x25519.Identity.generate()))
    no_key = tmp_path / "no-key.txt"
    no_key.write_text("hello")
    damaged = tmp_path / "damaged.age"
    damaged.write_bytes(path.read_bytes()[:-3])
    for file, key, sentence in (
        (path, None, "the backup is encrypted: name the file of its private key"),
        (path, other, "the backup is encrypted to another key"),
        (path, no_key, "expected a private key of age"),
        (path, tmp_path / "none", "No such file"),
        (damaged, identity, "the backup is damaged: it cannot be decrypted"),
    ):
        with pytest.raises(CommandError, match=sentence) as caught, archive.opened(file, key):
            pass
        assert caught.value.code == exit_codes.CONFIGURATION


def test_a_key_with_a_typing_error_is_refused(settings: Settings, tmp_path: Path) -> None:
    wrong = replace(settings, backup_public_key="age1" + "q" * 58)
    with pytest.raises(CommandError, match="backup_public_key: expected a public key of age"):
        writing.back_up(wrong, "manual", tmp_path / "x.zip")
    assert not list(tmp_path.glob("x*"))
