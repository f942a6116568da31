"""The JSON types of all elements of a resource that comes from outside, checked once, before anything reads it.

The types are those of FHIR's definitions, R4 and R5 (``wire/xml_elements``). An element of the other release, which
some clients send, must have the type that it has there; where the two differ, either will do. Elements that FHIR
does not have are left alone: nothing reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from terminology.core import issues
from terminology.core.cache import kept_results
from terminology.core.errors import TerminologyError
from terminology.core.model import Document, value_key
from terminology.wire import r4
from terminology.wire.xml_elements import RESOURCE, XmlElement, table_of

_NUMBERS = ("decimal", "integer", "positiveInt", "unsignedInt")
_ANY_RESOURCE = "DomainResource"
_TYPES = 4_000  # more than both releases have
_COMPANION = "Element"  # the type of the id and extensions of a primitive
_TEXT, _TRUTH, _NUMBER, _OBJECT = "a string", "true or false", "a number", "an object"
_LIST, _TEXT_OR_NUMBER = "a list", "a string or a number"
_PYTHON: dict[str, tuple[type, ...]] = {
    _TEXT: (str,),
    _TRUTH: (bool,),
    _NUMBER: (int, float, Decimal),
    _TEXT_OR_NUMBER: (str, int, float, Decimal),
    _OBJECT: (dict,),
}


class _Element(NamedTuple):
    """``kind``: what a value must be; ``repeats``: None for one that may be a list or not."""

    kind: str
    type: str
    repeats: bool | None
    is_primitive: bool


class _WrongTypeError(Exception):
    """``expected`` is the type; ``steps`` lead to the element, the last one first."""

    def __init__(self, expected: str, *steps: str) -> None:
        self.expected = expected
        self.steps = list(steps)


def in_r5(document: Document, is_r4: bool) -> Document:
    """A resource that comes from outside, in the shape of R5; ``is_r4`` is whether it came in R4's.

    Raises TerminologyError for an element whose JSON type is not the one that FHIR gives it.
    """
    require_types(document, is_r4)
    return r4.upgrade(document) if is_r4 else r4.in_r5(document)


def require_types(document: Document, is_r4: bool) -> None:
    """Raises TerminologyError as ``in_r5`` does."""
    try:
        _check_resource(document, is_r4)
    except _WrongTypeError as wrong:
        kind = document.get("resourceType")
        at = "".join([kind if isinstance(kind, str) else "resource", *reversed(wrong.steps)])
        raise TerminologyError(issues.wrong_json_type(at, wrong.expected)) from None


def require_value(type_: str, value: Any, at: str) -> None:
    """The same for the value of a parameter, if its type is a complex one."""
    key = value_key(type_)
    require_part(key.removeprefix("value"), value, f"{at}.{key}")


def require_part(type_: str, node: Any, at: str) -> None:
    """The same for an object of a complex type, or a part of a resource such as ``CodeSystem.concept``."""
    try:
        _check_one(node, _Element(_OBJECT, type_, False, False), False)
    except _WrongTypeError as wrong:
        raise TerminologyError(
            issues.wrong_json_type("".join([at, *reversed(wrong.steps)]), wrong.expected)
        ) from None


def _check_resource(document: Document, is_r4: bool) -> None:
    kind = document.get("resourceType")
    if not isinstance(kind, str):
        raise _WrongTypeError(_TEXT, ".resourceType")
    known = table_of(is_r4).is_resource(kind) or table_of(not is_r4).is_resource(kind)
    _check(document, _elements(kind if known else _ANY_RESOURCE, is_r4), is_r4)


def _check(node: Document, elements: Mapping[str, _Element], is_r4: bool) -> None:
    for name, value in node.items():
        element = elements.get(name)
        if element is None:
            continue
        try:
            if isinstance(value, list):
                if element.repeats is False:
                    raise _WrongTypeError(element.kind)
                # A primitive may have nothing but extensions, and a companion nothing where there are none.
                has_gaps = name[0] == "_" or isinstance(node.get("_" + name), list)
                _check_each(value, element, is_r4, has_gaps)
            elif element.repeats:
                raise _WrongTypeError(_LIST)
            else:
                _check_one(value, element, is_r4)
        except _WrongTypeError as wrong:
            wrong.steps.append(f".{name}")
            raise


def _check_each(values: list[Any], element: _Element, is_r4: bool, has_gaps: bool) -> None:
    for index, value in enumerate(values):
        if value is None and has_gaps and element.is_primitive:
            continue
        try:
            _check_one(value, element, is_r4)
        except _WrongTypeError as wrong:
            wrong.steps.append(f"[{index}]")
            raise


def _check_one(value: Any, element: _Element, is_r4: bool) -> None:
    kind = element.kind
    # To Python, True is a whole number.
    if not isinstance(value, _PYTHON[kind]) or (isinstance(value, bool) and kind is not _TRUTH):
        raise _WrongTypeError(kind)
    if isinstance(value, dict):
        if element.type == RESOURCE:
            _check_resource(value, is_r4)
        else:
            _check(value, _elements(element.type, is_r4), is_r4)


# -- the elements of a type ----------------------------------------------------------------------


@kept_results(_TYPES)
def _elements(type_: str, is_r4: bool) -> Mapping[str, _Element]:
    """The elements of a type in both releases, and the companions of those that are primitive."""
    own, other = _of_release(type_, is_r4), _of_release(type_, not is_r4)
    merged = {name: _merged(own.get(name), other.get(name)) for name in {**other, **own}}
    companions = {
        "_" + name: _Element(_OBJECT, _COMPANION, element.repeats, True)
        for name, element in merged.items()
        if element.is_primitive
    }
    return merged | companions


def _of_release(type_: str, is_r4: bool) -> dict[str, _Element]:
    table = table_of(is_r4)
    if not table.has(type_):
        return {}
    shape = table.shape(type_)
    attributes = {name: _Element(_TEXT, "string", False, True) for name in shape.attributes}
    return attributes | {element.name: _element(element) for element in shape.elements.values()}


def _element(element: XmlElement) -> _Element:
    kind = _OBJECT
    if element.is_primitive:
        kind = _TRUTH if element.type == "boolean" else _NUMBER if element.type in _NUMBERS else _TEXT
    return _Element(kind, element.type, element.repeats, element.is_primitive)


def _merged(own: _Element | None, other: _Element | None) -> _Element:
    first = own or other
    assert first is not None
    if own is None or other is None:
        return first
    are_primitive = own.is_primitive and other.is_primitive
    return _Element(
        _TEXT_OR_NUMBER if are_primitive and own.kind != other.kind else own.kind,
        own.type,
        own.repeats if own.repeats == other.repeats else None,
        own.is_primitive,
    )
