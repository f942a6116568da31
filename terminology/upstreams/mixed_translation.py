"""Translations with one hop here and one at an upstream.

A chain of two maps may have the first or the second one elsewhere, and a map that is here may lead on to one that is
elsewhere (``unmapped.otherMap``). The upstream is asked to translate the codes of its hop; its matches become a map of
a catalogue for this one request, and the translation is made here as ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from terminology.catalogue.overlay import Overlay
from terminology.catalogue.protocol import Catalogue
from terminology.core.errors import TerminologyError, UpstreamError
from terminology.core.model import Coding, Document, split_canonical
from terminology.operations.translate.model import TranslateRequest
from terminology.operations.translate.query import query_of
from terminology.operations.translate.translate import translate
from terminology.upstreams.gaps import Canonical, Gap
from terminology.upstreams.mixing import Ask, Node, limited
from terminology.wire.elsewhere import ForeignQuestion

# The url of a map that an upstream has used without saying which.
_NAMELESS = "urn:terminology:map-of-an-upstream"


def with_maps(question: ForeignQuestion, gap: Gap, ask: Ask) -> Catalogue:
    """The catalogue of a question with the hops that are elsewhere. Raises UpstreamError."""
    catalogue, request = question.catalogue, question.request
    hops = _Hops(catalogue, request, limited(ask))
    maps = hops.onward(gap.other_maps) if gap.other_maps else hops.of_chains()
    documents = list(maps)
    return Overlay.of(catalogue, _joined(documents)) if documents else catalogue


class _Hops:
    """The hops of a translation that are elsewhere. Those in reverse are not asked for."""

    def __init__(self, catalogue: Catalogue, request: TranslateRequest, ask: Ask) -> None:
        self._catalogue, self._request, self._ask = catalogue, request, ask
        self._query = query_of(catalogue, request)

    def onward(self, maps: Sequence[Canonical]) -> Iterator[Document]:
        """The maps that a map here leads on to. One that the upstream has, and that has no match, is a map, too."""
        for canonical in maps:
            for subject in self._query.subjects:
                named = {"name": "url", "valueUri": str(canonical)}
                matches = self._matches(Gap([canonical]), subject, named)
                if matches is not None:
                    yield _map(str(canonical), subject, matches)

    def of_chains(self) -> Iterator[Document]:
        """The maps that make chains of two with the maps here."""
        if self._query.reverse:
            return
        for subject, system in self._pairs():
            ends = [Canonical(subject.system or "", subject.version), Canonical(system)]
            named = {"name": "targetSystem", "valueUri": system}
            for match in self._matches(Gap(any_of=ends), subject, named) or ():
                yield _map(match.get("originMap", _NAMELESS), subject, [match])

    def _pairs(self) -> Iterator[tuple[Coding, str]]:
        """What to ask: a coding, and the code system that it is to be translated to."""
        subjects, far = self._query.subjects, self._query.far_systems(self._catalogue)
        near = {subject.system for subject in subjects}
        ends = [(g.source.system, g.target.system) for m in self._catalogue.concept_maps() for g in m.groups]
        second_here = sorted({s for s, t in ends if t in far and s is not None and s not in near})
        yield from ((subject, system) for subject in subjects for system in second_here)
        for middle in sorted({t for s, t in ends if s in near and t is not None and t not in far}):
            for between in self._translated_here(middle):
                yield from ((between, system) for system in sorted(far))

    def _translated_here(self, system: str) -> Iterator[Coding]:
        own = replace(
            self._request, target_system=system, target_version=None, target_scope=None, composes=False
        )
        try:
            answer = translate(self._catalogue, own)
        except TerminologyError:
            return
        concepts = (match.concept for match in answer.matches if match.is_positive)
        yield from dict.fromkeys(replace(c, display=None) for c in concepts if c is not None)

    def _matches(self, gap: Gap, subject: Coding, named: Node) -> list[dict[str, Any]] | None:
        """The unconditional matches as their parts by name; None where no upstream has a map."""
        if subject.system is None:
            return None
        node = {"system": subject.system, "code": subject.code}
        parameters = [{"name": "sourceCoding", "valueCoding": node}, named]
        try:
            answer = self._ask(gap, "ConceptMap/$translate", parameters, "Parameters")
        except UpstreamError:
            raise
        except TerminologyError:
            return None
        nodes = (node["part"] for node in answer["parameter"] if node["name"] == "match")
        matches = ({part["name"]: _value(part) for part in parts} for parts in nodes)
        return [match for match in matches if "concept" in match and "dependsOn" not in match]


def _map(canonical: str, subject: Coding, matches: Sequence[dict[str, Any]]) -> Document:
    """A map of the matches of a coding; of no match, one that has not got the code."""
    url, version = split_canonical(canonical)
    groups: dict[str | None, list[Node]] = {} if matches else {None: []}
    for match in matches:
        concept = match["concept"]
        target = {name: concept[name] for name in ("code", "display") if name in concept}
        target |= {"comment": match["targetComment"]} if "targetComment" in match else {}
        groups.setdefault(concept.get("system"), []).append(
            {**target, "relationship": match.get("relationship", "related-to")}
        )
    return {
        "resourceType": "ConceptMap",
        "url": url,
        **({"version": version} if version else {}),
        "status": "active",
        "group": [
            {
                "source": subject.system,
                **({"target": system} if system else {}),
                "element": [{"code": subject.code, "target": targets}] if targets else [],
            }
            for system, targets in groups.items()
        ],
    }


def _joined(maps: Sequence[Document]) -> list[Document]:
    """One map for each url and version."""
    joined: dict[tuple[str, str | None], Document] = {}
    for document in maps:
        key = document["url"], document.get("version")
        if key in joined:
            joined[key]["group"] += document["group"]
        else:
            joined[key] = document
    return list(joined.values())


def _value(node: Node) -> Any:
    return next((value for name, value in node.items() if name.startswith("value")), None)
