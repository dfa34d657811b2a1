"""The file of a lab's own bounce rules, as qualification writes it.

People may edit it too: what is written goes into a block of its own, and the rest stays as it is.
The file is replaced whole, and only by one that the classifier takes.
"""

import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mail.failure_text import expression_of
from mail.reason import FailureType, Reason
from mta.classify import Classifier
from store.failure_texts import KnownText

_HEAD: Final = """\
# Bounce rules of this lab. They are asked before those that come with the program, in this order;
# `mtalab bounces rules check FILE` reads them, `mtalab bounces judge TEXT` says which one decides.
"""
_BLOCK: Final = re.compile(r"^\[\[(?:rule|broken)\]\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a text is to mean; ``retry``: whether a permanent reply is tried again."""

    failure: FailureType
    reason: Reason
    retry: bool = False


IGNORED: Final = Meaning(FailureType.IGNORED, Reason.ERROR_IGNORED)


def name_of(text: KnownText) -> str:
    """What the rule for a text is called."""
    return f"text-{text.key}"


def write_rule(path: Path, text: KnownText, meaning: Meaning) -> str:
    """Put the rule for a text into the file, in place of one that it had; returns its name.

    Raises:
        BadRules: the file would not be valid with it; it stays as it was.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else _HEAD
    name = name_of(text)
    after = f"{_without(before, name).rstrip()}\n\n{_rule(text, name, meaning)}"
    Classifier.with_own(after, path.name)
    new = path.with_name(path.name + ".new")
    new.write_text(after, encoding="utf-8")
    new.replace(path)
    return name


def remove_rule(path: Path, text: KnownText) -> bool:
    """Take the rule for a text out of the file; returns whether there was one."""
    if not path.exists():
        return False
    before = path.read_text(encoding="utf-8")
    after = _without(before, name_of(text))
    if after == before:
        return False
    new = path.with_name(path.name + ".new")
    new.write_text(after, encoding="utf-8")
    new.replace(path)
    return True


def _without(content: str, name: str) -> str:
    """The content without the block of a rule."""
    starts = [found.start() for found in _BLOCK.finditer(content)]
    line = re.compile(rf"^name\s*=\s*[\"']{re.escape(name)}[\"']\s*$", re.MULTILINE)
    kept = [content[: starts[0]]] if starts else [content]
    for start, end in itertools.pairwise([*starts, len(content)]):
        block = content[start:end]
        if line.search(block) is None:
            kept.append(block)
    return "".join(kept)


def _rule(text: KnownText, name: str, meaning: Meaning) -> str:
    is_reply = text.code is not None
    lines: list[tuple[str, object]] = [("name", name)]
    if is_reply:
        lines.append(("code", [str(text.code)]))
    lines += [
        ("text", expression_of(text.text)),
        ("failure", str(meaning.failure)),
        ("reason", meaning.reason.label),
    ]
    if is_reply and meaning.retry:
        lines.append(("retry", True))
    told = "".join(f"{key} = {_toml(value)}\n" for key, value in lines)
    return f"[[{'rule' if is_reply else 'broken'}]]\n{told}"


def _toml(value: object) -> str:
    """A value as TOML has it: JSON's strings are its basic strings, but for the control DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
