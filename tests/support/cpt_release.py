"""A copy of CPT with made-up words."""

from __future__ import annotations

from typing import Any

from terminology.core.model import Document
from terminology.systems import cpt
from tests.support.builders import code_system

_CPT_MODIFIERS = {
    "51": ("general", "cat-1"),
    "25": ("cat-1",),
    "59": ("cat-1",),
    "92": ("cat-1",),
    "95": ("cat-1",),
    "LT": ("hcpcs",),
    "P1": ("physical-status",),
    "1P": ("cat-2",),
}
_CPT_CODES = ("00100", "57461", "57520", "99001", "0001F", "0001T")


def cpt_release(**elements: Any) -> Document:
    """A complete CPT as the importer stores it, with more elements."""
    bases = [
        {
            "code": code,
            "display": f"Made-up words for {code}",
            "property": [
                *_flags(False),
                {"code": "kind", "valueCode": "cat-2" if code[-1] == "F" else "code"},
            ],
        }
        for code in _CPT_CODES
    ]
    modifiers = [
        {
            "code": code,
            "display": f"Made-up words for {code}",
            "property": [*_flags(True), *({"code": "kind", "valueCode": kind} for kind in kinds)],
        }
        for code, kinds in _CPT_MODIFIERS.items()
    ]
    declared = [{"code": rule.code, "type": rule.type} for rule in cpt.DESCRIPTION.properties[:3]]
    return code_system(
        cpt.URL, *bases, *modifiers, property=declared, version="2031", caseSensitive=True, **elements
    )


def _flags(is_modifier: bool) -> list[Document]:
    return [{"code": "modifier", "valueBoolean": is_modifier}, {"code": "modified", "valueBoolean": False}]
