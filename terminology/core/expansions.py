"""Stored expansions: the codes of a ValueSet that has no definition (``compose``).

Such a value set has only an expansion that somebody else made (VSAC, a quality measure, a form). It is read as a
definition that lists these codes. https://hl7.org/fhir/R5/valueset-definitions.html#ValueSet.expansion
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from terminology.core import issues
from terminology.core.model import Document

UNCLOSED = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed"
UNCLOSED_REASON = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed-reason"
# The elements that an entry has in common with an ``include.concept``; and ``abstract`` and ``inactive``, which
# count if the server does not have the code system.
OF_EXPANSION_ENTRY = ("code", "display", "designation", "abstract", "inactive")


def compose_of_expansion(value_set: Document) -> Document:
    """A ``compose`` that lists the codes of the expansion of a ValueSet, in the order of their code systems."""
    expansion = value_set.get("expansion", {})
    by_system: dict[tuple[str, str | None], list[Document]] = {}
    for node in _nested(expansion):
        if "system" in node and "code" in node:
            concept = {name: node[name] for name in OF_EXPANSION_ENTRY if name in node}
            by_system.setdefault((node["system"], node.get("version")), []).append(concept)
    includes = [
        {"system": system, "concept": concepts} | ({"version": version} if version else {})
        for (system, version), concepts in by_system.items()
    ]
    return compose_of(expansion, includes, sum(map(len, by_system.values())))


def _nested(node: Document) -> Iterator[Document]:
    """The ``contains`` of an expansion at every depth."""
    for inner in node.get("contains", ()):
        yield inner
        yield from _nested(inner)


def compose_of(expansion: Document, includes: Sequence[Document], listed: int) -> Document:
    """A ``compose`` that lists the codes of an expansion; extensions say why these are not all, if they are not.

    ``listed`` is the number of codes in ``includes``.
    """
    reasons = _reasons(expansion, listed)
    extension = [{"url": UNCLOSED_REASON, "valueString": reason} for reason in reasons]
    return {"include": list(includes)} | ({"extension": extension} if extension else {})


def unclosed_reasons(compose: Document) -> list[str]:
    """Why the codes that a ``compose_of`` lists are not all."""
    return _own_reasons(compose) if "extension" in compose else []


def _reasons(expansion: Document, listed: int) -> list[str]:
    total, offset = expansion.get("total"), expansion.get("offset")
    is_open = any(e.get("url") == UNCLOSED and e.get("valueBoolean") for e in _extensions(expansion))
    is_page = (isinstance(total, int) and total > listed) or bool(offset)
    reasons = _own_reasons(expansion)
    if is_page or (is_open and not reasons):
        reasons.append(issues.expansion_is_partial(listed, total if isinstance(total, int) else None))
    return reasons


def _own_reasons(node: Document) -> list[str]:
    return [
        e["valueString"] for e in _extensions(node) if e.get("url") == UNCLOSED_REASON and "valueString" in e
    ]


def _extensions(node: Document) -> Sequence[Document]:
    extensions: Sequence[Document] = node.get("extension", ())
    return extensions
