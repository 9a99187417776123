"""The only parser of YAML, JSON and base64 from outside: strict, within limits.

It refuses duplicate keys (the last would silently win), aliases that contain themselves or
multiply, tags of Python or of an application, and more levels than any of our documents has: with
one kind of error, in which `source` names the text.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NoReturn

import yaml
from yaml.constructor import ConstructorError

from kuryr_runbook.model.errors import FileError

LEVELS = 64
"""How deep a document may be nested; a notebook, the deepest one, has about ten levels."""
NO_TEXT = "it contains a lone surrogate, which is not text"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
NODES = 50_000
"""How many values a YAML document may have, also with its aliases expanded; PyYAML takes seconds
for as many, and minutes for what a megabyte can hold."""


class _Loader(yaml.SafeLoader):
    """Builds plain values, and refuses what the module's docstring lists."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._level = 0
        self._composed = 0
        self._weights: dict[int, int] = {}

    def fetch_flow_collection_start(self, kind: Any) -> None:
        """Start a value in brackets; the scanner reads ahead, and slows down with each level."""
        if self.flow_level >= LEVELS:
            raise ConstructorError(
                None, None, f"more than {LEVELS} levels are nested", self.get_mark()
            )
        super().fetch_flow_collection_start(kind)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose one value, and count levels and the values that aliases stand for."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if self._level >= LEVELS:
            raise ConstructorError(
                None, None, f"more than {LEVELS} levels are nested", event.start_mark
            )
        self._composed += 1
        if self._composed > NODES:
            raise ConstructorError(None, None, f"it has more than {NODES} values", event.start_mark)
        is_alias = isinstance(event, yaml.AliasEvent)
        self._level += 1
        node = super().compose_node(parent, index)
        self._level -= 1
        if node is None:
            return node
        if is_alias and id(node) not in self._weights:
            raise ConstructorError(
                None, None, f"the alias *{event.anchor} contains itself", event.start_mark
            )
        weight = self._weights.setdefault(id(node), 1 + sum(map(self._weight, _parts(node))))
        if weight > NODES:
            raise ConstructorError(
                None, None, f"with its aliases it has more than {NODES} values", event.start_mark
            )
        return node

    def _weight(self, node: yaml.Node) -> int:
        return self._weights.get(id(node), 1)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> str:
        """The text of a scalar, which has to be valid text in every encoding."""
        value: str = super().construct_scalar(node)
        if not is_unicode(value):
            raise ConstructorError(None, None, NO_TEXT, node.start_mark)
        return value

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyYAML's own signature
        """A value; if PyYAML's constructors fail, the error names the place."""
        try:
            return super().construct_object(node, deep)
        except yaml.YAMLError:
            raise
        except Exception as error:
            # Invalid dates and numbers, each in a way of its own.
            problem = f"a value cannot be read ({type(error).__name__}): put it in quotes"
            raise ConstructorError(None, None, problem, node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's own signature
        """A mapping whose keys are texts or numbers, without duplicates."""
        if not isinstance(node, yaml.MappingNode):  # By its tag.
            raise ConstructorError(None, None, "this is not a mapping", node.start_mark)
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ConstructorError(None, None, "a key is not text", key.start_mark)
            if key.value in seen:
                raise ConstructorError(
                    None,
                    None,
                    f"the key {key.value} is a duplicate: it is already in line {seen[key.value]}",
                    key.start_mark,
                )
            seen[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def is_unicode(text: str) -> bool:
    """Whether it has no lone surrogates, which `\\ud800` in YAML or JSON creates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parts(node: yaml.Node) -> Iterator[yaml.Node]:
    match node:
        case yaml.MappingNode():
            for pair in node.value:
                yield from pair
        case yaml.SequenceNode():
            yield from node.value


def parse_yaml(text: str, source: str, *, remedy: str | None = None) -> Any:
    """The value that a YAML text holds; None for an empty one. Raises FileError."""
    return compose_yaml(text, source, remedy=remedy)[0]


def compose_yaml(
    text: str, source: str, *, remedy: str | None = None
) -> tuple[Any, yaml.Node | None]:
    """The value, and the tree of nodes with their places. Raises FileError."""

    def refuse(line: int, problem: object) -> NoReturn:
        raise FileError(f"{source} is not usable YAML: line {line}: {problem}", remedy=remedy)

    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return (None if node is None else loader.construct_document(node)), node
    except yaml.reader.ReaderError as error:
        refuse(text.count("\n", 0, error.position) + 1, _of_reader(error))
    except yaml.MarkedYAMLError as error:
        # Not its whole text, which quotes lines of the file that may contain a password.
        mark = error.problem_mark or error.context_mark
        refuse(mark.line + 1 if mark else 1, error.problem or error.context)
    except Exception as error:
        # PyYAML has no error for some of what is not YAML, such as an escape of no character.
        refuse(loader.line + 1 if loader else 1, f"it cannot be parsed ({type(error).__name__})")


def _of_reader(error: yaml.reader.ReaderError) -> str:
    code = error.character if isinstance(error.character, int) else ord(error.character)
    return f"it contains the character U+{code:04X}, which YAML does not allow"


def parse_json(text: str, source: str, *, remedy: str | None = None) -> Any:
    """The value that a JSON text holds. Raises FileError."""

    def refuse(problem: object) -> NoReturn:
        raise FileError(f"{source} is not usable JSON: {problem}", remedy=remedy)

    def pairs(found: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(found)
        if len(values) < len(found):
            twice, _ = Counter(key for key, _ in found).most_common(1)[0]
            refuse(f"an object has the key {twice} twice")
        return values

    def constant(name: str) -> NoReturn:
        refuse(f"{name} is not a JSON number")

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError as error:
        refuse(f"line {error.lineno}: {error.msg}")
    except RecursionError:
        refuse(f"more than {LEVELS} levels are nested")
    except ValueError:
        # Python does not convert a number with thousands of digits.
        refuse("a number in it is too long")
    if is_deeper(value, LEVELS):
        refuse(f"more than {LEVELS} levels are nested")
    if _SURROGATE.search(text) and not is_unicode(json.dumps(value, ensure_ascii=False)):
        refuse(NO_TEXT)
    return value


def from_base64(value: object) -> bytes | None:
    """What a text in base64 stands for; None if the value is no such text."""
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except ValueError:
        return None


def text_from_base64(value: object) -> str:
    """The same as text; empty if it is none."""
    try:
        return (from_base64(value) or b"").decode()
    except UnicodeDecodeError:
        return ""


def is_deeper(value: Any, levels: int) -> bool:
    """Whether a JSON value is nested deeper than that; without recursion."""
    level = [value]
    for _ in range(levels + 1):
        level = [
            item
            for container in level
            if isinstance(container, dict | list)
            for item in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return False
    return True


def mapping(value: object, source: str, *, remedy: str | None = None) -> dict[str, Any]:
    """The value, which has to be a mapping whose keys are texts. Raises FileError."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        kind = "nothing" if value is None else f"a {type(value).__name__}"
        found = "keys that are not text" if isinstance(value, dict) else kind
        raise FileError(f"{source}: expected names with values, found {found}", remedy=remedy)
    return value
