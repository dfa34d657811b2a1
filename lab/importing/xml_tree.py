"""An XML file as elements that know their line; nothing in it is expanded or fetched."""

from dataclasses import dataclass, field
from pathlib import Path
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

import defusedxml.sax
from defusedxml.common import DefusedXmlException

from mail.errors import UserError, Where


class BadServerConf(UserError):
    """A serverConf.xml that cannot be read, or that has something impossible in it."""


@dataclass(slots=True)
class Element:
    """One element; ``line`` counts from 1."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list["Element"] = field(default_factory=list)

    def all(self, tag: str) -> list["Element"]:
        """Elements of this tag below it, at any depth, in order."""
        found = []
        for child in self.children:
            if child.tag == tag:
                found.append(child)
            found += child.all(tag)
        return found


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
        element = Element(name, dict(attrs.items()), self._locator.getLineNumber() or 0)
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
        raise BadServerConf(
            f"cannot be read: {error.strerror}",
            where=Where(str(file)),
            remedy="Give the path of a serverConf.xml or config-INSTANCE.xml.",
        ) from error
    builder = _Builder()
    try:
        defusedxml.sax.parseString(text, builder)
    except SAXParseException as error:
        raise BadServerConf(
            f"is no valid XML: {error.getMessage()}",
            where=Where(str(file), line=error.getLineNumber()),
            remedy="Mend the file, or export it again.",
        ) from error
    except DefusedXmlException as error:
        raise BadServerConf(
            "defines entities, which are not expanded here",
            where=Where(str(file)),
            remedy="Remove its DOCTYPE.",
        ) from error
    return builder.root.children[0]
