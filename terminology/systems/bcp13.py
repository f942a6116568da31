"""MIME types (``urn:ietf:bcp:13``, RFC 6838, RFC 2045).

The registry of subtypes grows by the week and FHIR uses types that are not in it (``text/cql``), so a type is
valid when its top-level type is registered, or private (``x-``), and the rest is well-formed.
"""

from __future__ import annotations

import re

from terminology.core.model import CodeSystemInfo, Concept
from terminology.systems.grammar import GrammarCodeSystem, Reading

URL = "urn:ietf:bcp:13"
_TOP_LEVEL = "application|audio|example|font|haptics|image|message|model|multipart|text|video"
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_VALUE = rf'(?:{_TOKEN}|"[^"\\\x00-\x1f]*")'
_MEDIA_TYPE = re.compile(
    rf"(?P<type>(?:{_TOP_LEVEL}|x-{_NAME})/{_NAME})(?P<parameters>(?:\s*;\s*{_TOKEN}={_VALUE})*)",
    re.IGNORECASE,
)


def _read(code: str) -> Reading | None:
    """Type and subtype do not depend on case; the values of parameters may."""
    match = _MEDIA_TYPE.fullmatch(code)
    if match is None:
        return None
    correct = match["type"].lower() + match["parameters"]
    return Reading(Concept(correct, correct))


def mime_types() -> GrammarCodeSystem:
    """The MIME types as a code system."""
    about = CodeSystemInfo(
        URL, name="MimeTypes", title="MIME types (BCP 13)", case_sensitive=False, language="en"
    )
    return GrammarCodeSystem(about, _read, value_sets=("http://hl7.org/fhir/ValueSet/mimetypes",))
