"""Where each key of a TOML text stands; the parser of the standard library does not tell."""

import tomllib
from collections import Counter
from typing import Any, Final

import tree_sitter
import tree_sitter_toml

from affinity.key_path import KeyPath

_KEYS: Final = frozenset({"bare_key", "quoted_key", "dotted_key"})


def lines_of(text: str) -> dict[KeyPath, int]:
    """Key path → line, counted from 1, of a text that ``tomllib`` has accepted.

    Elements of arrays, of tables or other values, have their index in the path.
    """
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))
    root = parser.parse(text.encode()).root_node
    lines: dict[KeyPath, int] = {}
    elements: Counter[KeyPath] = Counter()
    for node in root.children:
        if node.type == "pair":
            _pair(node, (), lines)
        elif node.type in {"table", "table_array_element"}:
            path = _within(_key(node), elements)
            _note(path, _line(node), lines)
            if node.type == "table_array_element":
                elements[path] += 1
                path = (*path, elements[path] - 1)
                _note(path, _line(node), lines)
            for each in node.children:
                if each.type == "pair":
                    _pair(each, path, lines)
    return lines


def _note(path: KeyPath, line: int, lines: dict[KeyPath, int]) -> None:
    """A table stands where it or a part of it is first named."""
    for length in range(1, len(path) + 1):
        lines.setdefault(path[:length], line)


def _within(path: KeyPath, elements: Counter[KeyPath]) -> KeyPath:
    """``[a.b]`` after ``[[a]]`` speaks of the last element of a."""
    found: KeyPath = ()
    for key in path[:-1]:
        found = (*found, key)
        if elements[found]:
            found = (*found, elements[found] - 1)
    return (*found, *path[-1:])


def _pair(node: tree_sitter.Node, path: KeyPath, lines: dict[KeyPath, int]) -> None:
    here = (*path, *_key(node))
    _note(here, _line(node), lines)
    _value(node.children[-1], here, lines)


def _value(node: tree_sitter.Node, path: KeyPath, lines: dict[KeyPath, int]) -> None:
    if node.type == "inline_table":
        for each in node.children:
            if each.type == "pair":
                _pair(each, path, lines)
    elif node.type == "array":
        values = [each for each in node.named_children if each.type != "comment"]
        for index, each in enumerate(values):
            lines[(*path, index)] = _line(each)
            _value(each, (*path, index), lines)


def _key(node: tree_sitter.Node) -> KeyPath:
    """The words of a dotted key, unquoted by the one who knows all about escapes."""
    found = next(each for each in node.children if each.type in _KEYS)
    inner: Any = tomllib.loads(f"{(found.text or b'').decode()} = 0")
    words: list[str] = []
    while isinstance(inner, dict):
        ((word, inner),) = inner.items()
        words.append(word)
    return tuple(words)


def _line(node: tree_sitter.Node) -> int:
    return node.start_point[0] + 1
