"""This module reviews an exported mapping of Entra against the attributes of the mapping table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.observation.attributes.entra_schema_file import AttributeMapping, ObjectMapping, read_export
from app.observation.attributes.entra_schema_file import UnreadableSchemaError as UnreadableSchemaError
from app.observation.attributes.mapping_review_rules import ExportedMapping, Finding, Level, about_line, place_of
from app.observation.attributes.usual_entra_mapping import advice, where
from app.scim.errors import ScimError
from app.scim.grammar import parse_path
from app.scim.recnice_mapping import MAPPING, MappedAttribute
from app.scim.resource_types import ResourceType


@dataclass(frozen=True, slots=True)
class ReviewedRow:
    """One row of the vendor's table, the attribute mappings of the file that fill it, and its findings."""

    mapped: MappedAttribute
    lines: Sequence[ExportedMapping]
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class MappingReview:
    """The review of one resource type's mapping. `mapping` is None if the file has none.

    `beside`: attribute mappings whose targets are stored here although the vendor's table does not have them.
    `unknown`: those whose targets are unknown here. `findings` are about the mapping as a whole.
    """

    resource_type: str
    mapping: ObjectMapping | None
    rows: Sequence[ReviewedRow]
    beside: Sequence[ExportedMapping]
    unknown: Sequence[ExportedMapping]
    findings: Sequence[Finding]

    @property
    def all_findings(self) -> Sequence[Finding]:
        """The findings about the whole mapping and each row, worst first."""
        findings = [*self.findings, *(finding for row in self.rows for finding in row.findings)]
        return sorted(findings, key=lambda one: one.rank)


@dataclass(frozen=True, slots=True)
class Review:
    """The reviews of users and groups."""

    mappings: Sequence[MappingReview]

    def count(self, level: Level) -> int:
        return sum(finding.level == level for one in self.mappings for finding in one.all_findings)


def review(content: bytes, types: Iterable[ResourceType]) -> Review:
    """Return the review of an exported file. `types` are the application's own, with those of a custom schema file.

    Raises UnreadableSchemaError with a sentence for a file that is not a provisioning schema.
    """
    mappings = read_export(content)
    reviewed = [(one, _fitting(one.name, mappings)) for one in types if one.name in MAPPING]
    if not any(of_type for _, of_type in reviewed):
        raise UnreadableSchemaError("This provisioning schema maps neither users nor groups.")
    return Review([_review_of(resource_type, of_type) for resource_type, of_type in reviewed])


def _fitting(type_name: str, mappings: Iterable[ObjectMapping]) -> Sequence[ObjectMapping]:
    """Return the mappings of a resource type, enabled ones first."""
    name = type_name.lower()
    fitting = [one for one in mappings if name in (one.source_object.lower(), one.target_object.lower().split(":")[-1])]
    return sorted(fitting, key=lambda one: not one.is_enabled)


def _review_of(resource_type: ResourceType, mappings: Sequence[ObjectMapping]) -> MappingReview:
    name, mapping = resource_type.name, mappings[0] if mappings else None
    lines = [_line(resource_type, one) for one in mapping.attributes if one.target] if mapping else []
    of_row = {mapped.path: _filling(resource_type, mapped, lines) for mapped in MAPPING[name]}
    rows = [
        ReviewedRow(mapped, of_row[mapped.path], _about_row(name, mapped, of_row[mapped.path]) if mapping else ())
        for mapped in MAPPING[name]
    ]
    in_table = {id(line) for filling in of_row.values() for line in filling}
    others = [line for line in lines if line.target and id(line) not in in_table]
    beside = [line for line in others if not line.is_read_only]
    findings = [
        *_about_whole(name, mapping),
        *(_about_matching(resource_type, lines) if mapping else ()),
        *(_about_read_only(name, line) for line in others if line.is_read_only),
    ]
    if len(mappings) > 1:
        text = f"The file has {len(mappings)} mappings of this type; the first enabled one is reviewed."
        findings.append(Finding("note", "", text))
    return MappingReview(name, mapping, rows, beside, [line for line in lines if not line.target], findings)


def _line(resource_type: ResourceType, mapping: AttributeMapping) -> ExportedMapping:
    try:
        return ExportedMapping(mapping, parse_path(mapping.target, resource_type.tree))
    except ScimError:  # not a path, so it is unknown
        return ExportedMapping(mapping, None)


