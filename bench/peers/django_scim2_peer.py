"""This program runs django-scim2 on SQLite (WAL, synchronous=FULL).

It has no columns for ten of the eighteen attributes and drops them: its answers count as wrong.
"""

import sys
from pathlib import Path

import django
from django.conf import settings

if __name__ == "__main__":
    port, key, folder, threads = sys.argv[1:]
    sys.path.insert(0, str(Path(__file__).parent))
    settings.configure(
        SECRET_KEY=key,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="peer_app.service",
        USE_TZ=True,
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_scim", "peer_app"],
        AUTH_USER_MODEL="peer_app.User",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        MIDDLEWARE=["peer_app.service.Bearer", "django_scim.middleware.SCIMAuthCheckMiddleware"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": f"{folder}/peer.sqlite3",
                "CONN_MAX_AGE": None,
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 30,
                    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;",
                },
            }
        },
        SCIM_SERVICE_PROVIDER={
            "NETLOC": "localhost",
            "SCHEME": "http",
            "GROUP_MODEL": "peer_app.models.Group",
            "GROUP_FILTER_PARSER": "peer_app.adapters.Groups",
            "USER_ADAPTER": "peer_app.adapters.User",
            "AUTHENTICATION_SCHEMES": [{"type": "oauth2", "name": "OAuth 2", "description": "bearer"}],
        },
    )
    django.setup()
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from waitress import serve

    call_command("migrate", run_syncdb=True, verbosity=0)
    serve(get_wsgi_application(), host="127.0.0.1", port=int(port), threads=int(threads), _quiet=True)
