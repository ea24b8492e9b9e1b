"""This module asks the running server of a data folder whether it can store changes."""

import json
from contextlib import closing
from urllib.parse import urlsplit

from app import bounds
from app.delivery.connections import DeliveryError, HostConnection, connecting


def ask(address: str) -> tuple[str, dict[str, str]]:
    """Return why the server at an `http://HOST:PORT` cannot store changes ("": it can), and its warnings by name."""
    if not address:  # an older version does not note it
        return "expected a server of this version", {}
    try:
        url = urlsplit(address)
        host = url.hostname or ""
        # No proxy of the environment: the server is on this machine.
        with connecting(host, None) as connections, closing(HostConnection(host, url.port, connections)) as connection:
            connection.request("GET", "/readyz", headers={"Accept": "application/json"})
            content = connection.getresponse().read(bounds.STATUS_BYTES)
        answer = json.loads(content)
        return str(answer["reason"]), {str(name): str(text) for name, text in answer["warnings"].items()}
    except DeliveryError as error:
        return f"no answer from {address} ({error})", {}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return f"{address}: expected the answer of a server of this version", {}
