"""Parameters of a list that are read without a server: numbers of any length, and which parameter is wrong."""

import random
from urllib.parse import parse_qsl, quote

import pytest
import werkzeug.urls  # noqa: F401  # registers "werkzeug.url_quote"

from app import bounds
from app.scim.errors import ScimError
from app.scim.resource_types import RESOURCE_TYPES, USER
from app.scim.search_request import Search
from app.web.hot_routes import _Route
from app.web.scim import cursors, list_endpoints, query_parameters
from tests.examples import examples


def search(**given: str) -> Search:
    found = query_parameters.read_search(RESOURCE_TYPES, given, "http://x/scim")
    return cursors.Query(RESOURCE_TYPES, given).by_cursor(found) if "cursor" in given else found


LONG = ("9" * 16, "9" * 20, "9" * 5_000, "0" * 5_000 + "9" * 30, "+" + "9" * 21)


@pytest.mark.parametrize("number", LONG, ids=len)
def test_a_number_of_any_length_is_bounded(number: str) -> None:
    assert search(startIndex=number).start_index == bounds.START_INDEX_MAXIMUM
    assert search(count=number).count == bounds.PAGE_SIZE_MAXIMUM
    negative = "-" + number.lstrip("+")
    assert (search(startIndex=negative).start_index, search(count=negative).count) == (1, 0)


@pytest.mark.parametrize(("number", "expected"), [("0" * 5_000, 0), ("0" * 5_000 + "7", 7), ("-0", 0), ("+3", 3)])
def test_zeros_before_a_number_say_nothing(number: str, expected: int) -> None:
    assert search(count=number).count == expected


@pytest.mark.parametrize("name", ["startIndex", "count"])
@pytest.mark.parametrize("text", ["many", "1.0", "1e3", "٣", "0x1", "1_000", "--1", " 1", "1" * 99 + "x"])
def test_what_is_no_whole_number_is_refused(name: str, text: str) -> None:
    with pytest.raises(ScimError, match=f"^{name}: expected a whole number"):
        search(**{name: text})


@pytest.mark.parametrize(("count", "expected"), [("-1", 0), ("-" + "9" * 30, 0), ("0", 0), ("3", 3)])
def test_a_negative_count_by_cursor_is_none(count: str, expected: int) -> None:
    assert search(cursor="", count=count).count == expected


@pytest.mark.parametrize("count", [str(bounds.PAGE_SIZE_MAXIMUM + 1), "9" * 30])
def test_too_large_a_count_by_cursor_is_refused(count: str) -> None:
    with pytest.raises(ScimError, match="^count: expected 0 to") as refused:
        search(cursor="", count=count)
    assert refused.value.scim_type == "invalidCount"


@pytest.mark.parametrize("name", ["nosuch", "name", "password", "a..b"])
def test_a_wrong_order_names_its_parameter(name: str) -> None:
    with pytest.raises(ScimError, match="^sortBy: expected an attribute with a simple value") as refused:
        search(sortBy=name)
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidPath")


def test_a_query_is_decoded_as_by_the_standard_library() -> None:
    chance = random.Random(1)
    marks = (
        "a",
        "=",
        "&",
        "+",
        "%",
        "%2",
        "%20",
        "%26",
        "%C3%A9",
        "%e4%bd",
        "%ff",
        "\u00e9",
        "\ufffd",
        ";",
        '"',
        "%25%32",
    )
    for _ in range(examples(5_000)):
        values = ["".join(chance.choices(marks, k=chance.randrange(5))) for _ in range(2)]
        query = f"filter={values[0]}&{quote('sortBy')}={values[1]}"
        pairs = dict(parse_qsl(query, keep_blank_values=True, errors="werkzeug.url_quote"))
        if len(parse_qsl(query, keep_blank_values=True)) == len(pairs):
            expected = {name: pairs[name] for name in ("filter", "sortBy")}
            got = query_parameters.of_get(query)
            assert {name: got[name] for name in expected} == expected, query


def test_a_lookup_by_its_value_is_read_as_the_whole_query() -> None:
    """As app/web/hot_routes.py reads it: with what it remembers of a query that differs in the value only."""
    chance, base, read = random.Random(2), "https://x/scim", 0
    route = _Route(USER, "/scim", base)
    blanks, quotes = ("%20", "+", " ", "%20%20", "%09"), ("%22",) * 4 + ('"', "%27")
    marks = (
        "a",
        "B7",
        "@",
        "%40",
        "%C3%A9",
        "+",
        "%20",
        "\u00e9",
        "%ff",
        "%2",
        "%",
        "&",
        "%26",
        '"',
        "%22",
        "%5C",
        "\\",
        "%00",
    )
    earlier = ("",) * 6 + ("attributes=userName&", "filter=id%20pr&", "attributes=%22&", 'x="&', "(", "%")
    afters = ("",) * 6 + ("&excludedAttributes=groups", "&attributes=%22x%22", "&count=1", "&count=x", "&sortBy=title")
    afters += ("&cursor=", "&startIndex=2", ")", "%20and%20active%20eq%20true", "&filter=id%20pr", "&=", "%22", "x")
    names = (
        "userName",
        "username",
        "emails.value",
        "emails",
        "displayName",
        "id",
        "active",
        "title",
        "nothing",
        "%6eame",
    )
    for _ in range(examples(10_000)):
        blank, quote_mark, name = chance.choice(blanks), chance.choice(quotes), chance.choice(names)
        value = "".join(chance.choices(marks[:8] if chance.random() < 0.7 else marks, k=chance.randrange(4)))
        op = chance.choice(("eq",) * 5 + ("EQ", "ne", "%65q"))
        text = f"filter={name}{blank}{op}{blank}{quote_mark}{value}{quote_mark}"
        query = chance.choice(earlier) + text + chance.choice(afters)
        reading = route.lookup(query)
        if reading is not None:
            expected = list_endpoints._read((USER,), query_parameters.of_get(query), base)
            assert repr(reading) == repr(expected), query
            read += 1
    assert read > 1_000
