"""Parameters in XML as clients usually write them, read without a parser.

The body is ASCII without references and comments, and each parameter has a name and one value: a primitive, or a Coding
of texts. ``wire.xml`` reads such a body to the same nodes, in ten times the time, and all others.
"""

from __future__ import annotations

import re
from typing import Any

from terminology.wire.xml import FHIR, PRIMITIVES

_BLANK = rb"[ \t\r\n]*"
_VALUE = rb' value="([^"&<\x00-\x1f\x7f-\xff]*)"' + _BLANK + rb"/>" + _BLANK
_BEGIN = re.compile(
    rb"(?:<\?xml version=\"1\.0\"(?: encoding=\"(?:UTF|utf)-8\")?\?>)?"
    + _BLANK
    + b'<Parameters xmlns="'
    + re.escape(FHIR.encode())
    + b'">'
    + _BLANK
)
_PARAMETER = re.compile(
    b"<parameter>%(b)s<name%(v)s<(value[A-Z][A-Za-z0-9]*)"
    b"(?:%(v)s|>%(b)s((?:<(?:system|version|code|display)%(v)s)+)</\\2>%(b)s)</parameter>%(b)s"
    % {b"b": _BLANK, b"v": _VALUE}
)
_PART = re.compile(rb"<(\w+)" + _VALUE)
_END = re.compile(b"</Parameters>" + _BLANK)


def parameters_of(content: bytes) -> list[dict[str, Any]] | None:
    """The nodes of ``Parameters.parameter``, as in JSON; None for any other body.

    >>> name, value = b'<name value="code"/>', b'<valueCode value="57520"/>'
    >>> whole = b'<Parameters xmlns="http://hl7.org/fhir"><parameter>%s%s</parameter></Parameters>'
    >>> parameters_of(whole % (name, value))
    [{'name': 'code', 'valueCode': '57520'}]
    >>> parameters_of(whole % (value, name))
    """
    begin = _BEGIN.match(content)
    if begin is None:
        return None
    nodes, at = [], begin.end()
    while (match := _PARAMETER.match(content, at)) is not None:
        name, key, text, parts = match.group(1, 2, 3, 4)
        value = _coding(parts) if text is None else _primitive(key.decode(), text.decode())
        if value is None:
            return None
        nodes.append({"name": name.decode(), key.decode(): value})
        at = match.end()
    return nodes if _END.fullmatch(content, at) else None


def _primitive(key: str, text: str) -> Any:
    read = PRIMITIVES.get(f"{key[5].lower()}{key[6:]}")
    if read is None:
        return text
    try:
        return read(text)
    except ValueError:
        return None


def _coding(parts: bytes) -> dict[str, str] | None:
    pairs = _PART.findall(parts)
    coding = {name.decode(): text.decode() for name, text in pairs}
    return coding if len(coding) == len(pairs) else None
