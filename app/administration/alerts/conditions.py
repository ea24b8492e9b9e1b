"""This module looks whether the conditions hold that administrators are alerted to.

A function returns None while its condition does not hold. It may raise ScimError or OSError: then its state is unknown.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from app import bounds, clock
from app.administration import directory_totals, disk_usage
from app.administration.alerts.incidents import Finding
from app.administration.credentials import key_status
from app.administration.single_sign_on import provider_settings
from app.administration.single_sign_on.provider_client import ProviderClient
from app.backup import job_titles
from app.delivery import certificate
from app.delivery.certificate import Certificate
from app.delivery.connections import DeliveryError
from app.observation import guard
from app.observation.cycles import sync_health
from app.observation.cycles.detection import seconds_between
from app.observation.cycles.sync_health import SyncHealth
from app.observation.problem_kinds.access_kinds import KINDS_OF_STRANGERS
from app.observation.problems import problem_list, refused_removals
from app.observation.problems.problem_list import Cause
from app.quantities import counted
from app.scim.errors import ScimError
from app.store.database import directory_database
from app.store.database.directory_database import Row
from app.store.database.file_watch import LOST
from app.store.directory import job_rows

_NO_KEY = "No SCIM Key and no OAuth client is active, so every request is refused."


class PublicCertificate:
    """The certificate that clients of the public URL see, looked at once a day, or once an hour if it is not well."""

    def __init__(self, public_url: str, ca_file: Path | None) -> None:
        self._url = urlsplit(public_url)
        self._ca_file = ca_file
        self._next_s = float("-inf")
        self._known: Certificate | None = None

    def current(self) -> Certificate | None:
        """Return what was seen last; None without https, or before the host was ever reached."""
        if self._url.scheme == "https" and time.monotonic() >= self._next_s:
            try:
                self._known = certificate.look(self._url.hostname or "", self._url.port or 443, self._ca_file)
                is_well = not self._known.refusal and days_left(self._known) > max(bounds.CERTIFICATE_DAYS)
            except DeliveryError:  # often the public URL does not lead back from inside
                is_well = False
            wait_s = bounds.CERTIFICATE_LOOK_S if is_well else bounds.CERTIFICATE_LOOK_AGAIN_S
            self._next_s = time.monotonic() + wait_s
        return self._known


def days_left(seen: Certificate) -> float:
    """Return the days until a certificate expires; negative if it has."""
    return (seen.expires - clock.utc_now()) / timedelta(days=1) if seen.expires else 0.0


@dataclass(frozen=True)
class Look:
    """One look at everything, in an application context. What several conditions need is read once.

    `no_contact_hours`: 0 turns that alert off. `newest_backup` returns when the newest verified one was made, "" if
    there is none. `open_kinds`: the alerts that lasted at the last look. `is_stored`: whether what follows from it
    could be stored last time.
    """

    database: Path
    log: Path
    no_contact_hours: int
    certificate: PublicCertificate
    provider: Callable[[], ProviderClient]
    are_backups_on: bool
    newest_backup: Callable[[], str]
    open_kinds: Collection[str] = field(default=())
    is_stored: bool = True

    @cached_property
    def jobs(self) -> dict[str, Row]:
        """The rows of background jobs by name."""
        with directory_database.reading() as connection:
            return job_rows.scheduled(connection)

    @cached_property
    def overview(self) -> directory_totals.Overview:
        return directory_totals.overview()

    @cached_property
    def health(self) -> SyncHealth:
        contact = self.overview.last_contact
        return sync_health.current(contact.at if contact else "")[0]

    @cached_property
    def causes(self) -> list[Cause]:
        """The open problems that stop the whole job of a client."""
        return problem_list.stopping_causes()


def no_contact(look: Look) -> Finding | None:
    """Look for a long silence: Entra sends no request while nothing changes, so a setting says what is long."""
    if not look.no_contact_hours or look.health.state != "silent":
        return None
    quiet_s = seconds_between(look.health.last_request, clock.to_wire(clock.utc_now()))
    return Finding(look.health.last_request) if quiet_s >= look.no_contact_hours * 3600 else None


def quarantine(look: Look) -> Finding | None:
    """Look for the gaps of a job in quarantine."""
    return Finding(look.health.last_request) if look.health.state == "quarantine" else None


def keys_refused(look: Look) -> Finding | None:
    """Look for refused keys while no request with a valid key arrives, which closes such problems.

    Every client can send an invalid key.
    """
    if look.health.last_request and not look.overview.has_key:
        return Finding(detail=_NO_KEY)
    now = clock.to_wire(clock.utc_now())
    lasting = [
        cause
        for cause in look.causes
        if cause.kind.is_of_key
        and cause.kind.name not in KINDS_OF_STRANGERS
        and seconds_between(cause.first, now) >= bounds.KEY_REFUSED_S
    ]
    return _of_causes(lasting)


def job_stopped(look: Look) -> Finding | None:
    """Look for problems that Entra retries with the whole job.

    Only those that a client with a valid key met, or after which no valid key was received: any client can cause the
    rest.
    """
    last = look.health.last_request
    return _of_causes(
        [
            cause
            for cause in look.causes
            if not cause.kind.is_of_key and any(one.key_id or one.last > last for one in cause.problems)
        ]
    )


def _of_causes(causes: list[Cause]) -> Finding | None:
    if not causes:
        return None
    titles = ", ".join(dict.fromkeys(cause.kind.title for cause in causes))
    return Finding(min(cause.first for cause in causes), f"Open problems: {titles}.")


def access_remains(look: Look) -> Finding | None:
    """Look for users who should have lost access."""
    standing = refused_removals.standing()
    if not standing.total:
        return None
    detail = f"{counted(standing.total, 'user')} should have lost access and still have it."
    return Finding(min(one.since for one in standing.users), detail)


def guard_alarm(look: Look) -> Finding | None:
    """Look for an alarm of the guard that waits for an answer."""
    alarm = guard.open_alarm()
    if alarm is None:
        return None
    parts = [f"{counted(alarm.people, 'user')} disabled or deleted"] if alarm.people else []
    if alarm.groups:
        role = " with a role" if alarm.has_role_group else ""
        parts.append(f"{counted(alarm.groups, 'group')}{role} deleted or without many of the members")
    return Finding(alarm.raised, "; ".join(parts) + ".")


def sign_in_broken(look: Look) -> Finding | None:
    """Look whether no user can sign in with single sign-on."""
    provider = provider_settings.configured()
    if provider is None:
        return None
    client = look.provider()
    if client.sealer.open(provider.sealed_secret) is None:
        return Finding(detail="The stored client secret cannot be decrypted: recnice.secret is another file.")
    return Finding(client.outage.since, client.outage.because) if client.outage else None


def keys_unused(look: Look) -> Finding | None:
    """Look for SCIM Keys that are unexpectedly not used."""
    warned = [one.key for one in key_status.active_keys() if one.warned]
    if not warned:
        return None
    since = min(key.last_used or key.created for key in warned)
    return Finding(since, "SCIM Keys: " + ", ".join(key.name or key.id for key in warned) + ".")


def backups_failed(look: Look) -> Finding | None:
    """Look for a backup, or a trial of one, that failed when it was made last."""
    return _of_jobs(look, lambda name: name in job_titles.TITLES)


def backups_old(look: Look) -> Finding | None:
    """Look whether the newest verified backup is old; without one, whether the first one is overdue."""
    if not look.are_backups_on or job_titles.NIGHTLY not in look.jobs:
        return None
    newest = look.newest_backup()
    # Until the job has succeeded once, its row has the time of the first start.
    last = newest or clock.to_wire(datetime.fromtimestamp(look.jobs[job_titles.NIGHTLY].done, UTC))
    if seconds_between(last, clock.to_wire(clock.utc_now())) < bounds.BACKUP_AGE_S:
        return None
    return Finding(last, "" if newest else "There is no verified backup.")


def jobs_failed(look: Look) -> Finding | None:
    """Look for other background jobs that failed when they ran last."""
    return _of_jobs(look, lambda name: name not in job_titles.TITLES)


def _of_jobs(look: Look, is_one: Callable[[str], bool]) -> Finding | None:
    failed = [row for name, row in sorted(look.jobs.items()) if row.failure is not None and is_one(name)]
    return Finding(detail="; ".join(f"{row.name}: {row.failure}" for row in failed) + ".") if failed else None


def disk_low(look: Look) -> Finding | None:
    """Look at the free space of the data folder."""
    storage = disk_usage.storage(look.database, look.log)
    return (
        Finding(detail=f"{storage.free_bytes // 1_000_000:,} MB are free in the data folder.")
        if storage.is_low
        else None
    )


def wal_large(look: Look) -> Finding | None:
    """Look at the size of the write-ahead logs."""
    storage = disk_usage.storage(look.database, look.log)
    return Finding(detail=f"The larger one has {storage.wal_bytes // 2**20:,} MiB.") if storage.has_large_wal else None


def not_writable(look: Look) -> Finding | None:
    """Look whether a write was refused lately. Only while that lasts, a write of our own finds out if it is over."""
    if directory_database.file.abandoned or directory_database.file.damaged_since:
        return None  # these have alerts of their own
    refusal = directory_database.last_refusal(2 * bounds.ALERT_EVERY_S)
    if not look.is_stored or "database-not-writable" in look.open_kinds:
        try:
            directory_database.try_write()
            refusal = ""
        except ScimError as error:
            refusal = error.detail
    return Finding(detail=f"{refusal}.") if refusal else None


def damaged(look: Look) -> Finding | None:
    """Look whether damage was met in the database."""
    since = directory_database.file.damaged_since
    return Finding(since) if since else None


def lost(look: Look) -> Finding | None:
    """Look whether the database file was removed or replaced."""
    return Finding() if directory_database.file.abandoned == LOST else None


def certificate_expires(look: Look) -> Finding | None:
    """Look at when the certificate of the public URL expires."""
    seen = look.certificate.current()
    if seen is None or seen.refusal or seen.expires is None:
        return None
    left = days_left(seen)
    level = min((days for days in bounds.CERTIFICATE_DAYS if left <= days), default=None)
    if level is None:
        return None
    return Finding(
        detail=f"It expires at {clock.to_wire(seen.expires)}.", level="1 day" if level == 1 else f"{level} days"
    )


def certificate_invalid(look: Look) -> Finding | None:
    """Look whether clients refuse the certificate of the public URL."""
    seen = look.certificate.current()
    return Finding(detail=f"Clients refuse it: {seen.refusal}.") if seen and seen.refusal else None
