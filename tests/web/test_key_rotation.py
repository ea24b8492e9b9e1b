"""The rotation of the SCIM key as the console tells it, and while Entra is in the middle of its work."""

import http.client
import json
import random
import re
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app import bounds
from app.administration.credentials.key_rotation import RETIRED_BY
from tests.conftest import Appliance, wait_until
from tests.web.shifted_clock import ShiftedAppliance, start_shifted
from tests.web.visitor import Page, Visitor, set_up

HOUR = 60 * 60
DAY = bounds.KEY_HAND_OVER_S
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture
def shifted(new_appliance: Callable[..., Appliance], tmp_path: Path) -> ShiftedAppliance:
    return start_shifted(new_appliance, tmp_path)


def words(text: str) -> str:
    """The page as it is read, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", "", text).split())


def account(appliance: Appliance) -> str:
    visitor = Visitor(appliance.url)
    assert visitor.sign_in().status == 303
    return words(visitor.get("/account").text)


def key_in(page: Page) -> str:
    found = re.search(r'id="scim-key"[^>]*>(rcn_scim_[A-Za-z0-9_-]+)<', page.text)
    assert page.status == 200 and found, page.text
    return found[1]


def status_with(appliance: Appliance, key: str) -> int:
    return appliance.request("GET", "/scim/Users?count=1", headers={"Authorization": f"Bearer {key}"}).status


def test_each_step_is_told_and_the_old_key_retires_by_itself(shifted: ShiftedAppliance):
    appliance = shifted.appliance
    visitor = set_up(appliance)
    visitor.get("/account")
    old = key_in(visitor.post("/account/keys"))
    shifted.use(old)
    page = visitor.get("/account")
    assert "Create another key" in page.text and '<input type="hidden" name="back" value="/account">' in page.text
    made = visitor.post("/account/keys")
    new = key_in(made)
    said = words(made.text)
    assert "is being replaced by Key 2" in said and "Both are valid." in said
    assert f"Key 2 ({new[:13]}…) was never used." in said and f"Key 1 ({old[:13]}…) was last used less than" in said
    assert "when Entra has used only the new key" in said and "2 keys are active, which is the limit" in said
    assert "being replaced by Key 2" in words(visitor.get("/").text)
    listed = appliance.command("key", "list").stdout
    assert re.search(r"being replaced by Key 2 \([0-9a-f]{8}\)\n", listed) and re.search(r"active\n", listed)

    shifted.use(new)
    shifted.use(old)
    assert "The old key was used after the new one" in account(appliance)
    shifted.use(new)
    said = account(appliance)
    assert f"Key 2 ({new[:13]}…) is used since" in said and "The old key is deactivated automatically about 20" in said

    shifted.pass_time(2 * DAY)
    assert "as soon as the new one is used twice within 1 day" in account(appliance)
    shifted.use(new)
    shifted.use(new)
    said = account(appliance)
    assert "Inactive keys (1)" in said and "deactivated automatically, replaced by Key 2" in said
    assert "Both are valid" not in said
    assert (status_with(appliance, old), status_with(appliance, new)) == (401, 200)
    assert re.search(r"deactivated 20\S+Z\n", appliance.command("key", "list").stdout)


def test_what_is_not_used_for_three_days_is_warned_of(shifted: ShiftedAppliance):
    appliance = shifted.appliance
    set_up(appliance)
    appliance.make_key("Entra")
    shifted.use(appliance.key)
    shifted.pass_time(bounds.KEY_IDLE_S + HOUR)
    assert "was not used for 3 days. This can be normal" in account(appliance)
    old = appliance.key
    appliance.make_key("next")
    shifted.use(old)
    assert "not used for 3 days" not in account(appliance)
    shifted.pass_time(bounds.KEY_IDLE_S + HOUR)
    said = account(appliance)
    assert "was created 3 days ago and was never used. Check that it is in Entra" in said
    visitor = Visitor(appliance.url)
    visitor.sign_in()
    card = words(visitor.get("/").text)
    assert "was created 3 days ago and was never used." in card and "was not used for 3 days." in card


def test_stopping_is_for_a_leak(shifted: ShiftedAppliance):
    appliance = shifted.appliance
    visitor = set_up(appliance)
    visitor.get("/account")
    visitor.post("/account/keys")

    def asked(name: str) -> tuple[str, str]:
        """The address of the page that asks, and what it says."""
        row = re.search(rf'href="([^"]+)">Revoke<span class="unseen"> {name}</span>', visitor.get("/account").text)
        assert row
        page = visitor.get(row[1])
        assert f'name="back" value="{row[1]}"' in page.text
        return row[1], words(page.text)

    _, said = asked("Key 1")
    assert "Revoke a key that has leaked." in said and "401" in said and "quarantine" in said
    assert "create another key on the Account page" in said
    visitor.post("/account/keys")
    _, said = asked("Key 1")
    assert "You do not need to revoke it: it is being replaced by Key 2" in said and "was never used" in said
    address, said = asked("Key 2")
    assert "the rotation is canceled: Key 1" in said
    assert visitor.post(address).status == 303
    said = words(visitor.get("/account").text)
    assert "being replaced" not in said and "revoked by eva" in said and "Create another key" in said
    visitor.post("/account/keys", beside="yes")
    said = words(visitor.get("/account").text)
    assert "being replaced" not in said
    _, said = asked("Key 3")
    assert re.search(r"Key 1 \(rcn_scim_\S+…\) stays active", said) and "which was never used" in said


def test_a_second_client_by_the_command_line(shifted: ShiftedAppliance):
    appliance = shifted.appliance
    appliance.make_key("Entra")
    assert appliance.command("key", "create", "--name", "HR", "--beside").returncode == 0
    listed = appliance.command("key", "list").stdout
    assert "being replaced" not in listed and listed.count(" active\n") == 2


# --- in the middle of a cycle ----------------------------------------------------------------------------------------


@dataclass
class Worker:
    """One of Entra's connections: it looks up and makes people without a pause, and changes the key after a while."""

    port: int
    number: int
    old: str
    new: str
    changes_after: int
    asked: int = 0
    statuses: dict[tuple[str, int], int] = field(default_factory=dict)
    failure: BaseException | None = None

    @property
    def has_changed(self) -> bool:
        return self.asked > self.changes_after

    def run(self, ended: threading.Event) -> None:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
                while not ended.is_set():
                    self._ask(connection)
        except BaseException as failure:
            self.failure = failure

    def _ask(self, connection: http.client.HTTPConnection) -> None:
        key = "new" if self.has_changed else "old"
        headers = {"Authorization": f"Bearer {getattr(self, key)}", "Content-Type": "application/scim+json"}
        if self.asked % 4:
            connection.request("GET", "/scim/Users?count=1", headers=headers)
        else:
            person = {"schemas": [USER], "userName": f"{self.number}-{self.asked}@recnice.example"}
            connection.request("POST", "/scim/Users", json.dumps(person), headers)
        answer = connection.getresponse()
        answer.read()
        self.statuses[key, answer.status] = self.statuses.get((key, answer.status), 0) + 1
        self.asked += 1


