"""This module sends an e-mail by SMTP, over verified TLS.

It is sent unencrypted only to a mail server on this host.
"""

import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

from app import bounds
from app.delivery.connections import Connections, DeliveryError, Reach, connecting, printable, tls_context

Security = Literal["starttls", "tls", "none"]
"""How the connection is encrypted: after a greeting, from the first byte, or not at all."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server, with the user and password that it wants ("" if it wants none)."""

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail. `id`: equal for each attempt, different for each mail. `thread`: equal for those about one matter."""

    id: str
    thread: str
    at: datetime
    sender: str
    recipients: Sequence[str]
    subject: str
    text: str

    def message(self) -> EmailMessage:
        """Return the mail with its header, which marks it as automatic (RFC 3834), so that no absence note answers."""
        message = EmailMessage(policy=SMTP)
        message["From"] = self.sender
        message["To"] = ", ".join(self.recipients)
        message["Subject"] = self.subject
        message["Date"] = format_datetime(self.at)
        message["Message-ID"] = f"<{self.id}@{_domain(self.sender)}>"
        message["References"] = f"<{self.thread}@{_domain(self.sender)}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self.text)
        return message


class _Lines:
    """The answers of a server, of which little is read: `smtplib` keeps every line of an answer that does not end."""

    def __init__(self, file: BinaryIO, host: str) -> None:
        self._file = file
        self._host = host
        self._left = bounds.ALERT_ANSWER_BYTES

    def readline(self, most: int) -> bytes:
        line = self._file.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise DeliveryError(f"{self._host} answered more than {bounds.ALERT_ANSWER_BYTES:,} bytes")
        return line

    def close(self) -> None:
        self._file.close()


class _Client(smtplib.SMTP):
    """A client whose connection is one of `connections`."""

    file: Any
    sock: socket.socket | None

    def __init__(self, server: MailServer, connections: Connections, context: ssl.SSLContext, name: str) -> None:
        self._server = server
        self._connections = connections
        self._tls = context
        super().__init__(server.host, server.port, local_hostname=name, timeout=bounds.ALERT_WAIT_S)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = self._connections.open(host, port, only_loopback=self._server.security == "none")
        return self._tls.wrap_socket(made, server_hostname=host) if self._server.security == "tls" else made

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock:  # at the start, and after STARTTLS
            self.file = _Lines(self.sock.makefile("rb"), self._server.host)
        try:
            return super().getreply()
        except DeliveryError:
            self.close()
            raise


def send(server: MailServer, mail: Mail, reach: Reach, ca_file: Path | None) -> str:
    """Send an e-mail, and return what became of it as a sentence. Raises DeliveryError if no recipient gets it."""
    with connecting(server.host, reach) as connections:
        try:
            refused = _send(server, mail, connections, tls_context(ca_file))
        except smtplib.SMTPException as error:
            sentence = _sentence(error, server)
            if connections.is_cut or not sentence:
                raise
            raise DeliveryError(sentence) from None
    part = f", except for {refused} of {len(mail.recipients)} recipients" if refused else ""
    return f"{server.host} accepted it{part}"


def _send(server: MailServer, mail: Mail, connections: Connections, context: ssl.SSLContext) -> int:
    """Return how many recipients were refused."""
    client = _Client(server, connections, context, _domain(mail.sender))
    try:
        if server.security == "starttls":
            client.starttls(context=context)  # without a context it would accept any certificate
        if server.user:
            client.login(server.user, server.password)
        refused = client.send_message(mail.message(), mail.sender, list(mail.recipients))
        with suppress(smtplib.SMTPException, OSError):
            client.quit()
        return len(refused)
    finally:
        client.close()


def _sentence(error: smtplib.SMTPException, server: MailServer) -> str:
    """Return what the server answered, or lacks; "" if it answered nothing."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            refusals = "; ".join(f"{code} {_text(text, server)}" for code, text in error.recipients.values())
            return printable(f"{server.host} refused all recipients: {refusals}")
        case smtplib.SMTPResponseException():
            return f"{server.host} answered {error.smtp_code} {_text(error.smtp_error, server)}"
        case smtplib.SMTPNotSupportedError():
            what = "STARTTLS" if "STARTTLS" in str(error) else "sign-in with a user and password"
            return f"{server.host} does not offer {what}, so nothing was sent"
        case smtplib.SMTPServerDisconnected():
            return ""
    return f"{server.host}: {_text(str(error), server)}"


def _text(answer: bytes | str, server: MailServer) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    # A server may repeat a command: AUTH LOGIN has the password alone, AUTH PLAIN together with the user.
    sent = [server.password, f"\0{server.user}\0{server.password}"] if server.password else []
    return printable(text, *sent, *(b64encode(one.encode()).decode() for one in sent))


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
