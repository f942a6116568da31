"""Declarations of the properties and attributes of an imported map that no publisher has defined."""

from __future__ import annotations

from collections.abc import Mapping

from terminology.content.canonical import published_names
from terminology.core.model import Document


def declarations(attributes: Mapping[str, tuple[str, ...]]) -> list[Document]:
    """``ConceptMap.property`` or ``additionalAttribute``, from code to type and description.

    A property of type code also has the code system (cmd-11).
    """
    names = published_names()
    return [
        {"code": code, "uri": names.property(code), "description": text, "type": type_}
        | ({"system": system[0]} if system else {})
        for code, (type_, text, *system) in attributes.items()
    ]
