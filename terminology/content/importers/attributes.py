"""Declarations of the properties and attributes of an imported map that no publisher has defined."""

from __future__ import annotations

from terminology.content.canonical import published_names
from terminology.core.model import Document


def declarations(attributes: dict[str, tuple[str, str]]) -> list[Document]:
    """``ConceptMap.property`` or ``additionalAttribute``, from code to type and description."""
    names = published_names()
    return [
        {"code": code, "uri": names.property(code), "description": text, "type": type_}
        for code, (type_, text) in attributes.items()
    ]
