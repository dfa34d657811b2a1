"""Where each key of a TOML text stands; the parser of the standard library does not tell."""

from collections import Counter
from typing import Final

import tree_sitter
import tree_sitter_toml

KeyPath = tuple[str | int, ...]

_KEYS: Final = frozenset({"bare_key", "quoted_key", "dotted_key"})


def lines_of(text: str) -> dict[KeyPath, int]:
    """Key path → line, counted from 1. Elements of arrays of tables have their index in the path."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))
    root = parser.parse(text.encode()).root_node
    lines: dict[KeyPath, int] = {}
    elements: Counter[KeyPath] = Counter()
    for node in root.children:
        if node.type == "pair":
            _pair(node, (), lines)
        elif node.type in {"table", "table_array_element"}:
            path = _within(_key(node), elements)
            if node.type == "table_array_element":
                index = elements[path]
                elements[path] += 1
                lines.setdefault(path, _line(node))
                path = (*path, index)
            lines.setdefault(path, _line(node))
            for each in node.children:
                if each.type == "pair":
                    _pair(each, path, lines)
    return lines


def _within(path: KeyPath, elements: Counter[KeyPath]) -> KeyPath:
    """``[a.b]`` after ``[[a]]`` speaks of the last element of a."""
    found: KeyPath = ()
    for position, key in enumerate(path):
        found = (*found, key)
        if position < len(path) - 1 and elements[found]:
            found = (*found, elements[found] - 1)
    return found


def _pair(node: tree_sitter.Node, path: KeyPath, lines: dict[KeyPath, int]) -> None:
    here = (*path, *_key(node))
    for length in range(len(path) + 1, len(here) + 1):
        lines.setdefault(here[:length], _line(node))
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
    found = next(each for each in node.children if each.type in _KEYS)
    return tuple(_words(found))


def _words(node: tree_sitter.Node) -> list[str]:
    if node.type == "dotted_key":
        return [word for each in node.children if each.type in _KEYS for word in _words(each)]
    text = (node.text or b"").decode()
    return [text[1:-1] if node.type == "quoted_key" else text]


def _line(node: tree_sitter.Node) -> int:
    return node.start_point[0] + 1
