"""The definition of a value set, seen through supplements: of the request, of the value set and of its imports.

Which supplements the imports require is known when they are compiled; the value set is then compiled again.
"""

from __future__ import annotations

from collections.abc import Sequence

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Document, split_canonical
from terminology.operations.value_set.compose import Definition, definition_of
from terminology.operations.value_set.extensions import required_supplements
from terminology.operations.value_set.resolution import find_supplements
from terminology.operations.value_set.version_pins import Pins
from terminology.systems.supplement import applies_to


def definition_with_supplements(
    catalogue: Catalogue, value_set: Document, pins: Pins, requested: Sequence[str]
) -> tuple[Definition, list[Document]]:
    """The compiled ValueSet, and the supplements of the request, of the value set and of its imports.

    Raises what ``definition_of`` raises, and TerminologyError for a supplement that is unknown, or that is
    requested and adds to no code system of the value set.
    """
    definition, supplements = seen_through_supplements(catalogue, value_set, pins, requested)
    require_use(catalogue, requested, [definition])
    return definition, supplements


def seen_through_supplements(
    catalogue: Catalogue, value_set: Document, pins: Pins, requested: Sequence[str]
) -> tuple[Definition, list[Document]]:
    """The same, whether the requested supplements are of use or not."""
    supplements = find_supplements(catalogue, value_set, requested)
    definition = definition_of(catalogue, value_set, pins, supplements)
    needed = [url for part in definition.all_imports() for url in required_supplements(part.document)]
    if needed:
        supplements = find_supplements(catalogue, value_set, [*requested, *needed])
        definition = definition_of(catalogue, value_set, pins, supplements)
    return definition, supplements


def require_use(catalogue: Catalogue, requested: Sequence[str], definitions: Sequence[Definition]) -> None:
    """Raises TerminologyError for a requested supplement that adds to no code system of the value sets."""
    for canonical_ in filter(None, requested):
        supplement = catalogue.supplement(canonical_)
        if not any(_is_of_use(supplement, definition) for definition in definitions):
            canonicals = "' and '".join(definition.canonical for definition in definitions)
            raise TerminologyError(issues.unused_supplement(canonical_, supplement, canonicals))


def _is_of_use(supplement: Document, definition: Definition) -> bool:
    """Whether a supplement adds to a code system of the value set, or may add to an unknown one."""
    url, _ = split_canonical(supplement.get("supplements", ""))
    blocks = (block for part in (definition, *definition.all_imports()) for block in part.blocks())
    return any(
        block.url == url
        and (block.system is None or block.is_absent or applies_to(supplement, block.system.about))
        for block in blocks
    )
