"""This module declares the paths of the files that ship with the program, from source and in the executable.

Only this module knows the folder to which the executable is unpacked. It opens none of the files.
"""

import sys
from pathlib import Path

FROZEN = bool(getattr(sys, "frozen", False))
ROOT = Path(sys._MEIPASS) if FROZEN else Path(__file__).resolve().parent.parent  # type: ignore[attr-defined,unused-ignore]

STATIC = ROOT / "static"
TEMPLATES = ROOT / "templates"
TEMPLATE_NAMES = ROOT / "templates.txt"
"""The names of the templates, one a line, which the executable has as modules; only in the executable."""
MIGRATIONS = ROOT / "app" / "store" / "migrations"
HELP = ROOT / "docs" / "admin"
OPERATE = ROOT / "docs" / "operate"
REFERENCE = ROOT / "docs" / "reference"
HELP_FOLDERS = (HELP, OPERATE, REFERENCE)
"""The folders whose pages are the help of the console."""
PICTURES = ROOT / "docs" / "pictures"
HELP_ARCHIVE = ROOT / "help.zip"
"""The files of HELP_FOLDERS and PICTURES in the executable, whose start would take a while to unpack each."""
TIME_ZONES = ROOT / "time-zones.zip"
"""The files of the IANA list of time zones, for systems without them; only in the executable."""
LICENSES = ROOT / "licenses.txt"
"""What `licenses` prints; only in the executable."""
