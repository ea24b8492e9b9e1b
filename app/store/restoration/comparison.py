"""This module compares the database of a copy with the present one, attached to the same connection.

Both have the newest step. `present` is the schema name of the present one; it is only read.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app import bounds
from app.store.database import sqlite_driver
from app.store.database.connection import Connection

_IS_SAME = """
SELECT EXISTS (SELECT 1 FROM main.installation JOIN present.installation AS other USING (instance))
    OR EXISTS (SELECT 1 FROM main.audit JOIN present.audit AS other USING (id, hash))
    OR EXISTS (SELECT 1 FROM main.resource JOIN present.resource AS other USING (id))
"""
_PRESENT_STEP = "SELECT version_num FROM present.alembic_version"
# CROSS JOIN fixes the order: each row of the copy is looked up in the present database by its unique id.
_BOTH = "main.resource AS copied CROSS JOIN present.resource AS other ON other.id = copied.id"
# A record with another externalId is that of another person, if it was disabled in between (decision 37).
_ACTIVE_AGAIN = f"""
SELECT copied.id FROM {_BOTH} WHERE copied.type = 'User' AND copied.active = 1 AND (
    other.active = 0
    OR copied.version <> other.version AND copied.document ->> 'externalId' IS NOT other.document ->> 'externalId'
        AND EXISTS (SELECT 1 FROM present.event WHERE resource_id = copied.id AND changes -> '$.active' IS NOT NULL
            AND id > (SELECT coalesce(max(id), 0) FROM main.event))
)
"""
_MISSING = (
    "FROM main.resource AS copied WHERE type = ? AND NOT EXISTS (SELECT 1 FROM present.resource WHERE id = copied.id)"
)
_CREATED = (
    "FROM present.resource AS other WHERE type = ? AND NOT EXISTS (SELECT 1 FROM main.resource WHERE id = other.id)"
)
_CHANGED = f"SELECT count(*) FROM {_BOTH} WHERE copied.type = ? AND copied.version <> other.version"
_NAME = "SELECT coalesce(document ->> 'userName', document ->> 'displayName', id) FROM main.resource WHERE id = ?"
_GIVES_ROLE = "group_id IN (SELECT value FROM present.role_mapping WHERE source = 'group')"
_AGAIN_MEMBERS = f"""
(SELECT group_id, member_id FROM main.membership WHERE {_GIVES_ROLE}
    EXCEPT SELECT group_id, member_id FROM present.membership WHERE {_GIVES_ROLE})
"""
_APP_ROLE = "exact_text(CASE {0}.type WHEN 'object' THEN {0}.value ->> 'value' END)"
_ROLE_AGAIN = f"""
SELECT member_id FROM {_AGAIN_MEMBERS} UNION
SELECT copied.id FROM main.resource AS copied CROSS JOIN json_each(copied.document, '$.roles') AS entry
WHERE (SELECT count(*) FROM present.role_mapping WHERE source = 'app_role') AND copied.type = 'User'
    AND {_APP_ROLE.format("entry")} IN (SELECT value FROM present.role_mapping WHERE source = 'app_role')
    AND NOT EXISTS (
        SELECT 1 FROM present.resource AS other CROSS JOIN json_each(other.document, '$.roles') AS kept
        WHERE other.id = copied.id AND {_APP_ROLE.format("kept")} = {_APP_ROLE.format("entry")}
    )
"""
_REVOKED = """
SELECT count(*) FROM main.{table} AS copied JOIN present.{table} AS other USING (id)
WHERE copied.stopped IS NULL AND other.stopped IS NOT NULL
"""
_CREDENTIALS = ("scim_key", "oauth_client", "oauth_secret", "oauth_trust")
_REMOVED_ADMINISTRATORS = """
SELECT count(*) FROM main.operator AS copied WHERE disabled = 0
    AND NOT EXISTS (SELECT 1 FROM present.operator WHERE id = copied.id AND disabled = 0)
