"""This module erases a user permanently, for privacy law.

An erasure that was begun has a row with keyed hashes only (app/store/erasure/ledger_rows.py). Each step can be
repeated, so after an interruption the next run of the job goes on. The user is deleted first, and the history last,
because the values to erase are found there (docs/decisions/0075-a-user-that-is-erased.md).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from app import clock
from app.administration import audit
from app.administration.audit import ITSELF, Action, Actor
from app.administration.errors import Refused
from app.provisioning import resource_operations
from app.scim.errors import ScimError
from app.scim.resource_types import USER
from app.scim.value_comparison import lookup_text, normalize_value
from app.store.access import audit_rows
from app.store.access.audit_rows import AuditRow
from app.store.database import directory_database
from app.store.directory import deletion_rows, lookup_rows, resource_rows
from app.store.directory.history_rows import Author
from app.store.erasure import directory_part, file_search, ledger_rows, log_part, person
from app.store.erasure.directory_part import stand_in as stand_in  # for callers that must not import the store
from app.store.erasure.person import Person
from app.store.request_log import log_database

ENTRA = (
    "Entra creates the user again at its next sync if it is still assigned to the enterprise application: "
    "remove the assignment there first."
)
_COMPRESSED = (".zip", ".age", ".gz")


@dataclass(frozen=True, slots=True)
class Subject:
    """A user that can be erased. `name`: as displayed; `is_active`: it is here, and may sign in."""

    id: str
    name: str
    is_here: bool
    is_active: bool


@dataclass(frozen=True, slots=True)
class Files:
    """The data folder, and the two database files in it."""

    folder: Path
    directory: Path
    log: Path


@dataclass(frozen=True, slots=True)
class ErasureOutcome:
    """What is left of an erased user: the number of its values in each file, and the copies that cannot be searched.

    `is_searched`: False if it was interrupted after its last step, so that the values are no longer known.
    """

    number: int
    is_searched: bool
    found: Mapping[str, int]
    copies: Sequence[str]

    @property
    def sentence(self) -> str:
        """The result in one line, without the values."""
        if not self.is_searched:
            return "erased; the files could not be searched, since the erasure was interrupted"
        if not self.found:
            return "nothing was found"
        return ", ".join(f"{count} values in {name}" for name, count in self.found.items())


def copies(folder: Path) -> list[str]:
    """Return the names of the files in the data folder that are copies of what it had, or compressed."""
    names = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return sorted(
        name for name in names if name.startswith(("pre-upgrade-", "replaced-")) or name.endswith(_COMPRESSED)
    )


def subject(user_id: str) -> Subject | None:
    """Return the user with an id, also a deleted one; None if there is none, or it is erased."""
    with directory_database.reading() as connection:
        someone = person.find(connection, user_id)
    return Subject(someone.id, someone.name, someone.is_here, someone.is_active) if someone else None


def find_subject(text: str) -> Subject:
    """Return the user with an id, userName or externalId; a deleted one by its id only. Raises Refused."""
    with directory_database.reading() as connection:
        for path in ("userName", "externalId"):
            attribute = next(one for one in USER.lookups if one.path == path)
            if holder := lookup_rows.holder(connection, USER, path, lookup_text(normalize_value(attribute, text))):
                text = holder
                break
        someone = person.find(connection, text.lower() if text.isascii() else text)
        if someone is None:
            raise Refused("No user has this id, userName or externalId. Of a deleted user, use the id.")
        return Subject(someone.id, someone.name, someone.is_here, someone.is_active)


def begin(user_id: str, typed_name: str, by: Actor, secret: bytes) -> int:
    """Delete a user, and record that it is to be erased; return the number of the erasure. `finish_due` erases.

    Users that were deleted before and had the same externalId are the same person, and are erased, too. Raises Refused
    if there is no such user, or the typed name is another one.
    """
    key = ledger_rows.key_of(secret)
    number = None
    with directory_database.writing() as connection:
        someone = person.find(connection, user_id)
        if someone is None:
            raise Refused("There is no such user.")
        if typed_name.strip() != someone.name.strip():
            raise Refused("The name that you entered is not the name of this user.")
        external_hash = ledger_rows.hash_of(key, someone.external_id)
        ids = [*person.former_ids(connection, someone), user_id]
        for id in ids:
            id_hash = ledger_rows.hash_of(key, id)
            number = ledger_rows.number_of(connection, id_hash)
            if number is None:
                number = ledger_rows.add(connection, clock.to_wire(clock.utc_now()), id_hash, external_hash)
            audit.record(connection, by, Action.ERASURE_BEGAN, directory_part.stand_in(number))
    with suppress(ScimError):  # the job repeats it
        _delete(ids, by)
    assert number is not None
    return number


def _delete(user_ids: Sequence[str], by: Actor) -> None:
    """Delete users, also those that are put back meanwhile, and store the deletions so that they cannot be put back."""
    for user_id in user_ids:
        is_here = True
        while is_here:
            try:
                resource_operations.delete(USER, user_id, Author("", str(by)))
            except ScimError as error:
                if error.status != 404:
                    raise
            with directory_database.writing() as connection:
                if deletion := deletion_rows.find(connection, user_id):
                    deletion_rows.end(connection, deletion)
                is_here = bool(resource_rows.load_many(connection, USER, [user_id]))


def finish_due(
    files: Files, secret: bytes, leave_if_stopping: Callable[[], None] = lambda: None, by: Actor = ITSELF
) -> list[ErasureOutcome]:
    """Erase the users of all erasures that are not complete. Raises ScimError if a file cannot be used.

    `by`: the actor of the entries in the audit.
    """
    key = ledger_rows.key_of(secret)
    with directory_database.reading() as connection:
        directory_database.lift_time_limit(connection)
        due = {row.id_hash: row.number for row in ledger_rows.due(connection)}
        ids = ledger_rows.find_ids(connection, key, due.keys())
    return [_finish(number, ids.get(id_hash, ""), files, leave_if_stopping, by) for id_hash, number in due.items()]


def _finish(
    number: int, user_id: str, files: Files, leave_if_stopping: Callable[[], None], by: Actor
) -> ErasureOutcome:
    if user_id:
        _delete([user_id], by)  # it may have been interrupted before
    with directory_database.reading() as connection:
        someone = person.find(connection, user_id) if user_id else None
    if someone is not None:
        _erase_log(someone, number, leave_if_stopping)
        _erase_directory(someone, number, by)
        with log_database.writing() as log:
            log_part.erase_rest(log, someone, number)
    is_more, is_first = True, True
    while is_more:
        leave_if_stopping()
        with directory_database.writing() as connection:
            is_more = directory_part.merge_words(connection, is_first)
        is_first = False
    for file in (directory_database.file, log_database.file):
        file.clean()
    outcome = _search(number, someone, files, leave_if_stopping)
    with directory_database.writing() as connection:
        ledger_rows.end(connection, number, clock.to_wire(clock.utc_now()))
        audit.record(connection, by, Action.ERASURE_ENDED, directory_part.stand_in(number), result=outcome.sentence)
    return outcome


def _erase_log(someone: Person, number: int, leave_if_stopping: Callable[[], None]) -> None:
    after: int | None = 0
    while after is not None:
        leave_if_stopping()
        with log_database.writing() as log:
            after = log_part.erase_requests(log, someone, number, after)
    with log_database.writing() as log:
        log_part.erase_rest(log, someone, number)


def _erase_directory(someone: Person, number: int, by: Actor) -> None:
    """Erase the history and the texts of the audit in one transaction; afterwards the values are no longer known."""
    with directory_database.reading() as connection:
        directory_database.lift_time_limit(connection)
        seen, naming = 0, []
        for entry in audit_rows.entries(connection, 0):
            seen = entry.id
            if names_user(entry, someone):
                naming.append(entry)
    with directory_database.writing() as connection:
        naming += [entry for entry in audit_rows.entries(connection, seen) if names_user(entry, someone)]
        former = [entry.id for entry in naming if not entry.commitment]
        if former:
            audit.summarize(connection, by, max(former), "erasure")
        texts = [entry for entry in naming if entry.id > max(former, default=0)]
        stand_in = directory_part.stand_in(number)
        audit.record(connection, by, Action.PERSON_ERASED, stand_in, entries=str(len(texts)))
        entry_id, _ = audit_rows.head(connection)
        for entry in texts:
            audit_rows.erase(connection, replace(_without(entry, someone, number), erased=entry_id))
        directory_part.erase(connection, someone, number)


def names_user(entry: AuditRow, someone: Person) -> bool:
    """Return whether an entry of the audit names a user, as its actor or in its texts."""
    return any(map(someone.is_in, (_actor_name(entry), entry.target, entry.address, *_detail(entry).values())))


def _without(entry: AuditRow, someone: Person, number: int) -> AuditRow:
    """Return an entry with a stand-in for the user. The IP address stays where it is another account's."""
    stand_in = directory_part.stand_in(number)
    is_own = someone.is_in(_actor_name(entry))
    detail = {name: stand_in if someone.is_in(text) else text for name, text in _detail(entry).items()}
    return replace(
        entry,
        actor=f"person {stand_in}" if is_own else entry.actor,
        address="" if is_own or entry.actor == "nobody" else entry.address,
        target=stand_in if someone.is_in(entry.target) else entry.target,
        detail=json.dumps(detail, ensure_ascii=False),
    )


