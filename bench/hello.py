"""The yardstick: a bare Flask route on the same server, with a bearer check and 1 KB of JSON.

What the appliance needs on top of this is its own work; a slow machine slows both alike.
"""

import hmac
import os
import sys

from flask import Flask, Response, request

from app import bounds, process
from app.http_server import server

KEY = "bench-key"
BODY = '{"padding":"' + "x" * 1_000 + '"}'


def make_app() -> Flask:
    app = Flask(__name__)

    @app.get("/hello")
    def hello() -> Response:
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {KEY}".encode()):
            return Response(status=401)
        return Response(BODY, content_type="application/scim+json")

    return app


if __name__ == "__main__":
    process.stay_on_one_cpu()
    bound = server.bind(("127.0.0.1", int(sys.argv[1])))
    running = server.Server(make_app().wsgi_app, bound, threads=16, connections=bounds.CONNECTIONS)
    server.stop_on_signals(running)
    print(os.getpid(), flush=True)
    running.run()
