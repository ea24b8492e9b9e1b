"""The example of the administrator's page, started as it stands there."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from app import bounds
from app.scim.custom_schemas import ATTRIBUTE_MEMBERS, KINDS, read
from tests.conftest import ROOT, Appliance

TEXT = (ROOT / "docs/admin/schemas.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`schemas/([\w-]+\.json)`[^`]*```json\n(.*?)```", TEXT, re.DOTALL))
BADGE = json.loads(FILES["badge.json"])["id"]


def test_the_example_works(new_appliance: Callable[..., Appliance]) -> None:
    assert len(FILES) == 4
    appliance = new_appliance()
    (appliance.data / "schemas").mkdir(parents=True)
    for name, text in FILES.items():
        (appliance.data / "schemas" / name).write_text(text, encoding="utf-8")
    shown = appliance.command("schema")
    assert shown.returncode == 0 and "Device owner.$ref" in shown.stdout, shown.stderr
    appliance.start().make_key()
    (body,) = re.findall(r"^POST /scim/Devices +(.+)$", TEXT, re.MULTILINE)
    made = appliance.request("POST", "/scim/Devices", json.loads(body) | {"unlockCode": "1234"})
    assert made.status == 201 and "price" not in made.json and "unlockCode" not in made.json
    user = {"userName": "eva@example.com", BADGE: {"badgeNumber": 7, "doors": ["north", "south"]}}
    eva = appliance.request("POST", "/scim/Users", user).json
    for path in re.findall(r"^GET +(\S.+)$", TEXT, re.MULTILINE):
        listed = appliance.request("GET", quote(path, safe="/?=&:,"))
        assert (listed.status, listed.json["totalResults"]) == (200, 1), path
    (operation,) = re.findall(r'`(\{"op": .+?\})`', TEXT)
    operation = json.loads(operation) | {"path": f"{BADGE}:doors"}
    changed = appliance.request("PATCH", f"/scim/Users/{eva['id']}", {"Operations": [operation]})
    assert changed.json[BADGE]["doors"] == ["south"]
    assert appliance.stop() == 0


def test_the_value_beside_a_ref_is_an_id(tmp_path: Path) -> None:
    """It is not made of a number, and a bulkId in it is a reference."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    device = read(tmp_path)[-1].tree
    (_, owner), (serial,) = (device.find(path) or () for path in ("owner.value", "serialNumber"))
    assert (owner.is_identifying, owner.is_reference) == (True, True)
    assert (serial.is_identifying, serial.is_reference) == (False, False)


def test_the_page_says_what_the_program_takes() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", TEXT, re.MULTILINE))
    assert set(rows) == set(ATTRIBUTE_MEMBERS)
    assert re.findall(r"`(\w+)`", rows["type"]) == [*KINDS]
    for bound in (bounds.SCHEMA_FILES, bounds.SCHEMA_FILE_BYTES // 1024, bounds.SCHEMA_ATTRIBUTES):
        assert f" {bound} " in TEXT
