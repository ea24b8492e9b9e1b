"""This module splits texts into the words that a search finds.

A filter compares whole values instead (value_comparison.py).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from app.scim.attribute import Attribute

VERSION = 1
"""The version of word splitting: increase it when results change, so that stored words are split again."""

_ALONE = "⺀-ヿ㇀-鿿豈-﫿𠀀-\U0003ffff"  # Chinese and Japanese: no spaces separate their words
_PICTURES = "←-⯿\U0001f000-\U0001faff"
_WORDS = re.compile(f"[{_ALONE}{_PICTURES}]|[^\\W_{_ALONE}{_PICTURES}]+")


def cut(text: str) -> list[str]:
    """Return the words of a text, without accents and in lower case: `Ångström-Šmíd` gives `angstrom`, `smid`.

    A Chinese character, or an emoji, is a word of its own. A word has letters and digits only, or is outside of ASCII.
    """
    if text.isascii():
        return _WORDS.findall(text.lower())
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return _WORDS.findall(bare.casefold())


def search_attributes(attributes: Iterable[Attribute]) -> Iterator[Attribute]:
    """Yield those attributes, of a type's top ones, by which a search finds a resource.

    They are the texts on which a client may match, and the parts of a name.
    """
    for attribute in (one for top in attributes for one in top.walk()):
        is_searched = attribute.traits.lookup or (attribute.keys[0] == "name" and len(attribute.keys) > 1)
        is_text = attribute.type in ("string", "reference")
        if is_searched and is_text and attribute.traits.returned != "never" and attribute.traits.storage == "document":
            yield attribute