"""
_LAST_USE = (
    "SELECT max(last_used) FROM (SELECT last_used FROM main.scim_key UNION SELECT last_used FROM main.oauth_secret)"
)


@dataclass(frozen=True, slots=True)
class Names:
    """Some names of users, at most `bounds.RESTORE_NAMES`, and how many there are."""

    number: int = 0
    first: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Differences:
    """What a restore changes, compared with the present database.

    `active_again` and `deleted`: users who are active in the copy, and now disabled or deleted. `created`: how many
    users and groups the copy lacks. `memberships`: those that would give a console role again. `revoked`: credentials
    that are valid in the copy only; `administrators`: those who can sign in in the copy only.
    """

    active_again: Names
    deleted: Names
    deleted_groups: int
    created_users: int
    created_groups: int
    changed_users: int
    changed_groups: int
    memberships: int
    revoked: int
    administrators: int


@contextmanager
def attached(copy: Path, present: Path) -> Iterator[Connection]:
    """Yield a connection to the copy with the present database attached. Raises the driver's errors."""
    with closing(sqlite_driver.connect(sqlite_driver.existing_address(copy))) as driver:
        driver.execute("ATTACH ? AS present", (f"{sqlite_driver.address(present)}?mode=ro",))
        yield Connection(driver)


@contextmanager
def unchanged(present: Path) -> Iterator[None]:
    """Let no process write the present database until the block ends. Raises the driver's errors."""
    with closing(sqlite_driver.connect(sqlite_driver.existing_address(present))) as driver:
        driver.execute("BEGIN IMMEDIATE")
        yield


def present_step(connection: Connection) -> str:
    """Return the schema step of the present database."""
    return str(connection.exec_driver_sql(_PRESENT_STEP).scalar())


def is_of_same_installation(connection: Connection) -> bool:
    """Return whether both databases are states of the same installation.

    Its random text is the same, an entry of the audit, or the id of a user or group: a folder has a new text after it
    was restored on another machine, and its audit may begin after the copy was made.
    """
    return bool(connection.exec_driver_sql(_IS_SAME).scalar())


def active_again(connection: Connection) -> list[str]:
    """Return the ids of users who are active in the copy, and disabled now or now the record of another person."""
    return list(connection.exec_driver_sql(_ACTIVE_AGAIN).scalars())


def deleted(connection: Connection) -> list[str]:
    """Return the ids of users who are active in the copy and deleted now."""
    return list(connection.exec_driver_sql(f"SELECT id {_MISSING} AND active = 1", ("User",)).scalars())


def role_again(connection: Connection) -> list[str]:
    """Return the ids of users who have in the copy, and not now, a membership or app role that gives a console role.

    Whether they are active does not matter.
    """
    return list(connection.exec_driver_sql(_ROLE_AGAIN).scalars())


def differences(connection: Connection) -> Differences:
    """Return what a restore changes. Reads all rows of both directories."""

    def count(sql: str, *parameters: str) -> int:
        return int(connection.exec_driver_sql(sql, parameters).scalar_one())

    return Differences(
        active_again=_names(connection, active_again(connection)),
        deleted=_names(connection, deleted(connection)),
        deleted_groups=count(f"SELECT count(*) {_MISSING}", "Group"),
        created_users=count(f"SELECT count(*) {_CREATED}", "User"),
        created_groups=count(f"SELECT count(*) {_CREATED}", "Group"),
        changed_users=count(_CHANGED, "User"),
        changed_groups=count(_CHANGED, "Group"),
        memberships=count(f"SELECT count(*) FROM {_AGAIN_MEMBERS}"),
        revoked=sum(count(_REVOKED.format(table=table)) for table in _CREDENTIALS),
        administrators=count(_REMOVED_ADMINISTRATORS),
    )


def last_use(connection: Connection) -> str:
    """Return when a client last used a credential, as the copy knows it, in wire form; "" for never."""
    return connection.exec_driver_sql(_LAST_USE).scalar() or ""


def _names(connection: Connection, ids: list[str]) -> Names:
    return Names(len(ids), [_name(connection, id) for id in ids[: bounds.RESTORE_NAMES]])


def _name(connection: Connection, id: str) -> str:
    return str(connection.exec_driver_sql(_NAME, (id,)).scalar_one())
