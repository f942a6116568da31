"""Errors of value sets whose codes cannot be listed: nothing defines them, or something that they use is unknown."""

from __future__ import annotations

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError, UnknownImportError
from terminology.operations.value_set.compose import Block, Definition
from terminology.operations.value_set.resolution import explain_unusable_system


def unknown_import(catalogue: Catalogue, error: UnknownImportError) -> TerminologyError:
    """The error of a value set that imports an unknown one, which may be a code system by mistake."""
    is_system = catalogue.find_system(error.url) is not None
    return TerminologyError(issues.unknown_import(error.url, error.version, is_system))


def require_defined(definition: Definition) -> None:
    """Raises TerminologyError for a ValueSet with neither ``compose`` nor ``expansion``."""
    if not definition.is_defined:
        raise TerminologyError(issues.undefined_value_set(definition.canonical))


def require_usable(catalogue: Catalogue, block: Block) -> None:
    """Raises TerminologyError unless the code system is known, in a version that is allowed, and has the filters.

    A filter that cannot be used is refused also where no code would ever be asked of it: an exclude of a value set
    that includes nothing.
    """
    if block.url is None:
        return
    if block.system is None:
        latest = catalogue.find_system(block.url)
        is_usable = latest is not None and not latest.about.is_example
        versions = catalogue.known_versions("CodeSystem", block.url) if is_usable else []
        unknown = issues.unknown_system_to_expand(block.url, block.choice.version, versions)
        raise TerminologyError(explain_unusable_system(catalogue, block.url, unknown))
    if not block.is_allowed:
        version, required = block.version or "", block.choice.required or ""
        raise TerminologyError(issues.version_not_allowed(block.url, version, required))
    if block.filters:
        _ = block.selection