def stopped_by(appliance: Appliance, name: str) -> str:
    with closing(sqlite3.connect(appliance.data / "recnice.sqlite3", timeout=30)) as connection:
        return str(connection.execute("SELECT stopped_by FROM scim_key WHERE name = ?", (name,)).fetchone()[0])


def test_no_request_is_refused_when_the_key_is_changed_in_the_middle_of_a_cycle(shifted: ShiftedAppliance):
    """The clock is shifted while they work, by steps that leave no key unused for a day that somebody still has."""
    appliance, chance, ended = shifted.appliance, random.Random(7), threading.Event()
    old, new = appliance.make_key("old"), appliance.make_key("new")
    workers = [Worker(appliance.port, number, old, new, chance.randint(5, 60)) for number in range(6)]
    threads = [threading.Thread(target=worker.run, args=(ended,)) for worker in workers]
    for thread in threads:
        thread.start()

    def everybody_asks() -> None:
        before = [worker.asked for worker in workers]
        for worker, asked in zip(workers, before, strict=True):
            wait_until(lambda w=worker, n=asked: w.failure or w.asked >= n + 2, "each asks twice more")

    hours_mixed = hours_alone = 0
    try:
        while not all(worker.has_changed for worker in workers):
            everybody_asks()
            shifted.pass_time(2 * HOUR)
            hours_mixed += 2
            assert stopped_by(appliance, "old") == ""
        while not stopped_by(appliance, "old"):
            everybody_asks()
            shifted.pass_time(2 * HOUR)
            hours_alone += 2
            assert hours_alone < 72, "it does not retire"
        everybody_asks()
    finally:
        ended.set()
        for thread in threads:
            thread.join(30)
    assert [worker.failure for worker in workers if worker.failure] == []
    told_statuses = {key for worker in workers for key in worker.statuses}
    assert told_statuses == {("old", 200), ("old", 201), ("new", 200), ("new", 201)}
    assert hours_mixed >= 2 and hours_alone >= 22
    assert stopped_by(appliance, "old") == RETIRED_BY
    assert (status_with(appliance, old), status_with(appliance, new)) == (401, 200)
