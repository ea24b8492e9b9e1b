"""This module imports the whole program; the process from which tests/fork.py forks starts with it."""

import gc
import importlib
import pkgutil
import threading
from functools import partial

import alembic.command  # noqa: F401 the program imports it late
import certifi
import pytest  # noqa: F401 a fork looks at the module that started the tests
from flask import Flask
from requests import adapters

import app
from app.administration.accounts import passwords
from app.observation import request_recorder
from app.settings import Settings
from app.store.database import file_watch, migration
from app.web import console
from tests import cheap

for module in pkgutil.walk_packages(app.__path__, "app."):
    importlib.import_module(module.name)
adapters.DEFAULT_CA_BUNDLE_PATH = cheap.authorities()
certifi.where = cheap.authorities
passwords._hasher = cheap.hasher
request_recorder.WRITE_AFTER_S = cheap.LOG_WRITTEN_AFTER_S
file_watch.LOOK_EVERY_S = cheap.FILE_LOOKED_AT_EVERY_S
migration._upgrade = partial(cheap.upgrade, migration._upgrade)
Flask.jinja_options = cheap.TEMPLATE_OPTIONS
application = app.create_app(Settings(cheap.folder(), ("127.0.0.1", 7644), "http://127.0.0.1:7644"))
console.load_pages(application)
for name in application.jinja_env.list_templates():
    application.jinja_env.get_template(name)
assert threading.active_count() == 1, "a fork has no thread but the one that made it"
gc.freeze()  # a collection in a fork would copy the memory that it shares
