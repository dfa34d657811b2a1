"""An XML file as elements that know their line; nothing in it is expanded or fetched.

Each element notes which of its attributes were asked for, so that whoever reads it can tell in the
end what was not.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

import defusedxml.sax
from defusedxml.common import DefusedXmlException

from lab.importing.errors import BadServerConf

_DEEPEST: Final = 100  # the file itself has six levels; a bomb has any number


@dataclass(slots=True)
class Element:
    """One element; ``line``, where it begins, counts from 1."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list["Element"] = field(default_factory=list)
    read: set[str] = field(default_factory=set)  # attributes that somebody asked for
    is_known: bool = False  # somebody looked into it

    def take(self, name: str) -> str:
        """The attribute without blanks around it; empty where there is none."""
        self.read.add(name)
        return self.attributes.get(name, "").strip()

    def all(self, tag: str) -> list["Element"]:
        """Elements of this tag below it, at any depth, in order; all above them are known then."""
        found = []
        for child in self.children:
            within = child.all(tag)
            if child.tag == tag or within:
                self.is_known = child.is_known = True
            if child.tag == tag:
                found.append(child)
            found += within
        return found


class _TooDeep(Exception):
    """More elements within each other than any serverConf.xml has."""


class _Builder(ContentHandler):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {}, 0)
        self._open = [self.root]
        self._locator: Locator | None = None

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - the library's
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802
        assert self._locator is not None
        line = self._locator.getLineNumber() or 0
        if len(self._open) > _DEEPEST:
            raise _TooDeep(line)
        element = Element(name, dict(attrs.items()), line)
        self._open[-1].children.append(element)
        self._open.append(element)

    def endElement(self, name: str) -> None:  # noqa: N802, ARG002
        self._open.pop()


def read_xml(file: Path) -> Element:
    """The file's root element.

    Raises:
        BadServerConf: it cannot be read, is no XML, or defines entities.
    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise BadServerConf.of(
            file,
            None,
            f"cannot be read: {error.strerror}",
            "Give the path of a serverConf.xml or config-INSTANCE.xml.",
        ) from error
    builder = _Builder()
    try:
        defusedxml.sax.parseString(text, builder)
    except SAXParseException as error:
        raise BadServerConf.of(
            file,
            error.getLineNumber(),
            f"is no valid XML: {error.getMessage()}",
            "Mend the file, or export it again.",
        ) from error
    except DefusedXmlException as error:
        raise BadServerConf.of(
            file, None, "defines entities, which are not expanded here", "Remove its DOCTYPE."
        ) from error
    except _TooDeep as error:
        raise BadServerConf.of(
            file,
            error.args[0],
            f"has elements more than {_DEEPEST} deep",
            "Give the path of a serverConf.xml or config-INSTANCE.xml.",
        ) from error
    return builder.root.children[0]
