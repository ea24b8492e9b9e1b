"""When a scheduled job is due: by wall times, over the days on which clocks change, and with clocks that are set."""

import random
import time as system_time
import zipfile
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from importlib import resources
from pathlib import Path

import pytest

from app import bundled_files, schedules
from app.schedules import Daily, Every, Monthly, Schedule, last_run, next_run
from tests.examples import examples

BERLIN, LORD_HOWE = zoneinfo.ZoneInfo("Europe/Berlin"), zoneinfo.ZoneInfo("Australia/Lord_Howe")
NIGHT = Daily(time(2, 30))


def runs(schedule: Schedule, start: str, count: int, zone: tzinfo | None) -> list[str]:
    """The next runs after a moment, as wall times with their offset."""
    last, walls = datetime.fromisoformat(start), []
    for _ in range(count):
        last = next_run(schedule, last, zone)
        walls.append(last.astimezone(zone).isoformat(timespec="minutes"))
    return walls


@pytest.mark.parametrize(
    ("schedule", "start", "walls"),
    [
        (NIGHT, "2027-03-27T12:00+01:00", ["2027-03-28T03:30+02:00", "2027-03-29T02:30+02:00"]),
        (NIGHT, "2027-10-30T12:00+02:00", ["2027-10-31T02:30+02:00", "2027-11-01T02:30+01:00"]),
        (Daily(time(0, 0)), "2027-10-30T00:00+02:00", ["2027-10-31T00:00+02:00", "2027-11-01T00:00+01:00"]),
        (Monthly(28, time(2, 30)), "2027-02-28T02:30+01:00", ["2027-03-28T03:30+02:00", "2027-04-28T02:30+02:00"]),
        (Monthly(1, time(23, 59)), "2027-12-31T23:59+01:00", ["2028-01-01T23:59+01:00", "2028-02-01T23:59+01:00"]),
        (Every(90), "2027-10-31T01:00+02:00", ["2027-10-31T02:30+02:00", "2027-10-31T03:00+01:00"]),
    ],
)
def test_each_wall_time_has_one_run_also_when_clocks_change(schedule: Schedule, start: str, walls: list[str]) -> None:
    assert runs(schedule, start, 2, BERLIN) == walls


def test_a_zone_whose_clocks_change_by_half_an_hour() -> None:
    assert runs(Daily(time(1, 45)), "2027-04-03T12:00+11:00", 2, LORD_HOWE) == [
        "2027-04-04T01:45+11:00",
        "2027-04-05T01:45+10:30",
    ]


@pytest.fixture
def system_in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    system_time.tzset()
    yield
    monkeypatch.undo()
    system_time.tzset()


@pytest.mark.usefixtures("system_in_berlin")
def test_the_zone_of_the_system_is_the_same_zone() -> None:
    for start in ("2027-03-26T12:00+01:00", "2027-10-29T12:00+02:00"):
        assert runs(NIGHT, start, 4, schedules.zone_of("")) == runs(NIGHT, start, 4, BERLIN)


def latest_slot(schedule: Daily | Monthly, now: datetime, zone: tzinfo | None) -> datetime:
    """The latest wall time of the schedule that is not after `now`, at its first time where a day has it twice."""
    days = (now.astimezone(zone).date() - timedelta(days=number) for number in range(-1, 33))
    slots = (
        datetime.fromtimestamp(datetime.combine(day, schedule.at, zone).timestamp(), UTC)
        for day in days
        if schedule.has(day)
    )
    return max(slot for slot in slots if slot <= now)


@pytest.mark.usefixtures("system_in_berlin")
def test_clocks_that_are_set_and_machines_that_are_off_by_chance() -> None:
    """Each wall time has one run, at once where it was missed, and again only if the clock was set back over it."""
    chance = random.Random(14)
    zones = [BERLIN, LORD_HOWE, zoneinfo.ZoneInfo("America/St_Johns"), zoneinfo.ZoneInfo("Pacific/Apia"), None]
    for _ in range(examples(30)):
        zone, wall = chance.choice(zones), time(chance.randrange(4), chance.randrange(60))
        schedule = chance.choice([Daily(wall), Monthly(chance.randrange(1, 29), wall)])
        now = last = datetime.fromisoformat(chance.choice(["2027-03-26", "2027-10-29", "2027-04-02"]) + "T00:00Z")
        done = latest_slot(schedule, now, zone)
        for _ in range(200):
            now += timedelta(minutes=chance.randrange(1, 60))
            if chance.random() < 0.02:  # the clock is set, or the machine was off
                now += timedelta(hours=chance.randrange(-48, 72))
            if now < last - timedelta(minutes=1):
                done = latest_slot(schedule, now, zone)
            last = last_run(last, now)
            is_due = next_run(schedule, last, zone) <= now
            assert is_due == (latest_slot(schedule, now, zone) > done), (schedule, zone, now, last)
            if is_due:
                last, done = now, latest_slot(schedule, now, zone)


def test_a_clock_that_is_corrected_by_seconds_repeats_no_run() -> None:
    ran = datetime.fromisoformat("2027-05-01T02:30+02:00")
    for seconds, expected in ((59, "2027-05-02T02:30+02:00"), (61, "2027-05-01T02:30+02:00")):
        last = last_run(ran, ran - timedelta(seconds=seconds))
        assert next_run(NIGHT, last, BERLIN) == datetime.fromisoformat(expected)


def test_the_executable_has_the_zones_that_a_system_may_lack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundled_files, "TIME_ZONES", tmp_path / "zones.zip")
    with zipfile.ZipFile(bundled_files.TIME_ZONES, "w") as file:
        berlin = resources.files("tzdata.zoneinfo.Europe").joinpath("Berlin").read_bytes()
        file.writestr("Only/Here", berlin)
    zone = schedules.zone_of("Only/Here")
    assert str(zone) == "Only/Here"
    assert runs(NIGHT, "2027-03-27T12:00+01:00", 1, zone) == ["2027-03-28T03:30+02:00"]


@pytest.mark.parametrize("name", ["Europe", "../Europe/Berlin", "/etc/localtime", "Nowhere", "Europe/Berlin\0", "é"])
def test_a_text_that_is_no_time_zone(name: str) -> None:
    with pytest.raises(ValueError, match="the name of a time zone, such as Europe/Berlin"):
        schedules.zone_of(name)
