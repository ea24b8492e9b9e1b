"""This module says in sentences what a restore changes, for the command and the console."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from app import clock
from app.quantities import counted

if TYPE_CHECKING:  # the pages import this module, and have no use for the check of a whole database
    from app.restoration.staged_copy import Preview
    from app.store.restoration.comparison import Differences, Names

_RESTART = "In Entra, choose Restart provisioning afterwards: Entra does not send again what it sent since the backup."


def sentences(preview: Preview, *, is_reactivating: bool = False) -> Iterator[str]:
    """Yield what a restore changes, what matters most first."""
    made = f"{preview.copy.made} ({_age(preview.copy.made)} ago)"
    if preview.differences is None:
        yield (
            f"Users who were disabled or deleted since {made} are active again: {preview.because}, "
            "so the server cannot know them."
        )
        yield "Keys, passwords and administrators are those of the backup, also revoked and removed ones."
    else:
        yield from _differences(preview.differences, is_reactivating)
        if preview.erased:
            yield f"{counted(preview.erased, 'user')} of the backup {_is(preview.erased)} erased since: not restored."
    if preview.faults:
        yield f"A check of the backup finds {counted(len(preview.faults), 'problem')}: {_printable(preview.faults[0])}"
    yield f"The backup was made at {made}."
    yield f"The last use of a key that the backup knows was at {preview.last_use or 'no time'}."
    yield _RESTART
    if preview.differences is None:
        yield "Without it, Entra sends nothing about users whom it has disabled already."


def _differences(found: Differences, is_reactivating: bool) -> Iterator[str]:
    state = (
        "They become active again, as in the backup."
        if is_reactivating
        else "They stay disabled, though active in the backup."
    )
    if found.active_again.number:
        verb = _is(found.active_again.number)
        yield f"{_users(found.active_again)} {verb} disabled since. {state}"
    state = "active" if is_reactivating else "disabled"
    if found.deleted.number:
        yield f"{_users(found.deleted)} {_is(found.deleted.number)} deleted since. They return as {state} users."
    if found.memberships:
        yield (
            f"{counted(found.memberships, 'membership')} in groups that give a console role return. These users get no "
            "role from it until an owner confirms them."
        )
    if created := _listed(user=found.created_users, group=found.created_groups):
        yield f"The backup lacks {created} created since."
    if changed := _listed(user=found.changed_users, group=found.changed_groups):
        yield f"{changed} changed since: as in the backup again."
    if found.deleted_groups:
        yield f"{counted(found.deleted_groups, 'group')} deleted since: restored."
    if found.revoked:
        yield f"{counted(found.revoked, 'credential')} revoked since: not restored."
    if found.administrators:
        yield f"{counted(found.administrators, 'administrator')} disabled or removed since: not restored."
    yield (
        "Administrators, keys, OAuth clients, the role mapping, the IP allow list, single sign-on and the audit do not "
        "change."
    )


def _users(names: Names) -> str:
    more = names.number - len(names.first)
    listed = ", ".join(_printable(name) for name in names.first) + (f" and {more:,} more" if more else "")
    return f"{counted(names.number, 'user')} ({listed})"


def _is(number: int) -> str:
    return "was" if number == 1 else "were"


def _listed(**numbers: int) -> str:
    """Return the numbers by their nouns, without those that are 0; "" if all are."""
    return " and ".join(counted(number, noun) for noun, number in numbers.items() if number)


def _age(made: str) -> str:
    seconds = max(0, int((clock.utc_now() - datetime.fromisoformat(made)).total_seconds()))
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * length:
            return counted(seconds // length, unit)
    return counted(seconds, "second")


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
