"""This module restores a copy in the running server, as an owner asks for it in the console, or a command on the host.

The copy is unpacked and upgraded while requests are answered. Then every request gets 503: what is acknowledged by then
is kept as `staged_copy` says. The server ends, `serve` swaps the files and begins again with a new application, so that
nothing which the former one remembered remains (docs/decisions/0067-a-restore-in-the-running-server.md).
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask

from app import current_application, data_folder, exit_codes, file_swap
from app.administration import audit
from app.administration.audit import Action, Actor
from app.administration.errors import Refused
from app.restoration import copy_file, restore_request
from app.restoration.restore_request import RestoreBusyError, RestoreRequest
from app.settings import Settings
from app.store.database import directory_database

if TYPE_CHECKING:
    from app.restoration.staged_copy import Preview, StagedCopy

log = logging.getLogger("recnice.restore")

EXTENSION = "recnice-restore"
_BUSY = "Another restore is being prepared. Wait for it, or discard it."
_CHANGED = "The preview is no longer valid, and nothing was changed: run the command again."
_OVER = "This preview is no longer valid. Choose the backup again."
_FAILED = "The restore failed, and nothing was changed: {}"
_RESTORING = "A backup is being restored: try again in a moment"


class ConsoleRestore:
    """The restore of one process; it outlives the application whose data it replaces.

    `failure` says why the last one failed, `restored` is the name of the copy that was restored. The modules that it
    needs are imported when it begins.
    """

    def __init__(self, settings: Settings) -> None:
        self.failure = self.restored = ""
        self._settings = settings
        self._context: Callable[[], AbstractContextManager[object]] | None = None
        self._end: Callable[[], None] = lambda: None
        self._is_begun = self._is_complete = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._staged: StagedCopy | None = None
        self._preview: Preview | None = None
        self._request: RestoreRequest | None = None
        self._held = ExitStack()
        self._right = ExitStack()

    def init_app(self, app: Flask, end: Callable[[], None] = lambda: None) -> None:
        """Serve the next application, whose server `end` ends so that `serve` begins again."""
        app.extensions[EXTENSION] = self
        self._context, self._end = app.app_context, end
        self._is_begun = self._is_complete = False

    @property
    def is_preparing(self) -> bool:
        """Whether a copy is being unpacked and compared."""
        return self._thread is not None and self._thread.is_alive()

    def preview(self) -> Preview | None:
        """Return what the restore of the prepared copy changes; None while none is prepared."""
        return None if self.is_preparing else self._preview

    def prepare(self, name: str) -> None:
        """Begin to unpack and compare a copy. Raises Refused if there is another one, or no such copy."""
        file = next((copy.path for copy in copy_file.copies(self._settings) if copy.path.name == name), None)
        if file is None:
            raise Refused(f"There is no backup called {name}.")
        with self._lock:
            if self.is_preparing or self._staged:
                raise Refused(_BUSY)
            try:
                self._right.enter_context(restore_request.sole(self._settings.data))
            except RestoreBusyError:
                raise Refused(_BUSY) from None
            self.failure = self.restored = ""
            self._thread = threading.Thread(target=self._prepare, args=(file,), name="restore", daemon=True)
            self._thread.start()

    def discard(self) -> None:
        """Discard the prepared copy. Raises Refused while it is being prepared."""
        with self._lock:
            if self.is_preparing:
                raise Refused(_BUSY)
            self._forget()

    def begin(self, name: str, by: Actor, *, is_reactivating: bool) -> None:
        """Restore the prepared copy, if it is the one with this name, in the background. Raises Refused."""
        with self._lock:
            preview = self.preview()
            if preview is None or preview.copy.path.name != name:
                raise Refused(_OVER)
            with directory_database.writing() as connection:
                detail = {"copy": preview.copy.sha256, "made": preview.copy.made}
                audit.record(connection, by, Action.RESTORE_BEGUN, name, **detail)
            # The permission was checked in this transaction; in the copy, the session may not exist.
            signed = replace(by, permission=None, session_id="")
            self._preview, self._is_begun = None, True
            self._thread = threading.Thread(target=self._restore, args=(signed, is_reactivating), name="restore")
            self._thread.start()

    def look(self) -> None:
        """Begin to restore, in the background, what a command has staged and asks for. Raises OSError."""
        with self._lock:
            request = restore_request.take(self._settings.data)
            if request is None:
                return
            if self.is_preparing or self._staged:
                restore_request.answer(self._settings.data, request, _BUSY)
                return
            self.failure = self.restored = ""
            self._request = request
            # A server that is stopped does not wait for it: until it is begun, nothing has changed.
            self._thread = threading.Thread(target=self._restore_staged, args=(request,), name="restore", daemon=True)
            self._thread.start()

    def finish(self) -> bool:
        """Swap the files, when the server has ended and nothing has them open; return whether it was to be done.

        To be called before the process opens the files again. Raises FolderError if the next start has to go on.
        """
        if not self._is_begun or self._thread is None:
            return False
        self._thread.join()
        try:
            if self._is_complete and self._staged:
                if os.name != "posix":  # Windows renames no open file
                    self._held.close()
                file_swap.swap(self._settings.data, self._staged.also_replaced)
                self.restored = self._staged.copy.path.name
                log.warning("restored %s", self.restored)
        except data_folder.FolderError as error:
            if file_swap.is_under_way(self._settings.data):
                raise
            log.exception("the copy cannot be restored")
            self.failure = _FAILED.format(error)
        finally:
            self._held.close()
            self._forget()
            self._answer()
        return True

    def _prepare(self, file: Path) -> None:
        from app.restoration import staged_copy

        try:
            self._staged = staged_copy.stage(file, self._settings)
            self._preview = self._staged.preview()
        except exit_codes.CommandError as error:
            self._fail(str(error))
        except Exception as error:
            log.exception("the copy cannot be prepared")
            self._fail(f"{file.name} cannot be prepared: {type(error).__name__}")

    def _restore_staged(self, request: RestoreRequest) -> None:
        from app.restoration.staged_copy import StagedCopy

        assert self._context is not None
        try:
            copy = copy_file.BackupFile(Path(request.path), request.sha256, request.made)
            self._staged = StagedCopy(self._settings, copy)
            if self._staged.because != request.because:
                raise restore_request.ServerRestoreError(_CHANGED)
            with self._context():
                audit.record_alone(audit.HOST, Action.RESTORE_BEGUN, copy.path.name, copy=copy.sha256, made=copy.made)
            self._is_begun = True
        except Exception as error:
            log.exception("the copy cannot be restored")
            is_clear = isinstance(error, exit_codes.CommandError)
            self._fail(str(error) if is_clear else _FAILED.format(type(error).__name__))
            self._answer()
        else:
            self._restore(audit.HOST, request.is_reactivating)

    def _answer(self) -> None:
        """Tell a command that asked for the restore how it ended."""
        request, self._request = self._request, None
        if request:
            with suppress(OSError):
                restore_request.answer(self._settings.data, request, self.failure)

    def _restore(self, by: Actor, is_reactivating: bool) -> None:
        from app.store.restoration import comparison

        assert self._staged is not None and self._context is not None
        try:
            with self._context():
                directory_database.file.abandon_after_writes(_RESTORING)
            if self._staged.present:
                self._held.enter_context(comparison.unchanged(self._staged.present))
            self._staged.complete(by, is_reactivating=is_reactivating)
            self._is_complete = True
        except Exception as error:
            log.exception("the copy cannot be restored")
            self.failure = _FAILED.format(error)
        self._end()

    def _fail(self, failure: str) -> None:
        self.failure = failure
        self._forget()

    def _forget(self) -> None:
        self._staged = self._preview = None
        if not file_swap.is_under_way(self._settings.data):
            with suppress(OSError):
                file_swap.remove_staged(self._settings.data)
        self._right.close()


def current() -> ConsoleRestore:
    """Return the restore of the current application's process."""
    found: ConsoleRestore = current_application.extension(EXTENSION)
    return found
