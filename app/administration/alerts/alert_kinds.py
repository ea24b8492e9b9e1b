"""This module declares every kind of alert: its title, what it means, and what to do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.administration.alerts import conditions
from app.administration.alerts.conditions import Look
from app.administration.alerts.incidents import TEST, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertKind:
    """One row of the catalog. `name` is stored; `fix` are steps; `find` says whether it holds now.

    `is_remote`: `find` waits for the network, and does not use the database.
    """

    name: str
    title: str
    what: str
    fix: tuple[str, ...]
    find: Callable[[Look], Finding | None]
    is_remote: bool = False


KINDS: tuple[AlertKind, ...] = (
    AlertKind(
        name="access-remains",
        title="A user who should have no access is still active",
        what="Entra wanted to disable or delete users, or to take them out of a group that gives a role, and the "
        "request was refused.",
        fix=("Open Problems in the console, and disable these users.", "Fix the cause of the refusal in Entra."),
        find=conditions.access_remains,
    ),
    AlertKind(
        name="guard",
        title="Unusually many users were disabled or deleted, or left groups",
        what="The guard raised an alarm. What Entra did has effect; nothing is deleted permanently before an answer.",
        fix=(
            "In Entra, pause provisioning if this was a mistake.",
            "Open Guard in the console, look at who is affected, and say whether they were meant.",
        ),
        find=conditions.guard_alarm,
    ),
    AlertKind(
        name="quarantine",
        title="The provisioning job is probably in quarantine",
        what="The requests from Entra are as far apart as the retries of a job in quarantine.",
        fix=(
            "Open Problems in the console, and fix them.",
            "In Entra, press Test Connection, then Restart provisioning.",
        ),
        find=conditions.quarantine,
    ),
    AlertKind(
        name="no-contact",
        title="No contact from Entra",
        what="Entra has sent no request for longer than usual. It sends nothing while nothing changes.",
        fix=(
            "In Entra, check under Provisioning whether the job is on, and its last result.",
            "Check that the public URL answers from outside.",
        ),
        find=conditions.no_contact,
    ),
    AlertKind(
        name="key-refused",
        title="Entra's requests are refused because of the key",
        what="No request with a valid key arrives, only others.",
        fix=("Create a SCIM Key on the Account page.", "Paste it into Secret Token in Entra, press Test Connection."),
        find=conditions.keys_refused,
    ),
    AlertKind(
        name="job-stopped",
        title="A problem stops the provisioning job",
        what="Entra retries the whole job, and puts it into quarantine after a while.",
        fix=("Open Problems in the console: each says what to do.",),
        find=conditions.job_stopped,
    ),
    AlertKind(
        name="sign-in-broken",
        title="Single sign-on fails for every user",
        what="Nobody can sign in with a work account. Administrators still can with their password.",
        fix=("Open Single sign-on in the console.", "Press Test sign-in after a change."),
        find=conditions.sign_in_broken,
    ),
    AlertKind(
        name="database-lost",
        title="The database file is gone",
        what="It was removed or replaced while the server uses it. Every request gets 503.",
        fix=("Do not restart before the file is back.", "Restore a backup, or put the file back."),
        find=conditions.lost,
    ),
    AlertKind(
        name="database-damaged",
        title="The database is damaged",
        what="Changes from Entra get 503 until the server restarts. Users whom Entra disables are disabled at once.",
        fix=("Stop the server and keep a copy of the data folder.", "Run recnice-scim check.", "Restore a backup."),
        find=conditions.damaged,
    ),
    AlertKind(
        name="database-not-writable",
        title="The database cannot be written",
        what="Changes from Entra get 503, and Entra sends them again.",
        fix=("Check the free space, and which other program uses the file.", "The log has the cause."),
        find=conditions.not_writable,
    ),
    AlertKind(
        name="disk-low",
        title="The disk is almost full",
        what="When it is full, changes from Entra get 503.",
        fix=("Free space on the disk of the data folder, or enlarge it.",),
        find=conditions.disk_low,
    ),
    AlertKind(
        name="wal-large",
        title="A write-ahead log is large",
        what="Something reads the database for a long time, so what was written cannot be moved into its file.",
        fix=("Find the program that has the file open, and end it.", "Restart the server if there is none."),
        find=conditions.wal_large,
    ),
    AlertKind(
        name="backup-failed",
        title="A backup failed, or could not be verified",
        what="The server tries it again. Until then the newest backup becomes older.",
        fix=("Read the reason below.", "Check the folder of the backups: its free space, and who may write there."),
        find=conditions.backups_failed,
    ),
    AlertKind(
        name="backup-old",
        title="There is no new backup",
        what="The newest verified backup is older than two days, or was removed.",
        fix=("Check whether the folder of the backups is there, and the server was running.",),
        find=conditions.backups_old,
    ),
    AlertKind(
        name="job-failed",
        title="Another background job failed",
        what="The server tries it again.",
        fix=("Read the reason below and in the log.",),
        find=conditions.jobs_failed,
    ),
    AlertKind(
        name="key-unused",
        title="A SCIM Key is not used",
        what="A key was not used for three days: Entra does not sync, or uses another key.",
        fix=("Open Account in the console.", "Revoke the key if Entra uses another one."),
        find=conditions.keys_unused,
    ),
    AlertKind(
        name="certificate-expires",
        title="The certificate of the public URL expires soon",
        what="When it has expired, Entra sends nothing, and nobody can sign in.",
        fix=("Renew the certificate at the reverse proxy.", "Reload the reverse proxy."),
        find=conditions.certificate_expires,
        is_remote=True,
    ),
    AlertKind(
        name="certificate-invalid",
        title="The certificate of the public URL is invalid",
        what="Clients that verify it, as Entra does, send nothing.",
        fix=(
            "Install a valid certificate with its chain at the reverse proxy.",
            "If your own authority signed it, set ca_file.",
        ),
        find=conditions.certificate_invalid,
        is_remote=True,
    ),
)
"""All kinds, the most urgent first."""

BY_NAME: Mapping[str, AlertKind] = {kind.name: kind for kind in KINDS}
TITLES: Mapping[str, str] = {kind.name: kind.title for kind in KINDS} | {TEST: "Test"}
"""The titles by kind, also of messages that only try a channel."""
