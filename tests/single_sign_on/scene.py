"""An appliance, a provider, and the browser between them, which is played here: links are followed one by one."""

import http.client
import itertools
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.conftest import Appliance
from tests.openid.provider import ENTRA_HOST, SigningProvider, trusting
from tests.web.visitor import Page, Visitor

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

_numbers = itertools.count(1)


@dataclass
class Scene:
    """`owner` gives a window of an operator who may do everything; `audited` counts the audit's entries before.

    Strangers come from an address of the scene's own: of one address not all refused sign-ins are written down.
    """

    appliance: Appliance
    provider: SigningProvider
    owner: Callable[[], Visitor]
    audited: int = field(init=False)
    address: str = field(default_factory=lambda: f"2001:db8:{next(_numbers):x}::1")

    def __post_init__(self) -> None:
        self.audited = len(self._audit(0))

    # --- what Entra provisions

    def person(self, user_name: str, external_id: str | None, **more: Any) -> str:
        body = {"schemas": [USER], "userName": user_name, "externalId": external_id, **more}
        made = self.appliance.request("POST", "/scim/Users", body)
        assert made.status == 201, made.text
        return str(made.json["id"])

    def change(self, user_id: str, **values: Any) -> None:
        operations = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
        body = {"schemas": [PATCH], "Operations": operations}
        assert self.appliance.request("PATCH", f"/scim/Users/{user_id}", body).status in (200, 204)

    def grant(self, user_id: str, role: str = "owner") -> None:
        """A role as the mapping would give it."""
        self._execute("INSERT INTO granted_role VALUES (?, ?, 'a test', '2026-01-01T00:00:00.000Z')", user_id, role)

    # --- the console

    def stranger(self) -> Visitor:
        return Visitor(self.appliance.url, sends={"X-Forwarded-For": self.address})

    def entered(self, **of: str) -> dict[str, str]:
        """The form as an administrator fills it in for the provider."""
        theirs = self.provider
        kind = {"kind": "entra", "cloud": "global", "tenant": theirs.tenant} if theirs.tenant else {"kind": "openid"}
        return {**kind, "address": theirs.issuer, "client_id": theirs.client_id, "secret": theirs.client_secret, **of}

    def save(self, owner: Visitor | None = None, **of: str) -> Page:
        owner = owner or self.owner()
        owner.get("/single-sign-on")
        return owner.post("/single-sign-on", **self.entered(**of))

    # --- the way

    def leave(self, visitor: Visitor, path: str = "/auth/start") -> str:
        """Off to the provider; gives the path of the callback with its query."""
        page = visitor.get(path)
        assert page.status == 303 and page.location.startswith("https://"), (page.status, page.location, page.text)
        return self.back(page.location)

    def back(self, address: str) -> str:
        location = self.visit(address)[1]
        assert location.startswith(self.appliance.url + "/auth/callback?"), location
        return location.removeprefix(self.appliance.url)

    def visit(self, address: str) -> tuple[int, str]:
        """A visit to the provider: status and Location."""
        parts = urlsplit(address)
        assert parts.hostname in (ENTRA_HOST, "127.0.0.1")
        context = trusting(self.provider.authority)
        connection = http.client.HTTPSConnection("127.0.0.1", self.provider.port, context=context, timeout=30)
        try:
            connection.request("GET", f"{parts.path}?{parts.query}")
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.getheader("Location") or ""
        finally:
            connection.close()

    def go(self, visitor: Visitor, path: str = "/auth/start") -> Page:
        """There and back again."""
        return visitor.get(self.leave(visitor, path))

    def sign_in(self, path: str = "/auth/start") -> Visitor:
        visitor = self.stranger()
        page = self.go(visitor, path)
        assert page.status == 303, page.text
        return visitor

    # --- what it came to

    def is_in(self, visitor: Visitor) -> bool:
        page = visitor.get("/me")
        assert page.status == 200 or "/login" in page.location
        return page.status == 200

    def audit(self, action: str = "") -> list[dict[str, str]]:
        """What was audited in this test, oldest first: actor, action, target, and the detail's texts."""
        entries = self._audit(self.audited)
        return [one for one in entries if action in ("", one["action"])]

    def sessions(self) -> int:
        with closing(self._open()) as connection:
            return int(connection.execute("SELECT count(*) FROM session WHERE user_id IS NOT NULL").fetchone()[0])

    def _audit(self, after: int) -> list[dict[str, str]]:
        asked = "SELECT actor, action, target, detail FROM audit WHERE id > ? ORDER BY id"
        with closing(self._open()) as connection:
            rows = connection.execute(asked, (after,)).fetchall()
        return [{"actor": row[0], "action": row[1], "target": row[2], **json.loads(row[3])} for row in rows]

    def _execute(self, statement: str, *values: str) -> None:
        with closing(self._open()) as connection:
            connection.execute(statement, values)
            connection.commit()

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.appliance.data / "recnice.sqlite3", timeout=10)
