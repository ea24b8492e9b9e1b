"""This module erases again, in a restored copy, the users who were erased since the copy was made."""

from collections.abc import Mapping

from sqlalchemy import bindparam, select

from app.scim.resource_types import USER
from app.store.access.account_tables import erasure
from app.store.database.connection import Connection
from app.store.directory.tables import lookup, resource
from app.store.erasure import directory_part, ledger_rows, log_part, person

_EXTERNAL_IDS = (
    select(resource.c.id, resource.c.created, lookup.c.value)
    .join_from(lookup, resource, resource.c.position == lookup.c.position)
    .where(lookup.c.type == USER.name, lookup.c.attribute == "externalId")
)


def apply_again(directory: Connection, log: Connection | None, key: bytes) -> int:
    """Erase each user of the list of erasures in `directory`, and in `log`; return how many users were there.

    Both are write connections to files that nothing else uses, in the caller's transactions, with `secure_delete`. The
    list is that of the newest database, not of the copy. `key`: `ledger_rows.key_of` the data folder's secret.
    """
    ids = _find(directory, directory, key)
    for user_id, number in ids.items():
        someone = person.find(directory, user_id)
        if someone is None:
            continue
        at = directory.execute(
            select(erasure.c.at).where(erasure.c.number == bindparam("n")), {"n": number}
        ).scalar_one()
        if log is not None:
            after: int | None = 0
            while after is not None:
                after = log_part.erase_requests(log, someone, number, after)
            log_part.erase_rest(log, someone, number)
        if someone.is_here:
            directory_part.delete_user(directory, someone, at)
        directory_part.erase(directory, someone, number)
    if ids:
        is_first = True
        while directory_part.merge_words(directory, is_first):
            is_first = False
    return len(ids)


def count_again(copy: Connection, live: Connection, key: bytes) -> int:
    """Return how many users of a copy were erased since it was made, by the list in the live database."""
    return len(_find(copy, live, key))


def _find(copy: Connection, live: Connection, key: bytes) -> Mapping[str, int]:
    """Return the erased users of a copy by their ids, with the numbers of their erasures.

    The externalId tells the same person under another id, unless the client created the user after the erasure.
    """
    rows = ledger_rows.all_rows(live)
    numbers = {row.id_hash: row.number for row in rows}
    ids = ledger_rows.find_ids(copy, key, numbers.keys())
    there = {id: numbers[id_hash] for id_hash, id in ids.items()}
    by_external_id = {row.external_id_hash: row for row in rows if row.external_id_hash}
    if by_external_id:
        for id, created, value in copy.tuples(_EXTERNAL_IDS, {}):
            row = by_external_id.get(ledger_rows.hash_of(key, value))
            if row is not None and created < row.at:
                there.setdefault(id, row.number)
    return there
