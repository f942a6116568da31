"""XML in and out: the same documents as in JSON, by the table of elements.

A document read from XML equals the one read from JSON: decimals keep their digits, what repeats is a list,
ids and extensions of primitives are in ``_name``, and a narrative keeps its text. Anything else that XML
can express is refused: document types (and so entities, which could fetch or multiply text), foreign
namespaces, text beside the elements, nesting without end. See https://hl7.org/fhir/R5/xml.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from html.entities import html5
from itertools import pairwise, zip_longest
from typing import Any
from xml.parsers import expat

from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document, Issue
from terminology.wire.fhir_versions import FhirVersion
from terminology.wire.json import LARGEST, Written
from terminology.wire.xml_elements import NARRATIVE, RESOURCE, XmlElement, XmlType, XmlTypes, table_of

FHIR = "http://hl7.org/fhir"
XHTML = "http://www.w3.org/1999/xhtml"
DEEPEST = 100  # elements: two levels of JSON each, a list and its items
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_COMPANION = "Element"  # the type of the id and extensions of a primitive


# -- out -----------------------------------------------------------------------------------------


def write(document: Document, release: FhirVersion, pretty: bool = False) -> bytes:
    """A document, in the shape of a release, as XML.

    Elements that the release does not define have no place in its XML and are left out.
    """
    writer = _Writer(table_of(release.is_r4))
    writer.resource(document, "\n" if pretty else "", f' xmlns="{FHIR}"')
    return (_HEAD + "".join(writer.out)).encode()


class _Writer:
    """Writes into ``out``. A ``margin`` stands before each tag: a line break and blanks, or nothing."""

    def __init__(self, table: XmlTypes) -> None:
        self.out: list[str] = []
        self._table = table

    def resource(self, document: Any, margin: str, namespace: str = "") -> None:
        kind = str(document.get("resourceType")) if isinstance(document, dict) else ""
        if self._table.is_resource(kind):
            self._node(kind, document, self._table.shape(kind), margin, namespace)

    def _node(self, tag: str, node: Document, shape: XmlType, margin: str, further: str = "") -> None:
        """A complex element: its attributes (and more), then its children in FHIR's order."""
        out = self.out
        attributes, elements = shape.layout(node)
        own = "".join([f' {name}="{_escaped(node[name])}"' for name in attributes]) if attributes else ""
        if not elements:
            out.append(f"{margin}<{tag}{own}{further}/>")
            return
        out.append(f"{margin}<{tag}{own}{further}>")
        inner = margin and f"{margin}  "
        for element, companion in elements:
            value = node.get(element.name)
            if companion is not None:
                self._element_beside(element, value, node[companion], inner)
            elif type(value) is str and element.is_text:
                # Most elements are one of these two: without further calls.
                out.append(f'{inner}<{element.name} value="{_SPECIAL.sub(_escape, value)}"/>')
            elif type(value) is list:
                own_shape = self._table.shape(element.type) if element.is_group else None
                for one in value:
                    if own_shape is not None and type(one) is dict:
                        self._node(element.name, one, own_shape, inner)
                    else:
                        self._element(element, one, inner)
            else:
                self._element(element, value, inner)
        out.append(f"{margin}</{tag}>")

    def _element_beside(self, element: XmlElement, value: Any, companion: Any, margin: str) -> None:
        values = value if isinstance(value, list) else [value]
        companions = companion if isinstance(companion, list) else [companion]
        for one, beside in zip_longest(values, companions):
            if beside and element.is_primitive:
                self._companion(element, one, beside, margin)
            else:
                self._element(element, one, margin)

    def _element(self, element: XmlElement, value: Any, margin: str) -> None:
        if element.is_primitive:
            if isinstance(value, (str, int, float, Decimal)):
                self._primitive(element, value, margin)
        elif isinstance(value, Written):
            self._complex(element, value.read(), margin)
        elif isinstance(value, dict):
            self._complex(element, value, margin)

    def _complex(self, element: XmlElement, value: Document, margin: str) -> None:
        if element.type != RESOURCE:
            self._node(element.name, value, self._table.shape(element.type), margin)
            return
        self.out.append(f"{margin}<{element.name}>")
        self.resource(value, margin and f"{margin}  ")
        self.out.append(f"{margin}</{element.name}>")

    def _primitive(self, element: XmlElement, value: Any, margin: str) -> None:
        if element.type == NARRATIVE and isinstance(value, str):
            self.out.append(margin + _division(value.strip()))
        else:
            self.out.append(f'{margin}<{element.name} value="{_escaped(value)}"/>')

    def _companion(self, element: XmlElement, value: Any, companion: Any, margin: str) -> None:
        """A primitive with an id or extensions, and maybe without a value."""
        if element.type == NARRATIVE and isinstance(value, str):
            self._primitive(element, value, margin)
            return
        has_value = isinstance(value, (str, int, float, Decimal))
        attribute = f' value="{_escaped(value)}"' if has_value else ""
        node = companion if isinstance(companion, dict) else {}
        self._node(element.name, node, self._table.shape(_COMPANION), margin, attribute)


