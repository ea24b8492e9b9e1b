"""This program runs scim2-server with its own store in memory and its own bearer check."""

import sys

from scim2_models import ScimProvider
from scim2_server.memory import InMemoryStorage
from scim2_server.testserver.application import BEARER_TOKEN_SCHEME, BearerTokenApplication
from scim2_server.utils import load_default_resource_types, load_default_schemas, load_default_service_provider_config
from waitress import serve

port, key, _, threads = sys.argv[1:]
config = load_default_service_provider_config()
config.authentication_schemes = [BEARER_TOKEN_SCHEME]
config.pagination = None  # cursors would need one more package
provider = ScimProvider.from_discovery(
    load_default_schemas().values(), load_default_resource_types().values(), config=config
)
application = BearerTokenApplication(InMemoryStorage(), provider, bearer_tokens=[key])
serve(application, host="127.0.0.1", port=int(port), threads=int(threads), _quiet=True)
