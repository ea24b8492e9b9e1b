"""The log of an appliance that runs: empty to begin with, or with what was hours ago, through the same folds as all."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from app import clock
from app.observation import request_recorder
from app.request_record import Request
from app.settings import Settings
from app.store.database import sqlite_driver
from app.store.database.connection import Connection
from app.store.request_log.tables import metadata
from tests.conftest import Appliance, wait_until


def start_unknocked(appliance: Appliance) -> Appliance:
    """Start it and wait until it answers, without a request to /scim."""
    appliance.launch()

    def answers() -> bool:
        try:
            return appliance.request("GET", "/healthz").status == 200
        except OSError:
            return False

    wait_until(answers, "the appliance answers")
    return appliance


def ago(minutes: float) -> str:
    """A moment in wire form, so many minutes before now."""
    return clock.to_wire(clock.utc_now() - timedelta(minutes=minutes))


def past(minutes: float, **of: Any) -> Request:
    """A look-up with a right key so many minutes ago, as far as nothing else is said."""
    told: dict[str, Any] = {"method": "GET", "path": "Users", "status": 200, "key_id": "0a1b2c3d", "action": "match"}
    return Request(**{"number": f"{round(minutes * 10):08x}", "at": ago(minutes)} | told | of)


def write(appliance: Appliance, requests: Sequence[Request]) -> None:
    """Write them as the recorder does, one batch each, beside the running server."""
    with _opened(settings_of(appliance).requests_database) as connection:
        for request in requests:
            request_recorder.write(connection, [request])


def forget(appliance: Appliance) -> None:
    """Empty the log, and forget when keys were used, as if nobody had ever knocked."""
    with _opened(settings_of(appliance).requests_database) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    with _opened(settings_of(appliance).database) as connection:
        connection.execute(text("UPDATE scim_key SET last_used = NULL, last_address = NULL"))


def settings_of(appliance: Appliance) -> Settings:
    return Settings(appliance.data, ("127.0.0.1", appliance.port), appliance.url)


@contextmanager
def _opened(path: Path) -> Iterator[Connection]:
    with closing(sqlite_driver.connect(sqlite_driver.address(path))) as driver:
        driver.execute("BEGIN")
        yield Connection(driver)
        driver.execute("COMMIT")
