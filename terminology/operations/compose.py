"""What does a ValueSet's definition mean: is this coding in it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from terminology import issues
from terminology.catalogue import Catalogue
from terminology.model import Coding, Document, Filter, TerminologyError

Node = dict[str, Any]


def contains(catalogue: Catalogue, value_set: Document, coding: Coding, path: Sequence[str] = ()) -> bool:
    """Is the coding in the value set (https://hl7.org/fhir/R5/valueset.html#compositions)?

    A code system that is not here is taken at its word: the coding is in "all of it" if it says so, and in
    none of its filters. Raises TerminologyError for unknown imports and filters, and for value sets that
    include themselves.
    """
    url = value_set.get("url", "")
    if url in path:
        raise TerminologyError(issues.value_set_circle([*path, url]))
    compose = value_set.get("compose", {})
    path = [*path, url]
    return any(_in_block(catalogue, block, coding, path) for block in compose.get("include", ())) and not any(
        _in_block(catalogue, block, coding, path) for block in compose.get("exclude", ())
    )


def _in_block(catalogue: Catalogue, block: Node, coding: Coding, path: Sequence[str]) -> bool:
    """All the parts of an include must hold."""
    if "system" in block and not _in_system(catalogue, block, coding):
        return False
    return all(
        contains(catalogue, catalogue.value_set(url), coding, path) for url in block.get("valueSet", ())
    )


def _in_system(catalogue: Catalogue, block: Node, coding: Coding) -> bool:
    if catalogue.preferred(block["system"]) != catalogue.preferred(coding.system or ""):
        return False
    if "concept" in block:
        return any(concept.get("code") == coding.code for concept in block["concept"])
    system = catalogue.find_system(block["system"], block.get("version"))
    filters = [
        Filter(f.get("property", ""), f.get("op", ""), f.get("value", "")) for f in block.get("filter", ())
    ]
    if system is None:
        return not filters
    return coding.code in system.select(filters)
