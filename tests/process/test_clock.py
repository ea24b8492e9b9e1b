"""A moment in wire form, of which only the milliseconds are written for each."""

import random
from datetime import UTC, datetime, timedelta, timezone

from app import clock
from tests.examples import examples


def test_a_moment_is_written_as_the_standard_library_writes_it() -> None:
    chance, moment = random.Random(4), datetime(1969, 12, 31, 23, 59, 58, tzinfo=UTC)
    for number in range(examples(3_000)):
        moment += timedelta(microseconds=chance.randrange(700_000), days=number % 100 == 0)
        zone = timezone(timedelta(minutes=chance.randrange(-700, 700))) if chance.random() < 0.3 else UTC
        expected = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert clock.to_wire(moment.astimezone(zone)) == expected
