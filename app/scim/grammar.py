"""This module parses filters and PATCH paths (RFC 7644 §3.4.2.2, §3.5.2).

Names are resolved while parsing, so that no later stage looks one up again.

    FILTER    = attrExp / logExp / valuePath / *1"not" "(" FILTER ")"
    valuePath = attrPath "[" valFilter "]"
    attrExp   = (attrPath SP "pr") / (attrPath SP compareOp SP compValue)
    logExp    = FILTER SP ("and" / "or") SP FILTER
    compValue = false / null / true / number / string
    attrPath  = [URI ":"] ATTRNAME *1subAttr
    PATH      = attrPath / valuePath [subAttr]
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from app import bounds
from app.scim.attribute import Attribute, AttributeTree
from app.scim.errors import Code, ScimError, shown
from app.scim.filter_tree import OPERATORS, And, Compare, Node, Not, Or, Target, Value, ValuePath
from app.scim.json_body import is_number, read_number
from app.scim.value_comparison import WrongValueError, comparable

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([()\[\]])|([^\s()\[\]"]+)|(\S))', re.DOTALL)
_NAME = re.compile(r"(?:urn:[A-Z0-9:._~%/$-]+|[A-Z$][A-Z0-9_$-]*(?:\.[A-Z$][A-Z0-9_$-]*)?)\Z", re.ASCII | re.IGNORECASE)
# What could be a name elsewhere: an attribute that is not declared here, in another alphabet or of another depth.
_LIKE_NAME = re.compile(r'\.?[^\s()\[\]".]+(?:\.[^\s()\[\]".]+)*\Z')
_EQUALITY = re.compile(r'([A-Z$][A-Z0-9_$.-]*) eq "([^"]*)"', re.ASCII | re.IGNORECASE)
_PLAIN_TEXT = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]*')  # what is the same inside the quotes of JSON
_FILTERED = re.compile(
    r'([A-Z$][A-Z0-9_$-]*\[)([A-Z$][A-Z0-9_$-]* eq )"([^"]*)"(\](?:\.[A-Z0-9_$-]+)?)', re.ASCII | re.IGNORECASE
)
_PART = re.compile(r"\.[A-Za-z$][A-Za-z0-9_$-]*\Z")
_PATH_ORDER = re.compile(r"[w.]+(\[[w.]+\]\.?)?\Z")  # the brackets in it, words (w) and sub-attributes (.)
_CODES = {"filter": (Code.INVALID_FILTER, Code.UNUSABLE_FILTER), "path": (Code.INVALID_PATH, Code.UNUSABLE_PATH)}
_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}


class _UnknownNameError(Exception):
    """An unknown name in a path; the second argument is its position."""


class _Parser:
    """A parser of one text, read once from left to right; `kind` is its name in errors, "filter" or "path".

    `impossible` says what the first comparison has that its attribute cannot have. Reading continues after it, so that
    a malformed text is distinguished from one whose operation can be refused alone.
    """

    def __init__(self, text: str, trees: Sequence[AttributeTree], kind: str, most: int) -> None:
        self.trees = trees
        self.kind = kind
        self.impossible: ScimError | None = None
        self.tokens = self._tokens(text, most)
        self.at = 0
        self.depth = 0

    def _tokens(self, text: str, most: int) -> list[tuple[str, int]]:
        tokens: list[tuple[str, int]] = []
        position = 0
        while match := _TOKEN.match(text, position):
            if match.group(4):
                expected = f"a name, value or bracket at position {match.start(4)}"
                raise self.refusal(expected, shown(match.group(4)))
            if len(tokens) == most:
                raise self.refusal(f"at most {most} words", is_unusable=True)
            tokens.append((match.group(1) or match.group(2) or match.group(3), match.start(match.lastindex or 0)))
            position = match.end()
        return tokens

    def refusal(self, expected: str, got: str | int = "", *, is_unusable: bool = False) -> ScimError:
        return ScimError(_CODES[self.kind][is_unusable], self.kind, expected, got)

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, expected: str) -> str:
        if self.at == len(self.tokens):
            raise self.refusal(f"{expected} at the end")
        self.at += 1
        return self.tokens[self.at - 1][0]

    @property
    def position(self) -> int:
        """The position in the text of the token that was taken last."""
        return self.tokens[self.at - 1][1]

    def wrong(self, expected: str) -> ScimError:
        token, position = self.tokens[self.at - 1]
        return self.refusal(f"{expected} at position {position}", shown(token))

    def cannot(self, attribute: Attribute, expected: str, got: str | int = "") -> None:
        """Record that the meaning of the token that was taken last is not possible with the attribute."""
        place, name = f" at position {self.position}", f"filter: {attribute.path}"
        finding = (name, expected + place) if got == "" else (name, expected, f"{got}{place}")
        self.impossible = self.impossible or ScimError(Code.UNUSABLE_FILTER, *finding)

    def check_possible(self) -> None:
        if self.impossible:
            raise self.impossible

    def expect(self, symbol: str) -> None:
        if self.take(f"'{symbol}'") != symbol:
            raise self.wrong(f"'{symbol}'")

    def end(self) -> None:
        if self.at < len(self.tokens):
            self.at += 1
            raise self.wrong("the end")

    def check_order(self) -> None:
        """Refuse a path whose brackets are in an order that no path may have, whatever its names mean."""
        words = (token for token, _ in self.tokens)
        order = "".join(
            word if word in "[]" else "." if word.startswith(".") and _LIKE_NAME.match(word) else "w" for word in words
        )
        if not _PATH_ORDER.match(order):
            raise self.refusal("a name, name[filter] or name[filter].name")

    def nested(self, scope: Attribute | None, closing: str) -> Node:
        """Read FILTER and the bracket that closes it."""
        self.depth += 1
        if self.depth > bounds.FILTER_DEPTH:
            raise self.refusal(f"at most {bounds.FILTER_DEPTH} brackets in each other", is_unusable=True)
        node = self.disjunction(scope)
        self.expect(closing)
        self.depth -= 1
        return node

    def disjunction(self, scope: Attribute | None) -> Node:
        """Read FILTER: `or` binds weaker than `and` (RFC 7644 §3.4.2.2, precedence)."""
        node = self.conjunction(scope)
        while self.peek().lower() == "or":
            self.at += 1
            node = Or(node, self.conjunction(scope))
        return node

    def conjunction(self, scope: Attribute | None) -> Node:
        node = self.term(scope)
        while self.peek().lower() == "and":
            self.at += 1
            node = And(node, self.term(scope))
        return node

    def term(self, scope: Attribute | None) -> Node:
        """Read *1"not" "(" FILTER ")", a valuePath or an attrExp. `scope` is the attribute whose brackets are open."""
        token = self.take("a comparison")
        if token == "(":
            return self.nested(scope, ")")
        if token.lower() == "not" and self.peek() == "(":
            self.at += 1
            return Not(self.nested(scope, ")"))
        path = self.name(token, scope)
        if self.peek() == "[":
            if scope is not None:
                self.at += 1
                raise self.wrong("an operator: brackets stand in no brackets")
            where = self.brackets(path)
            if not _PART.match(self.peek()):
                return ValuePath(path[-1], where)
            part = self.part(path[-1], self.take("a sub-attribute"))
            return ValuePath(path[-1], And(where, self.comparison((part,))))
        return self.comparison(path)

    def brackets(self, path: tuple[Attribute, ...]) -> Node:
        """Read "[" valFilter "]" after a complex attribute."""
        if path[-1].type != "complex" or len(path) > 1 or path[-1].name.startswith("urn:"):
            self.cannot(path[-1], "a complex attribute before '['")
        self.expect("[")
        return self.nested(path[-1], "]")

    def name(self, token: str, scope: Attribute | None) -> tuple[Attribute, ...]:
        """Read attrPath; inside brackets a sub-attribute of `scope`."""
        if not _NAME.match(token):
            raise self.wrong("an attribute's name")
        if scope is not None:
            return (self.part(scope, token),)
        path = next((path for tree in self.trees if (path := tree.find(token))), None)
        if path is None:
            raise _UnknownNameError(token, self.position)
        return path

    def part(self, attribute: Attribute, token: str) -> Attribute:
        part = attribute.sub_attributes.get(token.lstrip(".").lower())
        if part is None:
            raise _UnknownNameError(f"{attribute.path}.{token.lstrip('.')}", self.position)
        return part

    def comparison(self, path: tuple[Attribute, ...]) -> Node:
        """Read attrPath SP "pr", or attrPath SP compareOp SP compValue."""
        op = self.take("an operator").lower()
        if op not in OPERATORS["string"]:
            raise self.wrong("one of " + " ".join(sorted(OPERATORS["string"])))
        attribute = path[-1]
        if op != "pr" and attribute.type == "complex" and attribute.value_attribute:
            attribute = attribute.value_attribute
            path = (*path, attribute)
        if op != "pr" and attribute.type == "complex":
            self.cannot(attribute, "one of its sub-attributes or 'pr'")
        elif op not in OPERATORS[attribute.type]:
            self.cannot(attribute, f"an operator for type {attribute.type}", f"'{op}'")
        elif attribute.traits.returned == "never":
            self.cannot(attribute, "an attribute that can be read")
        return _through(path, op) if op == "pr" else self.with_value(path, op)

    def with_value(self, path: tuple[Attribute, ...], op: str) -> Node:
        attribute = path[-1]
        value = self.value(attribute, self.take("a value"))
        if value is None:
            if op not in OPERATORS["boolean"]:
                self.cannot(attribute, "a value to compare with", "null")
            present = _through(path, "pr")
            return Not(present) if op == "eq" else present
        if op in ("co", "sw", "ew") and isinstance(value, str) and len(value) > bounds.SEARCH_TEXT_LENGTH:
            self.cannot(attribute, f"at most {bounds.SEARCH_TEXT_LENGTH} characters", len(value))
        normalized = None
        try:
            normalized = comparable(attribute, value)
        except WrongValueError as error:
            self.cannot(attribute, error.expected, error.got)
        if op == "ne":
            return Not(_through(path, "eq", normalized, value))
        return _through(path, op, normalized, value)

    def value(self, attribute: Attribute, token: str) -> Value:
        """Read compValue: a JSON literal (RFC 8259) to compare an attribute with."""
        if token.startswith('"'):
            try:
                text: str = json.loads(token)
            except ValueError:
                raise self.wrong("a JSON text") from None
            if _HALF_CHARACTER.search(text):
                self.cannot(attribute, "a JSON text", "half of a surrogate pair")
            return text
        if token.lower() in _WORDS:
            return _WORDS[token.lower()]
        if not is_number(token):
            raise self.wrong("a text in double quotes, a number, true, false or null")
        if (number := read_number(token)) is None:
            self.cannot(attribute, "a number that fits 64 bits")
        return number


def _through(path: tuple[Attribute, ...], op: str, value: Value = None, literal: Value = None) -> Node:
    """Return a comparison with a part of a multi-valued attribute as one with some value of it (RFC 7644 §3.4.2.2)."""
    if len(path) > 1 and path[0].multi_valued:
        return ValuePath(path[0], Compare(path[1:], op, value, literal))
    return Compare(path, op, value, literal)


def parse(text: str, tree: AttributeTree, others: Sequence[AttributeTree] = ()) -> Node:
    """Return a filter's tree, with `ne` as Not(eq), a comparison with null as `pr`, `emails.value` as a value path.

    A name that `tree` does not know may be one of the `others`'. Raises invalidFilter with the position, or with the
    attribute, what was expected and what was received.
    """
    if len(text) > bounds.FILTER_LENGTH:
        raise ScimError(Code.INVALID_FILTER, "filter", f"at most {bounds.FILTER_LENGTH} characters", len(text))
    usual = None if others else _EQUALITY.fullmatch(text)
    equality = _equality(tree, usual[1]) if usual else None  # the attribute is looked up once for all such filters
    return (with_text(equality, usual[2]) if usual and equality else None) or _parse(text, (tree, *others))


def _parse(text: str, trees: Sequence[AttributeTree]) -> Node:
    parser = _Parser(text, trees, "filter", bounds.FILTER_TOKENS)
    try:
        node = parser.disjunction(None)
    except _UnknownNameError as unknown:
        parser.check_possible()
        name, position = unknown.args
        raise ScimError(
            Code.INVALID_FILTER, "filter", f"a known attribute at position {position}", shown(name)
        ) from None
    parser.end()
    parser.check_possible()
    return node


def with_text(equality: Node, text: str) -> Node | None:
    """Return a filter of the form `attribute eq "…"` with another text, as `parse` reads it.

    None for a filter of another form, and for a text that has to be read with the filter.
    """
    if not _PLAIN_TEXT.fullmatch(text):
        return None
    try:
        match equality:
            case Compare(path, "eq"):
                return Compare(path, "eq", comparable(path[-1], text), text)
            case ValuePath(attribute, Compare(path, "eq")):
                return ValuePath(attribute, Compare(path, "eq", comparable(path[-1], text), text))
    except WrongValueError:
        pass
    return None


@lru_cache(maxsize=bounds.PATHS_REMEMBERED)
def _equality(tree: AttributeTree, name: str) -> Node | None:
    """Return the comparison of an attribute with the empty text; None if that is refused."""
    try:
        return _parse(f'{name} eq ""', (tree,))
    except ScimError:
        return None


@lru_cache(maxsize=bounds.PATHS_REMEMBERED)
def parse_path(text: str, tree: AttributeTree) -> Target | None:
    """Return the PATH of RFC 7644 §3.5.2, or None if a name in it is unknown; cached, since paths are few.

    Entra: `{"op": "Replace", "path": "extension_x.y.z", …}` in the same request as a disable, from an obsolete mapping.
    Raises invalidPath for a text that does not follow the grammar, invalidFilter for an error inside brackets. Of
    these, separable are a comparison that the attribute cannot have, and a text that is too long.
    """
    if len(text) > bounds.PATH_LENGTH:
        most = f"at most {bounds.PATH_LENGTH} characters"
        raise ScimError(Code.UNUSABLE_PATH, "path", most, len(text))
    if usual := _FILTERED.fullmatch(text):
        begin, comparison, value, end = usual.groups()
        known = _target_with(tree, begin + comparison, end)
        if known and known.where and (where := with_text(known.where, value)):
            return Target(known.attribute, where, known.part, f'{comparison}"{value}"')
    return _parse_path(text, tree)


@lru_cache(maxsize=bounds.PATHS_REMEMBERED)
def _target_with(tree: AttributeTree, begin: str, end: str) -> Target | None:
    """Return the target of a path whose filter compares with the empty text; None if that is refused or unknown."""
    try:
        return _parse_path(f'{begin}""{end}', tree)
    except ScimError:
        return None


def _parse_path(text: str, tree: AttributeTree) -> Target | None:
    parser = _Parser(text, (tree,), "path", bounds.PATH_TOKENS)
    where, where_text = None, ""
    try:
        word = parser.take("an attribute")
        path = tree.find(word) or ()
        if not path and _LIKE_NAME.match(word):
            raise _UnknownNameError(word, 0)
        path = path or parser.name(word, None)
        if parser.peek() == "[":
            parser.kind = "filter"
            begin = parser.tokens[parser.at][1] + 1
            where = parser.brackets(path)
            where_text = text[begin : parser.position].strip()
            parser.kind = "path"
            if parser.peek().startswith(".") and _LIKE_NAME.match(parser.peek()):
                path = (*path, parser.part(path[-1], parser.take("a sub-attribute")))
        parser.end()
    except _UnknownNameError:
        parser.kind = "path"
        parser.check_order()
        parser.check_possible()
        return None
    parser.check_possible()
    return Target(path[0], where, path[1] if len(path) > 1 else None, where_text)
