"""This module remembers what follows from administrators' rows until one of them changes.

The table `generation` has one number, which a trigger raises with every such change, whichever process makes it. So a
transaction that reads the number knows whether what this process remembers is still so
(docs/decisions/0051-what-requests-read-is-remembered.md).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import CheckConstraint

from app.scim.errors import Code, ScimError
from app.store.database.columns import numbers
from app.store.database.connection import Connection, Memory
from app.store.database.directory_database import directory_table

generation = directory_table(
    "generation", *numbers("id", primary_key=True), *numbers("number"), CheckConstraint("id = 1")
)
"""The one row whose number is another one after every administrative change."""

RAISED_BY: Mapping[str, str] = {
    "scim_key": "UPDATE OF hash, stopped",
    "oauth_client": "UPDATE OF stopped",
    "oauth_secret": "UPDATE OF stopped",
    "oauth_trust": "UPDATE OF stopped",
    "access_token": "UPDATE",
    "source_policy": "UPDATE",
    "allowed_network": "UPDATE",
    "strict_attribute": "UPDATE",
    "role_mapping": "UPDATE",
}
"""The tables of which rows are remembered, with the updates that count: the last use of a key does not."""
_RAISE = "UPDATE generation SET number = number + 1 + abs(random() % 1000000000);"
"""By a random step, so that a number that was rolled back never returns: a thread may have remembered its rows."""
TRIGGERS: Mapping[str, str] = {
    (name := f"{table}_{when.partition(' ')[0].lower()}_generation"): (
        f"CREATE TRIGGER {name} AFTER {when} ON {table} BEGIN {_RAISE} END"
    )
    for table, update in RAISED_BY.items()
    for when in ("INSERT", update, "DELETE")
}
"""The triggers, as the migration creates them."""

_NUMBER = "SELECT number FROM generation"

P = ParamSpec("P")
T = TypeVar("T")


class NotRemembered(Exception):  # noqa: N818  # the caller asks the database
    """What a request needs is not remembered."""


class Recollection(Connection):
    """A connection to nothing, which knows only what is remembered at one moment; raises NotRemembered."""

    __slots__ = ()

    def __init__(self, memory: Memory) -> None:
        self.memory = Memory()
        self.memory.pair = memory.pair
        self.generation = memory.pair[0]
        self.keeps_generation = True

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Raise NotRemembered instead of running a statement."""
        raise NotRemembered


def require_number(connection: Connection, number: int | None) -> None:
    """Raise UNAUTHORIZED if administrators changed something since a key was judged: it has to be judged again.

    `number` is that of the state in which it was judged; None requires nothing.
    """
    if number is not None and number_of(connection) != number:
        raise ScimError(Code.UNAUTHORIZED, "Authorization", "a key that is judged again")


def number_of(connection: Connection) -> int:
    """Return the number of the state that a transaction sees."""
    if connection.keeps_generation and connection.generation is not None:
        return connection.generation
    number: int = connection.run(_NUMBER).fetchone()[0]
    connection.generation = number
    return number


def remembered(read: Callable[Concatenate[Connection, P], T]) -> Callable[Concatenate[Connection, P], T]:
    """Return a function that calls `read` once for the same texts, until an administrative change.

    `read` depends on rows of `RAISED_BY` only. None is read again each time: what does not exist has no limit.
    """

    @wraps(read)
    def known(connection: Connection, /, *texts: P.args, **named: P.kwargs) -> T:
        values = _values(connection.memory, number_of(connection))
        value: T | None = values.get((known, *texts))
        if value is None:
            value = read(connection, *texts, **named)
            if value is not None:
                values[known, *texts] = value
        return value

    return known


def _values(memory: Memory, number: int) -> dict[Any, Any]:
    pair = memory.pair
    if pair[0] != number:
        memory.pair = pair = (number, {})
    return pair[1]
