"""This program runs django-scim2 on SQLite (WAL, synchronous=FULL).

It has no columns for ten of the eighteen attributes and drops them: its answers count as wrong.
"""

import sys

import django
from django.conf import settings

port, key, folder, threads = sys.argv[1:]
durable = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
settings.configure(
    SECRET_KEY=key, ALLOWED_HOSTS=["*"], ROOT_URLCONF="peer_app.service", USE_TZ=True,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_scim", "peer_app"],
    AUTH_USER_MODEL="peer_app.User", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    MIDDLEWARE=["peer_app.service.Bearer", "django_scim.middleware.SCIMAuthCheckMiddleware"],
    DATABASES={"default": {
        "ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/peer.sqlite3", "CONN_MAX_AGE": None,
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": durable},
    }},
    SCIM_SERVICE_PROVIDER={
        "NETLOC": "localhost", "SCHEME": "http", "GROUP_MODEL": "peer_app.models.Group",
        "GROUP_FILTER_PARSER": "peer_app.adapters.Groups", "USER_ADAPTER": "peer_app.adapters.User",
        "AUTHENTICATION_SCHEMES": [{"type": "oauth2", "name": "OAuth 2", "description": "bearer"}],
    },
)  # fmt: skip
django.setup()

from django.core.management import call_command  # noqa: E402  (these need the settings)
from django.core.wsgi import get_wsgi_application  # noqa: E402
from waitress import serve  # noqa: E402

call_command("migrate", run_syncdb=True, verbosity=0)
serve(get_wsgi_application(), host="127.0.0.1", port=int(port), threads=int(threads), _quiet=True)
