"""If-Match and If-None-Match (RFC 7644 §3.14, RFC 9110 §13)."""

import pytest

from app.scim.errors import ScimError
from app.scim.precondition import NONE, Precondition

NAMING_3 = ['W/"3"', '"3"', "*", ' W/"3" ', 'W/"1", W/"3"', '"1","3","4"']
NOT_NAMING_3 = ['W/"2"', '"33"', "3", "", "W/3", '"3', "'3'", '"*"', '"1" "3"x', '"W/3"']


@pytest.mark.parametrize("header", NAMING_3)
def test_a_header_that_names_the_version(header: str) -> None:
    Precondition(if_match=header).check(3)
    assert Precondition(if_none_match=header).is_known(3)
    with pytest.raises(ScimError) as refused:
        Precondition(if_none_match=header).check(3)
    assert (refused.value.status, refused.value.scim_type) == (412, None)
    assert 'If-None-Match: expected another version than W/"3"' in refused.value.detail


@pytest.mark.parametrize("header", NOT_NAMING_3)
def test_a_header_that_names_another(header: str) -> None:
    Precondition(if_none_match=header).check(3)
    assert not Precondition(if_none_match=header).is_known(3)
    with pytest.raises(ScimError) as refused:
        Precondition(if_match=header).check(3)
    assert refused.value.status == 412
    assert 'W/"3"' in refused.value.detail


def test_no_header_asks_for_nothing() -> None:
    NONE.check(3)
    assert not NONE.is_known(3)


@pytest.mark.parametrize("header", ['"x"' + " " * 10**6 + "y", '"' * (10**6 + 1), '"",' * 10**6, " " * 10**6])
def test_a_long_header_is_read_once(header: str) -> None:
    """A reader that begins anew at every quote would need hours for this, and pyproject.toml ends it."""
    assert not Precondition(if_none_match=header).is_known(3)
