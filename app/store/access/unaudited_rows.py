"""This module finds stored rows without an audit entry of their creation.

An audit that was truncated or emptied with care is consistent, but rows created before the cut are still stored.
See also: app/administration/audit.py (the actions), docs/decisions/0027-the-audit-is-a-chain.md.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Table

from app import bounds
from app.store.access.account_tables import identity_provider, operator, role_mapping, second_factor, session
from app.store.access.alert_tables import alert_target
from app.store.access.credential_tables import (
    allowed_network,
    oauth_client,
    oauth_secret,
    oauth_trust,
    scim_key,
    source_policy,
)
from app.store.access.setting_rows import setting
from app.store.database import sqlite_driver
from app.store.database.connection import Connection, Row
from app.store.directory.tables import strict_attribute


class _Creation(NamedTuple):
    """The SQL by which an audit entry names the row `made` that it records the creation of.

    `moment` is the row's column with the time, "" if it has none. `may_be_older`: the table is older than the audit.
    `whose`: the rows that it applies to.
    """

    table: Table
    name: str
    moment: str
    actions: Sequence[str]
    condition: str
    may_be_older: bool = False
    whose: str = "TRUE"


MAPPING_KEPT = "mapping-kept"
"""The action of the entry that says again what an entry said of a line of the mapping that is summarized."""
_IS_OPERATOR = "entry.actor = 'operator ' || (SELECT user_name FROM operator WHERE id = made.operator_id)"
CREATIONS: Sequence[_Creation] = (
    _Creation(
        *(operator, "user_name", "created", ("set-up", "operator-made")),
        "made.user_name = iif(entry.action = 'set-up', substr(entry.actor, length('operator ') + 1), entry.target)",
        may_be_older=True,
    ),
    _Creation(scim_key, "id", "created", ("key-made",), "made.id = entry.detail ->> 'key'", may_be_older=True),
    _Creation(
        *(session, "substr(token_hash, 1, 8)", "created", ("set-up", "signed-in")),
        f"iif(made.operator_id IS NULL, made.user_id = entry.detail ->> 'person', {_IS_OPERATOR})",
        may_be_older=True,
    ),
    _Creation(
        *(strict_attribute, "attribute", "since", ("strict-set",)),
        "made.attribute = entry.target AND made.type = entry.detail ->> 'of'",
        may_be_older=True,
    ),
    _Creation(
        *(second_factor, "operator_id", "confirmed", ("second-factor-on",), _IS_OPERATOR),
        whose="made.confirmed IS NOT NULL",
    ),
    _Creation(oauth_client, "id", "created", ("client-made",), "made.id = entry.detail ->> 'client'"),
    _Creation(oauth_secret, "id", "created", ("secret-made",), "made.id = entry.detail ->> 'secret'"),
    _Creation(oauth_trust, "id", "created", ("trust-made",), "made.id = entry.detail ->> 'trust'"),
    _Creation(allowed_network, "network", "created", ("network-allowed",), "made.network = entry.target"),
    _Creation(source_policy, "mode", "since", ("sources-mode",), "made.mode = entry.target"),
    _Creation(identity_provider, "issuer", "saved", ("provider-saved",), "made.issuer = entry.target"),
    _Creation(
        *(alert_target, "channel", "saved", ("alert-target-saved",)),
        "made.channel = entry.detail ->> 'channel' AND made.name = entry.target",
    ),
    _Creation(
        *(setting, "name", "changed", ("setting-changed",)),
        "made.name = entry.target AND made.value = entry.detail ->> 'new'",
    ),
    _Creation(
        *(role_mapping, "source || ' ' || value", "", ("mapping-saved", MAPPING_KEPT)),
        "made.role = entry.detail ->> 'new'"
        " AND iif(made.source = 'group', made.value = entry.detail ->> 'group', instr(entry.target, made.value))",
    ),
)

# Names can be reused, so an entry counts only at the row's own moment. Both are of one transaction and one clock: its
# difference from the correct time, or from other entries, does not matter.
_MOMENT = "strftime('%Y-%m-%dT%H:%M:%fZ', made.{moment}, '{slack:+} seconds')"
_STATEMENT = """
WITH entry AS (
    SELECT id, at, actor, action, target, CASE WHEN json_valid(detail) THEN detail ELSE '{{}}' END AS detail FROM audit
)
SELECT CAST({name} AS BLOB) FROM {table} AS made
WHERE NOT EXISTS (SELECT 1 FROM entry WHERE entry.action IN ({actions}) AND {is_then} AND {condition})
AND {whose} AND {is_newer} AND {is_kept}
LIMIT {limit}
"""
BEGAN = "audit-began"
"""The action of the entry that only the migration step that creates the audit writes, so it is the first one."""
_IS_NEWER = f"""NOT EXISTS (
    SELECT 1 FROM audit
    WHERE id = 1 AND action = '{BEGAN}' AND typeof(made.{{moment}}) = 'text' AND made.{{moment}} <= at
)"""

# A line of the mapping has no moment, so it has a new entry instead (lines_to_keep).
_IS_KEPT = """
(typeof(made.{moment}) = 'text' AND made.{moment} <= (SELECT max(until) FROM audit_summary)) IS NOT TRUE
"""
_LINES_TO_KEEP = """
SELECT source, value, role FROM role_mapping AS made WHERE {then} AND NOT {later}
"""


def lines_to_keep(connection: Connection, last: int) -> Sequence[Row]:
    """Return the lines of the mapping whose entries are all up to the id `last`."""
    [line] = [one for one in CREATIONS if one.table is role_mapping]
    actions = ", ".join(f"'{action}'" for action in line.actions)
    there = (
        f"EXISTS (SELECT 1 FROM audit AS entry WHERE id {{}} {last:d} AND action IN ({actions}) AND {line.condition})"
    )
    query = _LINES_TO_KEEP.format(then=there.format("<="), later=there.format(">"))
    return connection.exec_driver_sql(query).all()


def faults(connection: Connection) -> Iterator[str]:
    """Yield a sentence for each row without an entry of its creation; only the first ones of each table."""
    for one in CREATIONS:
        try:
            rows = connection.exec_driver_sql(_statement(one)).scalars().all()
        except sqlite_driver.module.Error:
            yield f"audit: it cannot be compared with {one.table.name}"
            continue
        for name in rows:
            text = (name or b"").decode("utf-8", "replace")
            yield f"audit: no entry says that {one.table.name} {text!r:.60} was created"


def _statement(one: _Creation) -> str:
    def moment(slack_s: int) -> str:
        return _MOMENT.format(moment=one.moment, slack=slack_s)

    is_then = f"entry.at BETWEEN {moment(-bounds.CLOCK_SLACK_S)} AND {moment(bounds.CLOCK_SLACK_S)}"
    return _STATEMENT.format(
        **one._asdict() | {"table": one.table.name, "actions": ", ".join(f"'{action}'" for action in one.actions)},
        is_then=is_then if one.moment else "TRUE",
        is_newer=_IS_NEWER.format(moment=one.moment) if one.may_be_older else "TRUE",
        is_kept=_IS_KEPT.format(moment=one.moment) if one.moment else "TRUE",
        limit=bounds.AUDIT_FAULTS,
    )
