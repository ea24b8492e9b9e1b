"""Which backups are listed, kept and deleted, and what is left of one whose process was killed."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import clock
from app.backup import archive, copies, partial_files, writing
from app.backup.copies import Backup
from app.settings import Settings

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def copy_at(kind: str, at: datetime, size: int = 1) -> Backup:
    return Backup(Path(f"/b/recnice-{kind}-{at:{copies.TIME_FORM}}.zip"), kind, clock.to_wire(at), size)


def daily(count: int, kind: str = "nightly") -> list[Backup]:
    return [copy_at(kind, NOW - timedelta(days=days)) for days in range(count)]


@pytest.mark.parametrize(
    ("days", "weeks", "kept"),
    [
        (0, 0, range(30)),
        (1, 0, [0]),
        (3, 0, [0, 1, 2]),
        (0, 1, [0]),  # 30 November 2026 is a Monday
        (0, 3, [0, 1, 8]),
        (3, 3, [0, 1, 2, 8]),
        (40, 40, range(30)),
    ],
)
def test_nightly_ones_are_kept_by_days_and_weeks(days: int, weeks: int, kept: list[int]) -> None:
    made = daily(30)
    surplus = copies.find_surplus(Settings(backup_daily=days, backup_weekly=weeks), made)
    assert [copy for copy in made if copy not in surplus] == [made[number] for number in kept]


def test_of_one_day_the_last_is_kept() -> None:
    early, late = copy_at("nightly", NOW - timedelta(hours=3)), copy_at("nightly", NOW)
    assert copies.find_surplus(Settings(backup_daily=1, backup_weekly=0), [early, late]) == [early]


def test_recent_ones_are_kept_by_number_hour_and_size() -> None:
    made = [copy_at("recent", NOW - timedelta(minutes=15 * number), 10 * 2**20) for number in range(200)]
    surplus = copies.find_surplus(Settings(), made)
    kept = [(NOW - copy.at) // timedelta(minutes=15) for copy in made if copy not in surplus]
    assert kept == [0, 1, 2, 3, *range(5, 94, 4)], "the last four, and the last of each hour of a day"
    capped = copies.find_surplus(Settings(backup_recent_mb=50), made)
    assert [copy for copy in made if copy not in capped] == [made[number] for number in (0, 1, 2, 3, 5)]
    tiny = copies.find_surplus(Settings(backup_recent_mb=1), made)
    assert [copy for copy in made if copy not in tiny] == made[:1], "the last one is kept, whatever its size"
    assert copies.find_surplus(Settings(backup_recent_mb=0), made) == []


def test_manual_ones_are_kept_and_three_from_before_upgrades() -> None:
    former = [Backup(Path("/d/pre-upgrade-0009-x.sqlite3"), "before-upgrade", clock.to_wire(NOW - timedelta(400)), 0)]
    upgrades = daily(3, "before-upgrade")
    assert copies.find_surplus(Settings(), [*daily(50, "manual"), *upgrades[:2]], former) == []
    assert copies.find_surplus(Settings(), upgrades, former) == former


def test_the_newest_is_kept_although_its_kind_has_newer_rules() -> None:
    """It is the newest of all, and the only one whose rule would not keep it."""
    made = daily(5)
    assert made[0] not in copies.find_surplus(Settings(backup_daily=1, backup_weekly=0), made)


def test_partial_and_broken_files_do_not_count(settings: Settings) -> None:
    settings = replace(settings, backup_daily=1, backup_weekly=0)
    sound = writing.back_up(settings, "nightly")
    later = NOW + timedelta(days=900)
    for number in range(3):
        name = f"recnice-nightly-{later + timedelta(days=number):{copies.TIME_FORM}}.zip"
        (settings.own_backups / name).write_bytes(b"" if number else sound.path.read_bytes()[:500])
        (settings.own_backups / f"{name}.partial").write_bytes(sound.path.read_bytes())
    assert [copy.path for copy in copies.list_copies(settings)] == [sound.path]
    assert copies.newest(settings) == sound
    assert copies.prune(settings) == []
    assert sound.path.exists()


def test_what_a_clock_that_was_ahead_made_neither_counts_nor_is_deleted(
    settings: Settings, pass_time: Callable[[float], None]
) -> None:
    """The backups made since would be older, so too many, and the first to be deleted."""
    settings = replace(settings, backup_daily=1, backup_weekly=0, backup_recent_mb=1)
    month_s = 30 * 24 * 3600
    pass_time(month_s)
    ahead = [writing.back_up(settings, kind).path for kind in ("nightly", "recent")]
    pass_time(-month_s)
    for kind in ("nightly", "recent"):
        new = writing.back_up(settings, kind)
        assert (copies.prune(settings), copies.newest(settings)) == ([], new)
    pass_time(2 * month_s)
    new = writing.back_up(settings, "nightly")
    assert ahead[0] in copies.prune(settings), "they count as soon as their time is past"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
@pytest.mark.parametrize("suffix", ["", ".age"])
def test_a_pipe_with_the_name_of_a_backup_is_none_and_delays_nothing(settings: Settings, suffix: str) -> None:
    sound = writing.back_up(settings, "manual")
    pipe = settings.own_backups / f"recnice-manual-20200101T000000Z.zip{suffix}"
    os.mkfifo(pipe)
    assert copies.list_copies(settings) == [sound]
    with pytest.raises(archive.ArchiveError, match="expected a regular file"), archive.opened(pipe):
        pass


def test_pruning_can_be_tried_and_deletes_former_copies_too(settings: Settings) -> None:
    former = settings.data / "pre-upgrade-0009-20200101T000000Z.sqlite3"
    former.touch()
    made = [writing.back_up(settings, "before-upgrade", with_log=False) for _ in range(3)]
    assert len({copy.path for copy in made}) == 3, "made within a second"
    assert copies.prune(settings, is_trial=True) == [former] and former.exists()
    assert copies.prune(settings) == [former] and not former.exists()
    assert {copy.path for copy in copies.list_copies(settings)} == {copy.path for copy in made}


def test_unfinished_files_are_swept_unless_they_are_written(settings: Settings) -> None:
    settings.own_backups.mkdir(mode=0o700)
    dead = settings.own_backups / "recnice-recent-20200101T000000Z.zip.partial"
    for name in ("", "-recnice.sqlite3", "-recnice.sqlite3-journal"):
        dead.with_name(dead.name + name).touch()
    former = settings.data / "pre-upgrade-0009-20200101T000000Z.partial-journal"
    former.touch()
    drill = settings.own_backups / "drill.partial"
    (drill / "schemas").mkdir(parents=True)
    verification = settings.own_backups / "verification-1.partial"
    verification.mkdir()
    with partial_files.partial_file(settings.own_backups / "recnice-recent-20200102T000000Z.zip"):
        assert set(copies.sweep(settings)) == {dead, former, drill, verification}
        assert [path.name for path in settings.own_backups.iterdir()] == ["recnice-recent-20200102T000000Z.zip.partial"]


FILE_STEPS = {"open", "os.mkdir", "os.remove", "os.rename", "os.chmod"}


def run_until(step: int, settings: Settings) -> bool:
    """Back up and prune in a process that is killed before its nth use of a file; return whether it was killed."""
    if (child := os.fork()) == 0:
        left = step

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in FILE_STEPS and str(settings.data) in str(arguments):
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        status = 1
        try:
            writing.back_up(settings, "nightly")
            copies.prune(settings)
            status = 0
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return status != 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a fork is killed")
def test_killed_at_any_step_a_backup_is_whole_or_not_there(settings: Settings) -> None:
    settings = replace(settings, backup_daily=1, backup_weekly=0)
    writing.back_up(settings, "nightly")

    def killed() -> Iterator[int]:
        step = 1
        while run_until(step, settings):
            yield step
            step += 1 + step // 5

    steps = 0
    for _ in killed():
        steps += 1
        listed = copies.list_copies(settings)
        assert listed, "the newest verified one is always there"
        for copy in listed:
            with archive.opened(copy.path) as opened:
                opened.verify_hashes()
        named = {path.name for path in settings.own_backups.iterdir() if copies.PARTIAL not in path.name}
        assert named == {copy.path.name for copy in listed}
    assert steps > 10
    copies.sweep(settings)
    assert [path.name for path in settings.own_backups.iterdir() if copies.PARTIAL in path.name] == []
