"""This module reads the name of a resource from its stored text, without parsing the whole text.

See also: resource_types.py (`name_of`, the same of a parsed document; a test compares the two).
"""

import json
import re

from app.scim.resource_types import name_of

# Each run of characters is one step: an alternative for each character would take as long as to parse the text.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_LIST = rf'\[[^"\[\]]*+(?:{_STRING}[^"\[\]]*+)*+\]'
_OBJECT = rf'\{{[^"{{}}\[\]]*+(?:{_STRING}[^"{{}}\[\]]*+)*+\}}'
_VALUE = rf'(?:{_STRING}|{_LIST}|{_OBJECT}|[^"\[\]{{}},]++)'
_READERS = {
    name: re.compile(rf'\{{(?:"(?!{name}")[^"\\]*+":{_VALUE},)*+"{name}":({_STRING})')
    for name in ("displayName", "userName")
}


def name_in(document: str) -> str:
    """Return the name of the resource with this text: `name_of`, with which it begins if the text is unusual."""
    for name, reader in _READERS.items():
        if match := reader.match(document):
            text: str = json.loads(match[1]) if "\\" in match[1] else match[1][1:-1]
            if text:
                return text
        elif f'"{name}":' in document:  # a part of another attribute, or of another type, or behind a nested list
            break
    return name_of(json.loads(document))
