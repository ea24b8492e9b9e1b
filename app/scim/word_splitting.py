"""This module cuts texts into the words that a search finds.

A filter compares whole values instead (value_comparison.py).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from app.scim.attribute import Attribute

VERSION = 1
"""Raised with every change of which words there are, so that stored words are cut anew."""

_ALONE = "⺀-ヿ㇀-鿿豈-﫿𠀀-\U0003ffff"  # Chinese and Japanese: no spaces part their words
_PICTURES = "←-⯿\U0001f000-\U0001faff"
_WORDS = re.compile(f"[{_ALONE}{_PICTURES}]|[^\\W_{_ALONE}{_PICTURES}]+")


def cut(text: str) -> list[str]:
    """The words of a text, plain: without accents and letter case, `Ångström-Šmíd` gives `angstrom`, `smid`.

    A Chinese character, and an emoji, is a word by itself. A word has letters and digits only, or is outside of ASCII.
    """
    if text.isascii():
        return _WORDS.findall(text.lower())
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return _WORDS.findall(bare.casefold())


def worded(attributes: Iterable[Attribute]) -> Iterator[Attribute]:
    """Those of the attributes, a type's top ones, that people are found by.

    They are the texts that a client may match on, and the parts of a name.
    """
    for attribute in (one for top in attributes for one in top.walk()):
        is_told = attribute.traits.lookup or (attribute.keys[0] == "name" and len(attribute.keys) > 1)
        is_text = attribute.type in ("string", "reference")
        if is_told and is_text and attribute.traits.returned != "never" and attribute.traits.held == "document":
            yield attribute
