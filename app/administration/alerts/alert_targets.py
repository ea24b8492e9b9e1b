"""This module stores where alerts are sent: one mail server, one webhook, one heartbeat URL.

A password and the secret of a webhook are encrypted and never displayed, and so are URLs: that of a chat service is a
secret. They are kept only for the host for which they were entered: an attacker who changes the host must not receive
them.
"""

import json
import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, cast
from urllib.parse import urlsplit

from app import bounds
from app.administration import audit
from app.administration.alerts.incidents import TEST, Alert, new_delivery, new_incident
from app.administration.audit import Action, Actor
from app.administration.encryption import Sealer
from app.administration.errors import Refused
from app.delivery import webhook
from app.delivery.mail import MailServer, Security
from app.ip_addresses import split_host
from app.store.access import alert_rows as rows
from app.store.access.alert_tables import alert_delivery
from app.store.database import directory_database
from app.store.database.directory_database import Connection, Row

Channel = Literal["mail", "webhook", "heartbeat"]
CHANNELS: Mapping[Channel, str] = {"mail": "E-mail", "webhook": "Webhook", "heartbeat": "Heartbeat"}
"""The channels with their titles."""
SENDING: tuple[Channel, ...] = ("mail", "webhook")
"""The channels that messages are sent to."""
SEAL = "alert target"
SECURITIES: Mapping[Security, str] = {
    "starttls": "STARTTLS (usual with port 587 or 25)",
    "tls": "TLS (usual with port 465)",
    "none": "None (only for a mail server on this host)",
}

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_MAIL_ADDRESS = re.compile(rf"(?!.*=\?){_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII)
"""A dot-atom and a domain (RFC 5322 §3.4.1), but no encoded word: mail programs, and `email`, decode it."""
_URL = re.compile(r"[\x21-\x7e]+")
_UNREADABLE = "The stored secret cannot be decrypted, because recnice.secret is another file: save the target again"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a channel sends. `attempted`, `delivered` are "" before the first time, `stopped` unless it said 410."""

    channel: Channel
    name: str
    options: Mapping[str, str]
    sealed: str = field(repr=False)
    saved: str
    saved_by: str
    attempted: str
    delivered: str
    answer: str
    stopped: str

    @property
    def recipients(self) -> list[str]:
        return self.options.get("recipients", "").split()

    def is_readable(self, sealer: Sealer) -> bool:
        return sealer.open(self.sealed) is not None

    def secrets(self, sealer: Sealer) -> Mapping[str, str]:
        """Return the decrypted texts. Raises Refused if the file with the key is another one."""
        opened = sealer.open(self.sealed)
        if opened is None:
            raise Refused(_UNREADABLE)
        return cast("Mapping[str, str]", json.loads(opened))

    def mail_server(self, sealer: Sealer) -> MailServer:
        """Return the mail server. Raises Refused."""
        security = cast("Security", self.options["security"])
        user, password = self.options["user"], self.secrets(sealer)["password"]
        return MailServer(self.options["host"], int(self.options["port"]), security, user, password)


def list_targets(connection: Connection) -> list[Target]:
    """Return the targets of all channels that are on."""
    return [_read(row) for row in rows.targets(connection)]


def read_targets() -> dict[Channel, Target]:
    """Return the targets of all channels that are on, by channel."""
    with directory_database.reading() as connection:
        return {one.channel: one for one in list_targets(connection)}


def _read(row: Row) -> Target:
    saved = (row.saved, row.saved_by, row.attempted, row.delivered, row.answer, row.stopped or "")
    return Target(row.channel, row.name, json.loads(row.options), row.secret, *saved)


def save_mail(entered: Mapping[str, str], sealer: Sealer, actor: Actor) -> None:
    """Let alerts go to recipients by a mail server. Raises Refused for an invalid value.

    `entered`: host, port, security, user, password, sender, recipients (separated by commas, spaces or lines).
    """
    text = {name: entered.get(name, "").strip() for name in ("host", "port", "security", "user", "sender")}
    host = split_host(text["host"])
    if host is None or host[1] is not None or len(text["host"]) > bounds.ALERT_HOST_LENGTH:
        raise Refused("Mail server: enter a host name such as smtp.example.org, without a port.")
    if not re.fullmatch("[0-9]{1,5}", text["port"]) or not 1 <= int(text["port"]) <= 65_535:
        raise Refused("Port: enter a number from 1 to 65535, usually 587 or 465.")
    if text["security"] not in SECURITIES:
        raise Refused("Choose how the connection is encrypted.")
    recipients = re.split(r"[\s,;]+", entered.get("recipients", "").strip(" \r\n\t,;"))
    if len(recipients) > bounds.ALERT_RECIPIENTS:
        raise Refused(f"Enter at most {bounds.ALERT_RECIPIENTS} recipients.")
    for address in (text["sender"], *recipients):
        if not _MAIL_ADDRESS.fullmatch(address) or len(address) > bounds.ALERT_MAIL_ADDRESS_LENGTH:
            raise Refused(f"Enter an e-mail address such as ops@example.org, instead of “{address[:80]}”.")
    password = entered.get("password", "")
    if not _is_printable(text["user"], bounds.ALERT_USER_LENGTH):
        raise Refused(f"User: enter at most {bounds.ALERT_USER_LENGTH:,} printable ASCII characters.")
    if not _is_printable(password, bounds.ALERT_PASSWORD_LENGTH):
        raise Refused(f"Password: enter at most {bounds.ALERT_PASSWORD_LENGTH:,} printable ASCII characters.")
    options = text | {"host": host[0], "port": str(int(text["port"])), "recipients": " ".join(recipients)}
    more = f" and {len(recipients) - 1} more" if len(recipients) > 1 else ""
    name = f"{recipients[0]}{more} by {host[0]}"[: bounds.AUDIT_TEXT_LENGTH]
    same = ("host", "port", "security", "user")

    def complete(before: Target | None) -> Mapping[str, str]:
        if password or not text["user"]:
            return {"password": password}
        if before is None or any(before.options[key] != options[key] for key in same):
            raise Refused("Enter the password: none is stored for this mail server and user.")
        return before.secrets(sealer)

    _save("mail", name, options, complete, sealer, actor)


def save_webhook(url: str, secret: str, sealer: Sealer, actor: Actor) -> str:
    """Let alerts go to a URL, and return a signing secret that was created here; "" if there is no new one.

    An empty `url` keeps the stored one; an empty `secret` keeps that of the stored URL, else creates one.
    Raises Refused for an invalid value.
    """
    url, secret = url.strip(), secret.strip()
    if url:
        _check_url(url)
    if secret:
        _check_secret(secret)
    created = ""

    def complete(before: Target | None) -> Mapping[str, str]:
        nonlocal created
        known: Mapping[str, str] = {}
        if before and (not url or before.is_readable(sealer)):
            known = before.secrets(sealer)
        if not url and not known:
            raise Refused("Enter the URL of the webhook.")
        is_same = bool(known) and url in ("", known["url"])
        if not secret and not is_same:
            created = webhook.SECRET_PREFIX + b64encode(secrets.token_bytes(32)).decode()
        kept = known["secret"] if is_same else created
        return {"url": url or known["url"], "secret": secret or kept}

    _save("webhook", "", {}, complete, sealer, actor)
    return created


def save_heartbeat(url: str, sealer: Sealer, actor: Actor) -> None:
    """Let a URL be requested while all is well. Raises Refused for an invalid value."""
    _check_url(url.strip())
    _save("heartbeat", "", {}, lambda _: {"url": url.strip()}, sealer, actor)


def _save(
    channel: Channel,
    name: str,
    options: Mapping[str, str],
    complete: Callable[[Target | None], Mapping[str, str]],
    sealer: Sealer,
    actor: Actor,
) -> None:
    with directory_database.writing() as connection:
        before = next((one for one in list_targets(connection) if one.channel == channel), None)
        secret = complete(before)
        name = name or urlsplit(secret["url"]).netloc
        saved = audit.record(connection, actor, Action.ALERT_TARGET_SAVED, name, channel=channel)
        values = {"channel": channel, "name": name, "options": json.dumps(options), "saved": saved}
        rows.save_target(connection, values | {"secret": sealer.seal(json.dumps(secret)), "saved_by": actor.signature})


def remove(channel: str, actor: Actor) -> None:
    """Turn a channel off, and forget its secrets."""
    with directory_database.writing() as connection:
        for target in list_targets(connection):
            if target.channel == channel:
                audit.record(connection, actor, Action.ALERT_TARGET_REMOVED, target.name, channel=channel)
                rows.remove_target(connection, channel)


def add_test(channel: str, actor: Actor) -> None:
    """Append a message that tries a channel, and let those that wait before it be due. Raises Refused if it is off."""
    with directory_database.writing() as connection:
        target = next((one for one in list_targets(connection) if one.channel == channel), None)
        if target is None or target.channel not in SENDING:
            raise Refused("This channel is off: save it first.")
        at = audit.record(connection, actor, Action.ALERT_TESTED, target.name, channel=channel)
        rows.make_due(connection, channel, at)
        alert = Alert(TEST, new_incident(), at, at)
        made = new_delivery(rows.next_number(connection), channel, "test", alert, datetime.fromisoformat(at))
        rows.write_deliveries(connection, [{column.name: getattr(made, column.name) for column in alert_delivery.c}])


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = split_host(parts.netloc)
    except ValueError:
        raise Refused("Enter a URL such as https://example.org/alerts.") from None
    if len(url) > bounds.ALERT_URL_LENGTH or not _URL.fullmatch(url):
        raise Refused(f"Enter a URL of at most {bounds.ALERT_URL_LENGTH:,} ASCII characters without spaces.")
    if parts.scheme not in ("http", "https") or not host or (host[1] is not None and not 1 <= host[1] <= 65_535):
        raise Refused("Enter a URL such as https://example.org/alerts, without a user and password.")
    if parts.fragment:
        raise Refused("Enter the URL without “#”.")


def _check_secret(secret: str) -> None:
    least, most = bounds.ALERT_KEY_BYTES
    try:
        is_valid = least <= len(webhook.key_of(secret)) <= most
    except ValueError:
        is_valid = False
    if not is_valid:
        raise Refused(f"Enter a signing secret of the form whsec_ and base64 of {least} to {most} bytes, or none.")


def _is_printable(text: str, most: int) -> bool:
    """Return whether a mail program can send a text: `smtplib` sends only ASCII."""
    return len(text) <= most and text.isascii() and text.isprintable()
