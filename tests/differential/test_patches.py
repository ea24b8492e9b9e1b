"""Our PATCH against another implementation: the same user and operation, the same user after it or a written reason."""

import pytest

from app.scim.resource_types import USER
from tests.differential.chance import chances
from tests.differential.patch_case import Case, case
from tests.differential.patch_differences import DIFFERENCES
from tests.examples import examples

USERS = examples(150)
OPERATIONS_A_USER = 4
SEED = 7643


def unexplained(one: Case) -> bool:
    return one.ours != one.theirs and not any(difference.explains(one) for difference in DIFFERENCES)


def test_a_patch_makes_what_another_implementation_makes():
    wrong, same, tried = [], 0, 0
    for chance in chances(USERS, SEED):
        document = chance.document()
        for _ in range(OPERATIONS_A_USER):
            one = case(document, chance.operation())
            tried, same = tried + 1, same + (one.ours == one.theirs)
            if unexplained(one):
                wrong.append(one)
            if isinstance(one.ours, dict):
                document = USER.load(one.ours)
    assert not wrong
    assert same > tried * 0.75, "the differences explain too much"


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.name)
def test_each_difference_is_one(difference):
    given, operation, ours, theirs = difference.example
    named = {"userName": "ada"}
    one = case(USER.load(named | given), operation)
    assert (one.ours, one.theirs) == tuple(side if isinstance(side, str) else named | side for side in (ours, theirs))
    assert difference.explains(one)
    assert difference.why and difference.sentence.startswith("RFC 76")