# Line ends would become blanks in an attribute; characters that XML does not allow are replaced.
_SPECIAL = re.compile('[&<>"\x00-\x1f\ud800-\udfff\ufffe\uffff]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


def _escaped(value: Any) -> str:
    if type(value) is not str:
        value = str(value).lower() if isinstance(value, bool) else str(value)
    return _SPECIAL.sub(_escape, value)


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0], "\ufffd")


# -- narratives ----------------------------------------------------------------------------------

_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)(\w+;)")
_UNDECLARED = re.compile(r"<div(?=[\s/>])")


def _division(text: str) -> str:
    """The ``div`` of a narrative.

    Well-formed XHTML stays as it is; a missing namespace and HTML's entities are mended; anything else
    becomes escaped text, which cannot break the XML around it.
    """
    named = _ENTITY.sub(lambda match: _escaped(html5.get(match[1], match[0])), text)
    declared = _UNDECLARED.sub(f'<div xmlns="{XHTML}"', named, count=1)
    sound = (each for each in (text, named, declared) if _is_division(each))
    return next(sound, f'<div xmlns="{XHTML}">{_escaped(text)}</div>')


def _is_division(text: str) -> bool:
    """Is this one XHTML ``div`` and nothing else?"""
    tags: list[str] = []
    parser = _parser()
    parser.StartElementHandler = lambda name, attributes: tags.append(name) if not tags else None
    try:
        parser.Parse(text.encode(), True)
    except (expat.ExpatError, TerminologyError, UnicodeEncodeError):
        return False
    return tags == [f"{XHTML} div"] and text[1:2] not in ("?", "!") and text.startswith("<")


# -- in ------------------------------------------------------------------------------------------


def read_resource(content: bytes, release: FhirVersion) -> Document:
    """Parse a FHIR resource.

    Raises TerminologyError: not UTF-8, not XML, with a document type, not FHIR of this release, nested deeper
    than ``DEEPEST``.
    """
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise TerminologyError(issues.not_utf_8(problem.start)) from None
    return _XmlReader(table_of(release.is_r4), release.name, content).read()


