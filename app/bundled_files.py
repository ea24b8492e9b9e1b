"""This module declares the paths of the files that ship with the program, from source and in the executable.

Only this module knows the folder to which the executable is unpacked. It opens none of the files.
"""

import sys
from pathlib import Path

FROZEN = bool(getattr(sys, "frozen", False))
ROOT = Path(sys._MEIPASS) if FROZEN else Path(__file__).resolve().parent.parent  # type: ignore[attr-defined,unused-ignore]

STATIC = ROOT / "static"
TEMPLATES = ROOT / "templates"
MIGRATIONS = ROOT / "app" / "store" / "migrations"
HELP = ROOT / "docs" / "admin"
REFERENCE = ROOT / "docs" / "reference"
PICTURES = ROOT / "docs" / "pictures"
PYTHON_LICENSE = ROOT / "python-license.txt"
NOTICES = ROOT / "notices"
"""The license notices of what is not a Python package; only in the executable."""
