"""This program runs scim2-server, or scim2-flask with the same store in memory."""

import sys

from flask import Flask, abort, request
from scim2_flask import ScimServer
from scim2_models import ScimProvider
from scim2_server.memory import InMemoryStorage
from scim2_server.testserver.application import BEARER_TOKEN_SCHEME, BearerTokenApplication
from scim2_server.utils import load_default_resource_types, load_default_schemas, load_default_service_provider_config
from waitress import serve

kind, port, key, _, threads = sys.argv[1:]
config = load_default_service_provider_config()
config.authentication_schemes = [BEARER_TOKEN_SCHEME]
config.pagination = None  # cursors would need one more package
declared = load_default_schemas().values(), load_default_resource_types().values()
provider = ScimProvider.from_discovery(*declared, config=config)
if kind == "server":
    application = BearerTokenApplication(InMemoryStorage(), provider, bearer_tokens=[key])
else:
    application = Flask(__name__)
    ScimServer(InMemoryStorage(), provider, app=application)

    @application.before_request
    def check_key():
        if request.headers.get("Authorization") != f"Bearer {key}":
            abort(401)


serve(application, host="127.0.0.1", port=int(port), threads=int(threads), _quiet=True)
