"""This program runs scim2-flask with scim2-server's store in memory."""

import sys

from flask import Flask, abort, request
from scim2_flask import ScimServer
from scim2_models import ScimProvider
from scim2_server.memory import InMemoryStorage
from scim2_server.utils import load_default_resource_types, load_default_schemas, load_default_service_provider_config
from waitress import serve

port, key, _, threads = sys.argv[1:]
config = load_default_service_provider_config()
config.pagination = None
provider = ScimProvider.from_discovery(
    load_default_schemas().values(), load_default_resource_types().values(), config=config
)
app = Flask(__name__)
ScimServer(InMemoryStorage(), provider, app=app)


@app.before_request
def check_key():
    if request.headers.get("Authorization") != f"Bearer {key}":
        abort(401)


serve(app, host="127.0.0.1", port=int(port), threads=int(threads), _quiet=True)