def _filling(
    resource_type: ResourceType, mapped: MappedAttribute, lines: Iterable[ExportedMapping]
) -> Sequence[ExportedMapping]:
    """Return the attribute mappings that fill a row: those of the same path, and of its parts for a whole attribute."""
    target = parse_path(mapped.path, resource_type.tree)
    if target is None:
        raise LookupError(mapped.path)
    is_whole = target.part is None and target.where is None
    place = place_of(target)
    return [
        line
        for line in lines
        if line.target and (line.place == place or (is_whole and line.target.attribute.path == target.attribute.path))
    ]


def _about_row(type_name: str, mapped: MappedAttribute, lines: Sequence[ExportedMapping]) -> Sequence[Finding]:
    if not lines:
        level: Level = "wrong" if mapped.is_matching or mapped.path == "active" else "warning"
        if not mapped.is_listed_required:
            level = "note"
        return [Finding(level, mapped.path, "Nothing is mapped to it.", advice(type_name, mapped.path))]
    findings = (finding for line in lines for finding in about_line(type_name, mapped.path, line))
    return list(dict.fromkeys([*_about_duplicates(type_name, mapped.path, lines), *findings]))


def _about_duplicates(type_name: str, path: str, lines: Sequence[ExportedMapping]) -> Iterator[Finding]:
    """Yield a finding if a target is mapped twice, or as a whole and as a part: the last value sent wins."""
    places = [line.place for line in lines]
    is_whole_beside_part = len(set(places)) > 1 and any(line.place == path for line in lines)
    if len(set(places)) < len(places) or is_whole_beside_part:
        sources = " and ".join(line.mapping.source or line.mapping.default or "nothing" for line in lines)
        text = f"{len(lines)} attribute mappings have this target ({sources}), so one overwrites the other."
        yield Finding("wrong", path, text, f"In Entra, {where(type_name)}: delete all but one of them.")


def _about_whole(type_name: str, mapping: ObjectMapping | None) -> Iterator[Finding]:
    is_people = type_name == "User"
    kind = "users" if is_people else "groups"
    level: Level = "wrong" if is_people else "note"
    if mapping is None:
        yield Finding(level, "", f"The file has no mapping of {kind}, so none are sent.")
        return
    if not mapping.is_enabled:
        remedy = f"In Entra, {where(type_name)}: set Enabled to Yes."
        yield Finding(level, "", f"The mapping of {kind} is disabled, so none are sent.", remedy)
    for flow, text in _MISSING_FLOWS.items():
        if mapping.flows and flow not in mapping.flows:
            remedy = f"In Entra, {where(type_name)}: tick it at Target Object Actions."
            yield Finding("warning", "", text.format(kind=kind), remedy)


_MISSING_FLOWS: Mapping[str, str] = {
    "add": "Create is not ticked: no new {kind} are sent.",
    "update": "Update is not ticked: no changes of {kind} are sent.",
    "delete": "Delete is not ticked: deletions of {kind} are not sent.",
}
"""The findings by missing word of `flowTypes`, which Entra's page calls Target Object Actions."""


def _about_matching(resource_type: ResourceType, lines: Iterable[ExportedMapping]) -> Iterator[Finding]:
    """Yield findings about matching attributes, by which Entra looks for a resource before it creates one.

    The vendor's table allows one of them.
    """
    name = resource_type.name
    unique = next(mapped.path for mapped in MAPPING[name] if mapped.is_matching)
    remedy = f"In Entra, {where(name)}: open {unique} and set Match objects using this attribute to Yes, precedence 1."
    matching = sorted((line for line in lines if line.mapping.priority), key=lambda line: line.mapping.priority)
    if not matching:
        yield Finding(
            "wrong",
            "",
            "No attribute mapping is used for matching, so Entra cannot find existing users and groups.",
            remedy,
        )
    elif all(line.place != unique for line in matching):
        names = ", ".join(line.mapping.target for line in matching)
        yield Finding("warning", "", f"Entra matches on {names}, and not on {unique}, which is unique here.", remedy)
    looked_up = {attribute.path for attribute in resource_type.lookups}
    for line in matching:
        if line.target is None:
            text = f"Entra matches on {line.mapping.target}, which is not stored here: each lookup is refused."
            yield Finding("wrong", "", text, remedy)
        elif line.target.path not in looked_up:
            text = f"Entra matches on {line.mapping.target}, which has no index here and need not be unique."
            yield Finding("warning", "", text, remedy)


def _about_read_only(type_name: str, line: ExportedMapping) -> Finding:
    text = "It is read-only, and a request that changes it is refused."
    return Finding("wrong", line.mapping.target, text, f"In Entra, {where(type_name)}: delete this attribute mapping.")
