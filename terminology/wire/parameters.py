"""Parameters of operations: how they are declared, and how they are read from a URL or a Parameters resource.

Reading is liberal: any release's name for a parameter is understood, in upper or lower case, and a string may
stand for a code. An error names the place of the value. See docs/operations.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from terminology.core import issues
from terminology.core.cache import kept_results
from terminology.core.errors import TerminologyError
from terminology.core.languages import Languages
from terminology.core.model import Coding, Document, Typed, split_canonical
from terminology.operations.agreement import agreed
from terminology.operations.cost import check_codings
from terminology.operations.find_matches import SoughtProperty
from terminology.operations.limits import LONGEST_CODE, LONGEST_TEXT, MOST_REPEATED
from terminology.operations.translate.model import Dependency
from terminology.wire.json_types import require_value

_DATE_TIME = re.compile(r"^\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?$")
_INTEGER = re.compile(r"^[+-]?[0-9]+$")
# Of FHIR's type integer.
LARGEST = 2**31 - 1
_PRIMITIVE = (str, int, float)
_IDENTITY = ("id", "url", "version")
# The parts of a Coding, and their most characters.
_PARTS_OF_CODING = {
    "system": LONGEST_TEXT,
    "version": LONGEST_CODE,
    "code": LONGEST_CODE,
    "display": LONGEST_TEXT,
}
# The types of parameters that may be repeated at will.
_UNBOUNDED = frozenset({"Resource", "Coding"})
# Parameters that hold a resource of the type that they are called after, and the parameter for its canonical.
_NAMED_RESOURCES = {
    **{kind.casefold(): (kind, "url") for kind in ("CodeSystem", "ValueSet", "ConceptMap")},
    **{f"{side}valueset": ("ValueSet", f"{side}Url") for side in ("this", "other")},
}


@dataclass(slots=True, frozen=True)
class Argument:
    """A parameter of a request.

    ``value`` is a text from a URL, or a node of ``Parameters.parameter``; ``at`` is its place, as FHIRPath.
    """

    name: str
    value: str | Mapping[str, Any]
    at: str


@dataclass(slots=True, frozen=True, eq=False)
class Parameter:
    """A parameter that an operation takes.

    ``field`` is the field of the request that it fills, ``type`` its FHIR type, ``names`` are its names in all
    releases. ``instance`` is false if it is not needed when the resource is in the URL. ``varies`` is true if
    its values differ from request to request while the rest of the request stays the same: requests that
    differ in such values alone share a prepared request (``wire.shared_requests``). ``version`` is the field
    of the version that a canonical may have (``url|version``).
    """

    field: str
    type: str
    names: tuple[str, ...]
    many: bool = False
    instance: bool = True
    varies: bool = False
    version: str | None = None


def p(
    field: str,
    type: str,
    *names: str,
    many: bool = False,
    instance: bool = True,
    varies: bool = False,
    version: str | None = None,
) -> Parameter:
    """One row of the table of operations; ``names`` are its names, by default the name of the field."""
    return Parameter(field, type, names or (field,), many, instance, varies, version)


def from_query(pairs: Iterable[tuple[str, str]]) -> list[Argument]:
    return [Argument(name, value, name) for name, value in pairs]


def from_body(body: Document, operation: str) -> list[Argument]:
    """The parameters of a Parameters resource. Raises TerminologyError for any other resource."""
    if body.get("resourceType") != "Parameters":
        raise TerminologyError(issues.not_parameters(body, operation))
    return list(_nodes(body.get("parameter", []), "Parameters.parameter"))


def _nodes(nodes: Any, at: str) -> Iterator[Argument]:
    if not isinstance(nodes, list):
        raise TerminologyError(issues.not_a_list(at))
    for index, node in enumerate(nodes):
        where = f"{at}[{index}]"
        if not isinstance(node, dict) or not isinstance(node.get("name"), str):
            raise TerminologyError(issues.parameter_without_name(where))
        yield Argument(node["name"], node, where)


def read(parameters: Sequence[Parameter], arguments: Sequence[Argument]) -> dict[str, Any]:
    """The values of the fields of a request. Unknown names are ignored, as FHIR asks.

    Raises TerminologyError: a value of another type, or two different values where one is allowed.
    """
    by_name = named(tuple(parameters))
    fields: dict[str, Any] = {}
    canonicals: dict[str, Parameter] = {}
    for item in arguments:
        parameter = by_name.get(item.name) or by_name.get(item.name.casefold())
        if parameter is not None:
            _fill(fields, parameter, item)
            if parameter.version is not None:
                canonicals[item.name] = parameter
    for name, parameter in canonicals.items():
        _split(fields, parameter, name, parameters)
    return fields


def _split(fields: dict[str, Any], parameter: Parameter, name: str, parameters: Sequence[Parameter]) -> None:
    """Move the version of a canonical (``url|version``) to its field; the request may not contradict it."""
    value, field = fields.get(parameter.field), parameter.version
    if value is None or field is None:
        return
    fields[parameter.field], version = split_canonical(value)
    if version is not None:
        names = (other.names[0] for other in parameters if other.field == field)
        place = f"the canonical '{name}'"
        fields[field] = agreed(next(names, field), fields.get(field), version, place)


@kept_results(256)
def named(parameters: tuple[Parameter, ...]) -> Mapping[str, Parameter]:
    """The parameters by every name that they have, as it is written and without case."""
    exact = {name: parameter for parameter in parameters for name in parameter.names}
    return {name.casefold(): parameter for name, parameter in exact.items()} | exact


def unknown(parameters: Sequence[Parameter], arguments: Iterable[Argument]) -> list[Argument]:
    """The arguments that are none of these parameters."""
    known = named(tuple(parameters))
    return [item for item in arguments if item.name not in known and item.name.casefold() not in known]


def _fill(fields: dict[str, Any], parameter: Parameter, item: Argument) -> None:
    value = READERS[parameter.type](item)
    if value is None:
        return
    if parameter.many:
        values = fields.setdefault(parameter.field, [])
        values.append(value)
        if len(values) > MOST_REPEATED and parameter.type not in _UNBOUNDED:
            raise TerminologyError(issues.repeated_too_often(item.name, MOST_REPEATED))
    elif fields.setdefault(parameter.field, value) != value:
        raise TerminologyError(issues.conflicting_parameter(item.name, fields[parameter.field], value))


# -- one value -----------------------------------------------------------------------------------


def _typed(item: Argument) -> Typed | None:
    """The value of a parameter in a body. A client writes ``undefined`` for a type that it does not know."""
    assert not isinstance(item.value, str)
    value = Typed.of(item.value)
    if value is None and isinstance(item.value.get("undefined"), str):
        return Typed("string", item.value["undefined"])
    if value is not None and isinstance(value.value, dict):
        require_value(value.type, value.value, item.at)
    return value


def _wrong(item: Argument, expected: str) -> TerminologyError:
    """``expected`` is a noun phrase for the values that the parameter takes."""
    typed = Typed("string", item.value) if isinstance(item.value, str) else Typed.of(item.value)
    if typed is not None and isinstance(typed.value, (dict, list)):
        return TerminologyError(issues.wrong_type(item.name, expected, typed.key, typed.value, item.at))
    value = None if typed is None else typed.value
    return TerminologyError(issues.bad_value(item.name, value, expected, item.at))


def _text(item: Argument) -> str | None:
    """The text of any FHIR type that is a string in JSON; None if it is empty."""
    text = item.value
    if not isinstance(text, str):
        value = _typed(item)
        if value is None or not isinstance(value.value, str):
            raise _wrong(item, "a text, in valueCode, valueUri or valueString")
        text = value.value
    if len(text) > LONGEST_TEXT:
        _short(text.strip(), item, LONGEST_TEXT)
    return text.strip() or None


def _code(item: Argument) -> str | None:
    """The same for a code, or a version, of which none in use is as long as other texts may be."""
    text = _text(item)
    return text if text is None or len(text) <= LONGEST_CODE else _short(text, item, LONGEST_CODE)


def _short(text: str, item: Argument, longest: int, part: str = "") -> str:
    """The text. Raises TerminologyError for one that is too long."""
    if len(text) > longest:
        name = f"{item.name}.{part}" if part else item.name
        raise TerminologyError(issues.too_long(name, len(text), longest, item.at))
    return text


def _simple(item: Argument) -> str | None:
    """The text of any primitive: in a URL all of them are texts."""
    value = None if isinstance(item.value, str) else _typed(item)
    if value is None or not isinstance(value.value, (int, float)):
        return _text(item)
    return str(value.value).lower() if isinstance(value.value, bool) else str(value.value)


def _boolean(item: Argument) -> bool | None:
    text = _simple(item)
    if text not in (None, "true", "false"):
        raise _wrong(item, "true or false")
    return None if text is None else text == "true"


def _integer(item: Argument) -> int | None:
    text = _simple(item)
    if text is None:
        return None
    if not _INTEGER.match(text):
        raise _wrong(item, "a whole number")
    # Python refuses to read a number of thousands of digits.
    if len(text) > len(str(LARGEST)) + 1 or abs(int(text)) > LARGEST:
        raise _wrong(item, f"a whole number of at most {LARGEST}")
    return int(text)


def _date_time(item: Argument) -> str | None:
    text = _text(item)
    if text is not None and not _DATE_TIME.match(text):
        raise _wrong(item, "a date such as 2026-01-31, or a dateTime")
    return text


def _languages(item: Argument) -> Languages | None:
    text = _text(item)
    return None if text is None else Languages.parse(text)


def _coding(item: Argument) -> Coding:
    """A Coding; in a URL ``system|code``, which no release allows but clients send."""
    if isinstance(item.value, str):
        system, bar, code = _short(item.value, item, LONGEST_CODE).rpartition("|")
        if not bar:
            raise _wrong(item, "'system|code'")
        return Coding(system or None, code or None)
    value = _typed(item)
    nodes = value.value if value is not None else None
    if isinstance(nodes, list) and len(nodes) == 1:
        nodes = nodes[0]
    if value is None or value.type != "Coding" or not isinstance(nodes, dict):
        raise _wrong(item, "one Coding, in valueCoding")
    return _checked_coding(nodes, item)


def _checked_coding(node: Any, item: Argument) -> Coding:
    parts = ("system", "code", "version", "display")
    if not isinstance(node, dict) or any(not isinstance(node.get(name, ""), str) for name in parts):
        raise _wrong(item, "a Coding whose system, version, code and display are strings")
    for name, longest in _PARTS_OF_CODING.items():
        _short(node.get(name, ""), item, longest, name)
    return Coding.of(node)


def _concept(item: Argument) -> list[Coding]:
    if isinstance(item.value, str):
        raise TerminologyError(issues.not_in_query(item.name, "CodeableConcept"))
    value = _typed(item)
    if value is None or value.type != "CodeableConcept" or not isinstance(value.value, dict):
        raise _wrong(item, "one CodeableConcept, in valueCodeableConcept")
    codings = value.value.get("coding", [])
    if not isinstance(codings, list):
        raise _wrong(item, "a CodeableConcept whose coding is a list")
    check_codings(codings)
    return [_checked_coding(node, item) for node in codings]


def _whole_concept(item: Argument) -> Document:
    """The CodeableConcept unchanged: the answer repeats it."""
    _concept(item)
    assert not isinstance(item.value, str)
    return dict(item.value["valueCodeableConcept"])


def _resource(item: Argument) -> Document:
    kind, url = _NAMED_RESOURCES.get(item.name.casefold(), (None, None))
    if isinstance(item.value, str):
        raise TerminologyError(issues.not_in_query(item.name, "resource", url))
    resource = item.value.get("resource")
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise _wrong(item, f"a resource (to name one of this server, send '{url}')" if url else "a resource")
    if any(not isinstance(resource.get(name, ""), str) for name in _IDENTITY):
        wrong = next(name for name in _IDENTITY if not isinstance(resource.get(name, ""), str))
        expected = "a resource whose id, url and version are strings"
        raise TerminologyError(issues.wrong_type(item.name, expected, wrong, resource[wrong], item.at))
    if kind is not None and resource["resourceType"] != kind:
        raise TerminologyError(issues.bad_value(item.name, resource["resourceType"], f"a {kind}", item.at))
    return resource


def _dependency(item: Argument) -> Dependency:
    """R5 {attribute, value}, R4 {element, concept}."""
    if isinstance(item.value, str):
        raise TerminologyError(issues.not_in_query(item.name, "group of parts"))
    parts = {part.name: part for part in _nodes(item.value.get("part", []), f"{item.at}.part")}
    attribute = parts.get("attribute") or parts.get("element")
    value = parts.get("value") or parts.get("concept")
    if attribute is None or value is None:
        raise _wrong(item, "two parts, 'attribute' and 'value' (R4: 'element' and 'concept')")
    typed = _typed(value)
    if typed is None:
        raise _wrong(value, "a value")
    if typed.type == "CodeableConcept":
        values = [Typed("Coding", coding.as_json()) for coding in _concept(value)]
        return Dependency(_text(attribute) or "", values)
    return Dependency(_text(attribute) or "", [typed])


def _sought(item: Argument) -> SoughtProperty:
    """A property to search by: {code, value}."""
    if isinstance(item.value, str):
        raise TerminologyError(issues.not_in_query(item.name, "group of parts"))
    parts = {part.name: part for part in _nodes(item.value.get("part", []), f"{item.at}.part")}
    code = _text(parts["code"]) if "code" in parts else None
    if code is not None and "subproperty" in parts:
        raise TerminologyError(issues.subproperty_not_supported(code))
    value = _typed(parts["value"]) if "value" in parts else None
    if code is None or value is None or not isinstance(value.value, (*_PRIMITIVE, dict)):
        raise _wrong(item, "two parts, 'code' and 'value'")
    return SoughtProperty(code, value)


READERS: dict[str, Callable[[Argument], Any]] = {
    "code": _code,
    "string": _text,
    "uri": _text,
    "canonical": _text,
    "dateTime": _date_time,
    "boolean": _boolean,
    "integer": _integer,
    "languages": _languages,
    "Coding": _coding,
    "CodeableConcept": _concept,
    "whole CodeableConcept": _whole_concept,
    "Resource": _resource,
    "dependency": _dependency,
    "sought": _sought,
}
