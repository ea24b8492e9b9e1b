"""This module asks the running server of a data folder whether it can store changes."""

import json
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from app import bounds


def ask(address: str) -> tuple[str, dict[str, str]]:
    """Return why the server at an `http://HOST:PORT` cannot store changes ("": it can), and its warnings by name."""
    if not address:  # an older version does not note it
        return "expected a server of this version", {}
    url = urlsplit(address)
    # No proxy of the environment: the server is on this machine.
    connection = HTTPConnection(url.hostname or "", url.port, timeout=bounds.STATUS_S)
    try:
        connection.request("GET", "/readyz", headers={"Accept": "application/json"})
        answer = json.loads(connection.getresponse().read(bounds.STATUS_BYTES))
        return str(answer["reason"]), {str(name): str(text) for name, text in answer["warnings"].items()}
    except (OSError, HTTPException) as error:
        return f"no answer from {address} ({error or type(error).__name__})", {}
    except (ValueError, LookupError, TypeError, AttributeError):
        return f"{address}: expected the answer of a server of this version", {}
    finally:
        connection.close()
