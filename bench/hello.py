"""This module is the bare route: Flask on waitress, a bearer check and 1 KB of JSON.

What Recnice SCIM needs on top of it is its own work, and a slow machine slows both alike. PyInstaller also builds it
alone, as the bare executable. Usage: hello.py PORT KEY THREADS
"""

import hmac
import json
import logging
import sys

import waitress
from flask import Flask, Response, request

BODY = json.dumps({"padding": "x" * 1_000})


def make_app(key: str) -> Flask:
    """Return the application with its one route."""
    app = Flask(__name__)
    expected = f"Bearer {key}".encode()

    @app.get("/hello")
    def hello() -> Response:
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected):
            return Response(status=401)
        return Response(BODY, content_type="application/scim+json")

    return app


if __name__ == "__main__":
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    port, key, threads = sys.argv[1:]
    waitress.serve(make_app(key), host="127.0.0.1", port=int(port), threads=int(threads), _quiet=True)
