"""This script runs the program with other values of constants: `with_values.py {"bounds__WRITE_WAIT_S": 0.2} serve`."""

import importlib
import json
import sys

from app.cli import main

for name, value in json.loads(sys.argv.pop(1)).items():
    module, constant = name.rsplit("__", 1)
    found = importlib.import_module("app." + module.replace("__", "."))
    assert hasattr(found, constant), name
    setattr(found, constant, value)
sys.exit(main())
