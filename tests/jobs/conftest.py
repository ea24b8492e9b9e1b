"""A migrated database file, an application on it, and a clock that tests can turn."""

from tests.administration.conftest import pass_time
from tests.store.conftest import app, path

__all__ = ["app", "pass_time", "path"]
