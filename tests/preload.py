"""This module imports the whole program; the process from which tests/fork.py forks starts with it."""

import importlib
import pkgutil

import pytest  # noqa: F401 a fork looks at the module that started the tests

import app
from app.administration import passwords
from app.observation import recorder
from tests.fork import cheap_hasher

for module in pkgutil.walk_packages(app.__path__, "app."):
    importlib.import_module(module.name)
passwords._hasher = cheap_hasher
recorder.WRITE_AFTER_S = 0.05  # the tests wait for rows of the request log a thousand times
