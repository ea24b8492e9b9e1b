"""This module reads the schema file that Entra exports (Microsoft Graph: synchronizationSchema).

Nothing of the file is kept, and nothing is looked up elsewhere.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from app import bounds
from app.scim.errors import ScimError
from app.scim.json_body import read_json

SourceKind = Literal["attribute", "expression", "constant", "none"]

_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")  # Windows PowerShell writes such files
_LONE_ATTRIBUTE = re.compile(r"\[[^\[\]]+\]\Z")
_CONSTANT = re.compile(r'"[^"]*"\Z')
_HOLDERS = ("schema", "value")  # a template contains the schema, and a list contains templates


class UnreadableSchemaError(Exception):
    """The file is not a provisioning schema; the text is one sentence for the user who chose the file."""


@dataclass(frozen=True, slots=True)
class AttributeMapping:
    """One attribute mapping: `source` as Entra's page displays it, `target` as written there.

    `priority`: the matching precedence from 1 on; 0 if Entra does not match on it. `flow_type`: when it is applied
    (`Always`, `ObjectAddOnly` …). `default`: what is sent where the source is empty, or "".
    """

    target: str
    source: str
    kind: SourceKind
    default: str
    priority: int
    flow_type: str

    @property
    def is_constant(self) -> bool:
        """Whether it sends the same value for all resources."""
        return self.kind == "constant" or (self.kind == "none" and self.default != "")


@dataclass(frozen=True, slots=True)
class ObjectMapping:
    """The mapping of one resource type.

    `flows`: those of add, update and delete that are enabled, if the file names any.
    """

    name: str
    source_object: str
    target_object: str
    is_enabled: bool
    flows: frozenset[str]
    attributes: Sequence[AttributeMapping]


def read_export(content: bytes) -> Sequence[ObjectMapping]:
    """Return all mappings of resource types in a file, in its order.

    Raises UnreadableSchemaError for a file that is not JSON, is nested too deeply, or has no `synchronizationRules`.
    """
    if not content.strip():
        raise UnreadableSchemaError("The file is empty.")
    try:
        document = read_json(content.decode("utf-16") if content.startswith(_UTF_16_MARKS) else content)
    except UnicodeDecodeError:
        raise UnreadableSchemaError("The file is not text.") from None
    except ScimError as error:
        problem = error.mismatch._replace(attribute="")
        raise UnreadableSchemaError(f"The file cannot be read: {problem}.") from None
    rules = _rules(document)
    if rules is None:
        raise UnreadableSchemaError(
            "This is JSON, but not a provisioning schema of Entra: it has no list named synchronizationRules."
        )
    mappings = (one for rule in _objects(rules) for one in _objects(_field(rule, "objectMappings")))
    return [_object_mapping(one) for one in islice(mappings, bounds.REVIEWED_OBJECT_MAPPINGS)]


def _rules(document: Any) -> list[Any] | None:
    """Return the rules, at the top level or inside a template or a list of templates; None without any."""
    place = document
    for _ in range(2 * len(_HOLDERS)):
        if isinstance(place, list):
            place = next(_objects(place), None)
        rules = _field(place, "synchronizationRules")
        if isinstance(rules, list):
            return rules
        place = next((inner for name in _HOLDERS if isinstance(inner := _field(place, name), dict | list)), None)
    return None


def _object_mapping(mapping: dict[str, Any]) -> ObjectMapping:
    mappings = _objects(_field(mapping, "attributeMappings"))
    flows = re.findall(r"[a-z]+", _text(_field(mapping, "flowTypes")).lower())
    return ObjectMapping(
        name=_text(_field(mapping, "name")),
        source_object=_text(_field(mapping, "sourceObjectName")),
        target_object=_text(_field(mapping, "targetObjectName")),
        is_enabled=_field(mapping, "enabled") is not False,
        flows=frozenset(flows),
        attributes=[_attribute_mapping(one) for one in islice(mappings, bounds.REVIEWED_MAPPINGS)],
    )


def _attribute_mapping(mapping: dict[str, Any]) -> AttributeMapping:
    kind, source = _source(_field(mapping, "source"))
    priority = _field(mapping, "matchingPriority")
    return AttributeMapping(
        target=_text(_field(mapping, "targetAttributeName")),
        source=source,
        kind=kind,
        default=_text(_field(mapping, "defaultValue")),
        priority=priority if isinstance(priority, int) and not isinstance(priority, bool) and priority > 0 else 0,
        flow_type=_text(_field(mapping, "flowType")) or "Always",
    )


def _source(source: Any) -> tuple[SourceKind, str]:
    """Return the kind and text of a source: attributes without brackets, constants without quotes."""
    expression = _text(_field(source, "expression")).strip()
    name = _text(_field(source, "name"))
    if not expression and not name:
        return "none", ""
    declared = _text(_field(source, "type")).lower()
    if declared == "constant" or (not declared and _CONSTANT.match(expression)):
        return "constant", (expression or name).strip('"')
    if declared == "attribute" or _LONE_ATTRIBUTE.match(expression):
        return "attribute", (expression or name).strip("[]")
    return "expression", expression or name


def _field(value: Any, name: str) -> Any:
    """Return a named value, case-insensitively; None if there is no such name."""
    if not isinstance(value, dict):
        return None
    if name in value:
        return value[name]
    return next((inner for other, inner in value.items() if other.lower() == name.lower()), None)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None or isinstance(value, dict | list) else str(value)
    limit = bounds.REVIEWED_TEXT_LENGTH
    return text if len(text) <= limit else text[: limit - 1] + "…"