def _actor_name(entry: AuditRow) -> str:
    """Return the name of a user who acted; "" for other actors, such as an administrator of the same name."""
    kind, _, name = entry.actor.partition(" ")
    return name if kind == "person" else ""


def _detail(entry: AuditRow) -> dict[str, str]:
    try:
        detail = json.loads(entry.detail)
    except ValueError:  # the file was manipulated; `check` reports it
        return {"detail": entry.detail}
    return {name: str(text) for name, text in detail.items()} if isinstance(detail, dict) else {"detail": entry.detail}


def _search(number: int, someone: Person | None, files: Files, leave_if_stopping: Callable[[], None]) -> ErasureOutcome:
    paths = sorted(path for path in files.folder.rglob("*") if path.is_file() and not path.is_symlink())
    copies = [str(path.relative_to(files.folder)) for path in paths if path.suffix in _COMPRESSED]
    if someone is None:
        return ErasureOutcome(number, False, {}, copies)
    paths = [path for path in paths if path.suffix not in _COMPRESSED and not path.name.endswith("-shm")]
    found = file_search.find(paths, someone.values, leave_if_stopping)
    if found:
        others = _of_others({value for values in found.values() for value in values})
        found = {path: values - others for path, values in found.items() if values - others}
    for file, path in ((directory_database.file, files.directory), (log_database.file, files.log)):
        own = [one for one in paths if one.name in (path.name, f"{path.name}-wal")]
        if any(one in found for one in own):
            with suppress(ScimError):  # without room for it, the result says what is left
                file.clean(is_rewritten=True)
            values = {value for one in own for value in found.pop(one, ())}
            found |= file_search.find([one for one in own if one.exists()], values, leave_if_stopping)
    names = {str(path.relative_to(files.folder)): len(values) for path, values in sorted(found.items())}
    return ErasureOutcome(number, True, names, copies)


def _of_others(values: set[str]) -> set[str]:
    """Return which values are also those of other users or groups."""
    with directory_database.reading() as connection:
        directory_database.lift_time_limit(connection)
        return {value for value in values if directory_part.is_of_others(connection, value)}
