"""Bounded XML as plain elements: no document type, no entities, no namespaces. The only user of expat."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat  # a DOCTYPE is refused before any entity of it can be used

from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import Limits


@dataclass(slots=True)
class Element:
    """One element: its local name, attributes, text in parts, children, and the line on which it begins."""

    name: str
    attributes: dict[str, str]
    line: int = 0
    text: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)

    def all(self, *names: str) -> list[Element]:
        """Return what lies at a path of names below the element."""
        found = [self]
        for name in names:
            found = [child for item in found for child in item.children if child.name == name]
        return found

    def word(self, name: str) -> str:
        """Return the text of the first child of that name, or ""."""
        first = next((child for child in self.children if child.name == name), None)
        return "".join(first.text).strip() if first else ""


def parse(data: bytes, what: str, limits: Limits) -> Element:
    """Return the root element; a DOCTYPE, deep nesting and huge documents are refused. Raises InputError."""
    if len(data) > limits.document_bytes:
        raise UnsafeInput(f"{what} is larger than {limits.document_bytes:,} bytes")
    top = Element("", {})
    stack = [top]
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) > limits.json_depth or count > limits.json_nodes:
            raise UnsafeInput(f"{what} is nested too deeply or too large")
        element = Element(name.rpartition(" ")[2], attributes, parser.CurrentLineNumber)
        stack[-1].children.append(element)
        stack.append(element)

    def refuse(*_: object) -> None:
        raise UnsafeInput(f"{what} brings a document type of its own")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: stack.pop()
    parser.CharacterDataHandler = lambda text: stack[-1].text.append(text)
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise InputError(f"{what} is not XML: line {error.lineno}") from None
    except (ValueError, LookupError):  # an encoding that does not exist
        raise InputError(f"{what} is not XML") from None
    return top.children[0]
