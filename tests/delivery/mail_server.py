"""A mail server that asks for STARTTLS and a password, and keeps what it gets."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.conftest import free_port

USER, PASSWORD = "recnice", "a blue kettle sings"


class MailBox:
    """What arrived, in order. `answer` is what it says to each message; `refused`: recipients it does not take."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.signed_in: list[tuple[bytes, bytes]] = []
        self.answer = "250 taken"
        self.refused: set[str] = set()
        self.port = free_port()

    async def handle_RCPT(  # noqa: N802  # the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answer.startswith("2"):
            self.messages.append(message_from_bytes(envelope.content or b"", policy=default))  # type: ignore[arg-type]
        return self.answer

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        if isinstance(data, LoginPassword):
            self.signed_in.append((data.login, data.password))
            return AuthResult(success=data.password == PASSWORD.encode(), handled=False)
        return AuthResult(success=False, handled=False)


@contextmanager
def serving_mail(box: MailBox, context: ssl.SSLContext | None, is_tls: bool = False, **terms: Any) -> Iterator[MailBox]:
    """Serve a box on its port: with STARTTLS by a context, or `is_tls` from the first byte, or without TLS."""
    if context and not is_tls:
        terms = {"tls_context": context, "require_starttls": True} | terms
    controller = Controller(
        box,
        "127.0.0.1",
        box.port,
        ssl_context=context if is_tls else None,
        authenticator=box.authenticate,
        auth_require_tls=not is_tls and context is not None,
        **terms,
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