def _parser() -> expat.XMLParserType:
    """A parser that knows namespaces, but no document type."""
    parser = expat.ParserCreate("utf-8", " ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_document_type
    return parser


def _no_document_type(*_: Any) -> None:
    raise TerminologyError(issues.xml_with_document_type())


class _Frame:
    """An open element and its content so far.

    ``node`` is the object that it becomes (of a primitive, its companion); ``value`` is a primitive, a
    narrative, or the resource inside it.
    """

    __slots__ = ("element", "shape", "node", "value", "prefixes")

    def __init__(self, element: XmlElement, shape: XmlType | None, prefixes: int) -> None:
        self.element, self.shape, self.prefixes = element, shape, prefixes
        self.node: Document = {}
        self.value: Any = None

    @property
    def holds_resource(self) -> bool:
        return self.element.type == RESOURCE


_BODY = XmlElement("", RESOURCE)
_TAG_NAME = re.compile(rb"<[^\s/>]+")
_PREFIX = re.compile(rb"[^\s<>/=\"':]+(?=:)")
# The declarations of namespaces that narratives need may make a body twice as long, and a short one by this much.
_LEAST_ROOM = 10_000
_TAG = re.compile(rb"""<(?:[^>"']|"[^"]*"|'[^']*')*>""")


class _XmlReader:
    """Builds a document from a parser's events. ``_open`` holds the open elements, from the body inwards."""

    def __init__(self, table: XmlTypes, release: str, content: bytes) -> None:
        self._table, self._release, self._content = table, release, content
        self._open = [_Frame(_BODY, None, 0)]
        self._depth = 0
        self._prefixes: list[tuple[str | None, str]] = []
        self._namespaces: dict[str | None, list[str]] = {}  # those of each prefix, the innermost last
        self._room_for_declarations = len(content) + _LEAST_ROOM
        self._narrative: tuple[int, int] | None = None  # depth and place of the narrative that is being read
        self._parser = parser = _parser()
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._text
        parser.StartNamespaceDeclHandler, parser.EndNamespaceDeclHandler = self._declare, self._forget

    def read(self) -> Document:
        try:
            self._parser.Parse(self._content, True)
        except expat.ExpatError as problem:
            reason = expat.ErrorString(problem.code)
            issue = issues.not_xml(reason, problem.lineno, problem.offset + 1)
            raise TerminologyError(issue) from None
        finally:
            del self._parser  # the reader and its parser refer to each other
        document: Document = self._open[0].value
        return document

    # -- events

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise TerminologyError(issues.too_deep("XML", DEEPEST))
        if self._narrative is not None:
            return
        namespace, _, local = name.rpartition(" ")
        outer = self._open[-1]
        inner = self._resource if outer.holds_resource else self._child
        element, shape = inner(outer, namespace, local)
        self._open.append(_Frame(element, shape, len(self._prefixes)))
        if element.type == NARRATIVE:
            self._narrative = self._depth, self._parser.CurrentByteIndex
        else:
            self._take(self._open[-1], attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._narrative is not None:
            if self._depth + 1 > self._narrative[0]:
                return
            self._open[-1].value = self._division(self._narrative[1])
            self._narrative = None
        frame = self._open[-1]
        if frame.holds_resource and frame.value is None:
            raise self._refusal(issues.element_without_resource)
        del self._open[-1]
        self._put(self._open[-1], frame)

    def _text(self, text: str) -> None:
        if self._narrative is None and text.strip():
            raise self._refusal(issues.element_with_text, self._open[-1].element.name)

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        self._prefixes.append((prefix, uri or ""))
        self._namespaces.setdefault(prefix, []).append(uri or "")

    def _forget(self, prefix: str | None) -> None:
        self._prefixes.pop()
        self._namespaces[prefix].pop()

    # -- elements

    def _resource(self, outer: _Frame, namespace: str, name: str) -> tuple[XmlElement, XmlType]:
        if namespace != FHIR:
            raise self._refusal(issues.wrong_namespace, name, FHIR, namespace)
        if not self._table.is_resource(name):
            raise self._refusal(issues.not_a_resource_type, name, self._release)
        if outer.value is not None:
            raise self._refusal(issues.second_resource)
        return XmlElement(name, name), self._table.shape(name)

    def _child(self, outer: _Frame, namespace: str, name: str) -> tuple[XmlElement, XmlType | None]:
        element = outer.shape.elements.get(name) if outer.shape else None
        if element is None or namespace != (XHTML if element.type == NARRATIVE else FHIR):
            foreign = namespace if namespace != FHIR else None
            raise self._refusal(issues.unknown_element, name, foreign, self._release)
        if element.type in (NARRATIVE, RESOURCE):
            return element, None
        return element, self._table.shape(_COMPANION if element.is_primitive else element.type)

    def _take(self, frame: _Frame, attributes: Mapping[str, str]) -> None:
        known = frame.shape.attributes if frame.shape else ()
        for name, text in attributes.items():
            if name == "value" and frame.element.is_primitive:
                frame.value = self._primitive(frame.element.type, text)
            elif name in known:
                frame.node[name] = text
            elif not name.startswith(_XSI):
                raise self._refusal(issues.unknown_attribute, name)

    def _primitive(self, type_: str, text: str) -> Any:
        try:
            return PRIMITIVES[type_](text) if type_ in PRIMITIVES else text
        except ValueError:
            raise self._refusal(issues.wrong_xml_value, text, type_) from None

    # -- values

    def _put(self, outer: _Frame, frame: _Frame) -> None:
        if outer.holds_resource:
            outer.value = {"resourceType": frame.element.name, **frame.node}
            return
        element, companion = frame.element, None
        if element.is_primitive:
            value, companion = frame.value, frame.node or None
        else:
            value = frame.value if frame.holds_resource else frame.node
        if element.repeats:
            _append(outer.node, element.name, value, companion)
        elif element.name in outer.node or "_" + element.name in outer.node:
            raise self._refusal(issues.repeated_element, element.name)
        else:
            outer.node |= _present(element.name, value, companion)

    def _division(self, start: int) -> str:
        """The text of the narrative that ends here, with the namespaces it needs."""
        tag = _TAG.match(self._content, start)
        if tag is None or not tag[0].endswith(b"/>"):
            tag = _TAG.match(self._content, self._parser.CurrentByteIndex)
        assert tag  # the parser has found a tag there
        text = self._content[start : tag.end()]
        if not _is_division(text.decode()):
            own = dict(self._prefixes[self._open[-2].prefixes :])
            used = {None, *(prefix.decode() for prefix in _PREFIX.findall(text))}
            needed = {
                prefix: self._namespaces[prefix][-1]
                for prefix in sorted(used - own.keys(), key=str)
                if self._namespaces.get(prefix)
            }
            declared = _declared(needed)
            self._room_for_declarations -= len(declared)
            if self._room_for_declarations < 0:
                raise self._refusal(issues.too_many_namespaces)
            text = _TAG_NAME.sub(lambda tag: tag[0] + declared, text, count=1)
        return text.decode()

    # -- errors

    def _refusal(self, message: Callable[..., Issue], *arguments: str | None) -> TerminologyError:
        """The error of a message, which takes line, place and these arguments."""
        return TerminologyError(message(self._parser.CurrentLineNumber, self._where(), *arguments))

    def _where(self) -> str:
        """The FHIRPath of the innermost open element."""
        steps = [self._step(*pair) for pair in pairwise(self._open) if not pair[0].holds_resource]
        return ".".join([*(frame.element.name for frame in self._open[1:2]), *steps])

    def _step(self, outer: _Frame, frame: _Frame) -> str:
        name = frame.element.name
        return f"{name}[{_count(outer.node, name)}]" if frame.element.repeats else name


_XSI = "http://www.w3.org/2001/XMLSchema-instance "
_INTEGER = re.compile(r"[-+]?\d{1,18}", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d{1,9})?", re.ASCII)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _decimal(text: str) -> int | Decimal:
    """A number as in JSON: an int without a decimal point."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError(text)
    exact = Decimal(text)
    return int(text) if text.lstrip("+-").isdigit() and -(2**63) <= exact <= LARGEST else exact


# Types that are not strings in JSON. An integer64 is a string there.
PRIMITIVES: dict[str, Callable[[str], Any]] = {
    "boolean": _boolean,
    "integer": _integer,
    "positiveInt": _integer,
    "unsignedInt": _integer,
    "decimal": _decimal,
}


def _present(name: str, value: Any, companion: Any) -> Document:
    """The keys of an element; none for an empty one."""
    pair = {name: value, "_" + name: companion}
    return {key: each for key, each in pair.items() if each is not None}


def _append(node: Document, name: str, value: Any, companion: Any) -> None:
    """Add a value and its companion: two lists of the same length, unless one of them is empty."""
    if value is None and companion is None:
        return
    count = _count(node, name)
    for key, one in ((name, value), ("_" + name, companion)):
        if key in node:
            node[key].append(one)
        elif one is not None:
            node[key] = [None] * count + [one]


def _count(node: Document, name: str) -> int:
    return max(len(node.get(name, ())), len(node.get("_" + name, ())))


def _declared(prefixes: Mapping[str | None, str]) -> bytes:
    attributes = (
        f' xmlns{f":{prefix}" if prefix else ""}="{_escaped(uri)}"' for prefix, uri in prefixes.items()
    )
    return "".join(attributes).encode()
