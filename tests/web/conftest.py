"""An appliance that is set up, and the application in this process for questions about its routes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from app.settings import Settings
from app.store.database import directory_database
from app.store.request_log import log_database_file
from app.web.request_log import middleware
from tests.cheap import make_database
from tests.conftest import Appliance
from tests.web.visitor import Visitor, set_up


@pytest.fixture(scope="module")
def console(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """An appliance for the tests of one file: running, set up, with a key."""
    appliance = Appliance(program, tmp_path_factory.mktemp("console") / "recnice").start()
    set_up(appliance)
    appliance.make_key()
    yield appliance
    assert appliance.stop() == 0, appliance.output


@pytest.fixture
def eva(console: Appliance) -> Visitor:
    """The operator, signed in in a window of her own."""
    visitor = Visitor(console.url)
    assert visitor.sign_in().status == 303
    return visitor


@pytest.fixture
def stranger(console: Appliance) -> Visitor:
    """Somebody without a session."""
    return Visitor(console.url)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """The whole application in this process, with an operator, outside its context."""
    settings = Settings(data=tmp_path, listen=("127.0.0.1", 7644), public_url="https://scim.recnice.example/sub")
    make_database(settings.database)
    log_database_file.prepare(settings.requests_database)
    app = create_app(settings)
    yield app
    middleware.of(app).recorder.close()
    with app.app_context():
        directory_database.file.close()
