"""This module unpacks a copy into the staging folder, compares it with the present data, and completes it.

Nothing outside of the staging folder changes before `app/file_swap.py` moves the files.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app import clock, data_folder, exit_codes, file_swap
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.roles import granted_roles
from app.data_folder import DATABASE_FILES, SECRET_NAME
from app.provisioning import resource_operations
from app.restoration import copy_file
from app.restoration.copy_file import BackupFile
from app.scim import custom_schemas
from app.scim.protocol_messages import Operation
from app.scim.resource_types import USER, ResourceType
from app.settings import DATABASE_NAME, FILE_NAME, REQUESTS_NAME, Settings
from app.store import integrity_check
from app.store.access import audit_rows, role_rows, user_to_confirm_rows
from app.store.access.user_to_confirm_rows import UnconfirmedRow
from app.store.database import directory_database, migration, sqlite_driver
from app.store.directory import rebuild_derived_rows, word_index
from app.store.directory.history_rows import Author
from app.store.erasure import ledger_rows, restored_copy
from app.store.restoration import comparison, kept_rows
from app.store.restoration.comparison import Differences

log = logging.getLogger("recnice.restore")

_DISABLE = Operation("replace", "active", False)
_DISABLED_OF = "SELECT id FROM resource WHERE type = 'User' AND active = 0 AND id IN (SELECT value FROM json_each(?))"
_WITHOUT_ROLE = "DELETE FROM granted_role WHERE user_id IN (SELECT value FROM json_each(?))"
_NOT_NOW = "{}: nothing was restored, since the database cannot be compared now: {}"
_WITHOUT_IT = ": to restore without that, move it away with its -wal and -shm files"


class RestoreError(exit_codes.CommandError):
    """The copy cannot be restored; nothing outside of the staging folder has changed."""

    code = exit_codes.CONFIGURATION


@dataclass(frozen=True, slots=True)
class Preview:
    """What a restore changes. `differences`: None where there is nothing to compare with, and `because` says why.

    `last_use`: when a client last used a credential, as the copy knows it, in wire form; "" for never. `erased`: how
    many users of the copy were erased since. `faults`: what `check` finds in the copy.
    """

    copy: BackupFile
    differences: Differences | None
    because: str
    last_use: str
    erased: int
    faults: Sequence[str]


class StagedCopy:
    """A copy in the staging folder, upgraded to this version.

    `present` is the database that it replaces; None where it cannot be compared with one, for the reason `because`.
    """

    def __init__(self, settings: Settings, copy: BackupFile) -> None:
        """Prepare the copy that was unpacked into the staging folder. Raises RestoreError."""
        self.copy = copy
        self._settings = settings
        self._folder = settings.data / file_swap.STAGED_NAME
        self._database = self._folder / DATABASE_NAME
        try:
            self.warnings = directory_database.migrate(self._database, may_be_new=False)
        except directory_database.DatabaseUnusable as error:
            raise RestoreError(str(error).replace(str(self._database), str(copy.path)), error.code) from None
        self.because = self._compare()
        self.present = None if self.because else settings.database
        # A folder that has its own data keeps what belongs to it; only a new one gets all of the copy.
        kept = [DATABASE_NAME] if self.present else [DATABASE_NAME, REQUESTS_NAME, SECRET_NAME, "schemas", FILE_NAME]
        for entry in self._folder.iterdir():
            is_kept = entry.name in kept and not (entry.name == FILE_NAME and (settings.data / FILE_NAME).exists())
            if not is_kept and entry.name not in DATABASE_FILES[DATABASE_NAME]:
                copy_file.remove(entry)
        schemas = settings.schemas if self.present else self._folder / settings.schemas.name
        self._types: Sequence[ResourceType] = custom_schemas.read(schemas)
        with self._application():
            rebuild_derived_rows.rebuild(self._types)
            while word_index.write_due(self._types):
                pass
        self.erased = self._erase_again()
        with self._application(), directory_database.reading() as connection:
            self.faults = integrity_check.check(connection, self._types)

    @property
    def also_replaced(self) -> Sequence[str]:
        """The names of present files that go away even if the copy has none: the request log of other data."""
        return () if self.present else (REQUESTS_NAME,)

    def preview(self) -> Preview:
        """Return what a restore changes now. Reads all rows of both directories."""
        if self.present is None:
            with self._application(), directory_database.reading() as connection:
                return Preview(self.copy, None, self.because, comparison.last_use(connection), 0, self.faults)
        with self._attached() as connection:
            found = comparison.differences(connection)
            return Preview(self.copy, found, "", comparison.last_use(connection), self.erased, self.faults)

    def complete(self, by: Actor, *, is_reactivating: bool = False) -> None:
        """Keep in the copy what must not go back, and record the restore in its audit. Raises RestoreError.

        `is_reactivating`: users who were disabled or deleted since the copy are active again, as in the copy. No
        process may write the present database until the files are swapped.
        """
        head, ids, again = self._keep_present() if self.present else ((0, ""), [], set())
        with self._application():
            for id in () if is_reactivating else ids:
                resource_operations.change(USER, id, [_DISABLE], Author("", str(by)))
            with directory_database.writing() as connection:
                directory_database.lift_time_limit(connection)
                if not self.present:
                    kept_rows.begin_elsewhere(connection)
                if is_reactivating:  # one may have the role of another person, who got the record since
                    connection.exec_driver_sql(_WITHOUT_ROLE, (json.dumps(ids),))
                self._settle_roles(connection, again)
                number = {"reactivated" if is_reactivating else "disabled": str(len(ids) or "")}
                detail = {"copy": self.copy.sha256, "made": self.copy.made, **number}
                before = {"entries": str(head[0]), "hash": head[1]} if head[0] else {}
                audit.record(connection, by, Action.RESTORED, self.copy.path.name, **detail, **before)
        self._check()

    def _compare(self) -> str:
        """Return why the copy cannot be compared with the present database; "" if it can.

        Raises RestoreError if that may be possible later: without it, who was disabled since would be active.
        """
        present = self._settings.database
        if not present.exists() or not present.stat().st_size:
            return "there is no present database"
        try:
            with comparison.attached(self._database, present) as connection:
                steps, step = migration.known_steps(), comparison.present_step(connection)
                if step in steps[:-1]:
                    raise RestoreError(f"{present}: the database was not upgraded (step {step}){_WITHOUT_IT}")
                if step != steps[-1]:
                    return "the present database is that of another version"
                if comparison.is_of_same_installation(connection):
                    return ""
            return "the backup is of another installation"
        except sqlite_driver.ERRORS as error:
            reason = sqlite_driver.reason(error)
            if reason and not sqlite_driver.is_damage(error):
                raise RestoreError(_NOT_NOW.format(present, reason), exit_codes.TRY_AGAIN) from error
            return f"the present database cannot be read: {reason or error}"

    def _erase_again(self) -> int:
        """Erase in the copy who was erased since it was made, by the present list of erasures; return how many."""
        if not self.present:
            return 0
        key = ledger_rows.key_of(data_folder.secret(self._settings.data))
        with self._attached() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            kept_rows.replace_rows(connection, "erasure")
            number = restored_copy.apply_again(connection, None, key)
            connection.commit()
        return number

    def _keep_present(self) -> tuple[tuple[int, str], list[str], set[str]]:
        """Return the head of the present audit, and the ids of users that were disabled or deleted since the copy.

        Then those of `comparison.role_again`.
        """
        self._erase_again()
        with self._attached() as connection:
            ids = [*comparison.active_again(connection), *comparison.deleted(connection)]
            again = set(comparison.role_again(connection))
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            kept_rows.keep_present(connection)
            head = audit_rows.head(connection)
            connection.commit()
        return head, ids, again

    def _settle_roles(self, connection: directory_database.Connection, again: set[str]) -> None:
        """Recompute the console roles. A user who would get back a role needs the confirmation of an owner first.

        So does a disabled one of `again`, who would get it when Entra enables the user.
        """
        if self.present:
            now = clock.to_wire(clock.utc_now())
            found = role_rows.differences(connection, role_rows.mapping(connection))
            ids = [one.user_id for one in found if one.new and (one.old is None or one.new.rank > one.old.rank)]
            disabled = connection.exec_driver_sql(_DISABLED_OF, (json.dumps(list(again)),)).scalars()
            for id in {*ids, *disabled}:
                if user_to_confirm_rows.find(connection, id) is None:
                    user_to_confirm_rows.add(connection, UnconfirmedRow(id, "", now))
        granted_roles.settle(connection)

    def _check(self) -> None:
        """Write all of the database into its file, and check it. Raises RestoreError."""
        driver = sqlite_driver.connect(sqlite_driver.existing_address(self._database))
        try:
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
            (finding,) = driver.execute("PRAGMA quick_check(1)").fetchone()
            orphan = driver.execute("PRAGMA foreign_key_check").fetchone()
        finally:
            driver.close()
        if finding != "ok" or orphan:
            raise RestoreError(f"{self.copy.path.name}: the restored database is not valid: {orphan or finding}")

    @contextmanager
    def _attached(self) -> Iterator[directory_database.Connection]:
        """Yield a connection to the copy with the present database. Raises RestoreError if one cannot be read."""
        assert self.present is not None
        try:
            with comparison.attached(self._database, self.present) as connection:
                yield connection
        except sqlite_driver.ERRORS as error:
            reason = sqlite_driver.reason(error)
            if reason and not sqlite_driver.is_damage(error):
                raise RestoreError(_NOT_NOW.format(self.present, reason), exit_codes.TRY_AGAIN) from error
            raise RestoreError(
                f"{self.present}: the database cannot be compared ({reason or error}){_WITHOUT_IT}"
            ) from error

    def _application(self) -> AbstractContextManager[None]:
        """Return the context of an application that does not wait for the disk: `app/file_swap.py` does it once."""
        return directory_database.file.opened(self._database, "synchronous = OFF")


def stage(file: Path, settings: Settings, identity: Path | None = None) -> StagedCopy:
    """Unpack a copy into the staging folder of the data folder, which the caller holds, and upgrade it there.

    `identity`: a file with the private key, for an encrypted copy. Raises RestoreError and what `copy_file` raises.
    """
    settings.data.mkdir(mode=file_swap.FOLDER_MODE, parents=True, exist_ok=True)
    folder = file_swap.staging_folder(settings.data)
    try:
        return StagedCopy(settings, copy_file.unpack(file, folder, identity))
    except BaseException:
        discard(settings)
        raise


def discard(settings: Settings) -> None:
    """Remove what is staged."""
    with suppress(OSError):
        file_swap.remove_staged(settings.data)
