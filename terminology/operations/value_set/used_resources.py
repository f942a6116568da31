"""The resources that an expansion was made from, as its parameters (``used-codesystem``, ...).

See tx-ecosystem, "expansion parameters": https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from terminology.core import issues
from terminology.core.model import EXPRESSION, Document, Typed, split_canonical
from terminology.operations.value_set.compose import Block, Definition
from terminology.operations.value_set.expansion import UNKNOWN_SYSTEM
from terminology.operations.value_set.extensions import publication_warning
from terminology.operations.value_set.open_blocks import open_blocks
from terminology.operations.value_set.resolution import canonical
from terminology.operations.value_set.version_pins import SYSTEM_PARAMETER, VALUE_SET_PARAMETER, Pins


@dataclass(slots=True)
class UsedResources:
    """The code systems, value sets and supplements of a definition.

    ``parameters`` are names and values, each once. ``unclosed`` has the reasons why there may be more codes
    than are listed, "" for no particular one; ``unclosed_concepts`` those that stand where expressions are left out.
    ``versions`` has the versions of each code system by
    url, ``stated_versions`` those that the
    definition itself states, which a parameter may have replaced; ``version_needed`` has the urls of those whose
    codes mean nothing without a version (``CodeSystem.versionNeeded``).
    """

    parameters: list[tuple[str, Typed]] = field(default_factory=list)
    unclosed: list[str] = field(default_factory=list)
    unclosed_concepts: list[str] = field(default_factory=list)
    versions: dict[str, set[str | None]] = field(default_factory=dict)
    stated_versions: dict[str, set[str]] = field(default_factory=dict)
    version_needed: set[str] = field(default_factory=set)

    @staticmethod
    def of(definition: Definition, pins: Pins) -> UsedResources:
        used = UsedResources()
        value_set = definition.document
        used._add_warning(value_set, value_set)
        contained = frozenset(_contained(definition))
        for block in open_blocks(definition, _lists_some):
            # A list lacks no more than expressions where there may be some.
            lacks_concepts = block.system is not None and not block.system.about.has_expressions
            used._add_unclosed(str(block.selection.unclosed), lacks_concepts)
        for part in (definition, *definition.all_imports()):
            if part is not definition:
                if part.canonical not in contained:
                    used._add("used-valueset", part.canonical)
                used._add_warning(part.document, value_set)
            for reason in part.unclosed:
                used._add_unclosed(reason)
            for block in part.blocks():
                used._add_block(block, value_set)
                used._add_pins(block, pins)
        return used

    @property
    def shown_with_version(self) -> frozenset[str]:
        """The code systems whose entries say their version: one version among several, or needed."""
        counts = [(url, len(versions)) for url, versions in self.versions.items()]
        counts += [(url, len(versions)) for url, versions in self.stated_versions.items()]
        several = (url for url, count in counts if count > 1)
        return frozenset((*several, *self.version_needed))

    def _add_block(self, block: Block, value_set: Document) -> None:
        if block.system is None or block.url is None:
            return
        about = block.system.about
        self.versions.setdefault(about.url, set()).add(about.version)
        if block.declared_version is not None:
            self.stated_versions.setdefault(about.url, set()).add(block.declared_version)
        if (about.document or {}).get("versionNeeded") is True:
            self.version_needed.add(about.url)
        self._add(UNKNOWN_SYSTEM if about.is_absent else "used-codesystem", about.canonical)
        if about.is_fragment:
            self._add("used-fragment", about.canonical)
            self._add_unclosed(issues.fragment_is_unclosed(about))
        if block.choice.reason in SYSTEM_PARAMETER:
            self._add(SYSTEM_PARAMETER[block.choice.reason], f"{block.url}|{block.choice.version}")
        for supplement in block.system.supplements:
            self._add("used-supplement", supplement)
        self._add_warning(about.document or {}, value_set)

    def _add_pins(self, block: Block, pins: Pins) -> None:
        """The parameters that decided the versions of the block's imports."""
        for reference in block.node.get("valueSet", ()):
            url, version = split_canonical(reference)
            choice = pins.value_set(url, version)
            if choice.reason in VALUE_SET_PARAMETER:
                self._add(VALUE_SET_PARAMETER[choice.reason], f"{url}|{choice.version}")

    def _add(self, name: str, uri: str) -> None:
        parameter = (name, Typed("uri", uri))
        if parameter not in self.parameters:
            self.parameters.append(parameter)

    def _add_unclosed(self, reason: str, lacks_concepts: bool = True) -> None:
        for reasons in (self.unclosed, self.unclosed_concepts) if lacks_concepts else (self.unclosed,):
            if reason not in reasons:
                reasons.append(reason)

    def _add_warning(self, document: Document, value_set: Document) -> None:
        warning = publication_warning(document, value_set)
        if warning:
            self._add(f"warning-{warning}", canonical(document))


def _lists_some(block: Block) -> bool:
    """Whether an include lists only some of the codes of its code system."""
    return block.selection.unclosed is not None


def _contained(definition: Definition) -> Iterator[str]:
    """The value sets that are contained in another: nobody can resolve them by a canonical."""
    for part in (definition, *definition.all_imports()):
        for block in part.blocks():
            for reference, other in zip(block.node.get("valueSet", ()), block.imports, strict=True):
                if "#" in reference and EXPRESSION not in reference:
                    yield other.canonical
