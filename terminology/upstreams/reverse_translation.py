"""Translations in reverse, from the target of a map to its sources, in the two ways that releases of FHIR have.

R4 sends ``reverse`` with the code; a match has the source as ``concept``, and its word says what that is to the code.
R5 sends the code as a target; a match has the target as ``concept`` and the source as ``source`` (HL7's servers do so),
with the relationship that the map states. Here either way is understood at every root; an upstream gets the one of its
release.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from terminology.catalogue.concept_map import FLIPPED, FLIPPED_WORD, KEPT_WORD
from terminology.catalogue.protocol import Catalogue
from terminology.core.model import Coding, Document, split_canonical
from terminology.operations.translate.model import TranslateRequest
from terminology.operations.translate.translate import RANK, RANK_OF_UNKNOWN_RELATIONSHIP, with_display
from terminology.wire.crossversion import inside
from terminology.wire.fhir_versions import FhirVersion

# The fields of a request that ``nodes_for`` writes.
FIELDS = frozenset(
    "code system version coding concept target_code target_coding target_concept source_scope target_scope "
    "target_system target_version reverse".split()
)

Node = dict[str, Any]


# R4's words that are others from the other end of a map.
_TURNED = {"wider": "narrower", "narrower": "wider", "subsumes": "specializes", "specializes": "subsumes"}


def is_other_way(release: FhirVersion, request: TranslateRequest) -> bool:
    """Whether a request is in reverse, and is not so in the way of a release.

    >>> from terminology.wire.fhir_versions import RELEASES
    >>> is_other_way(RELEASES["r4"], TranslateRequest(target_code="oak"))
    True
    >>> is_other_way(RELEASES["r4"], TranslateRequest(code="oak", reverse=True))
    False
    """
    return request.finds_sources if release.is_r4 else request.reverse and not request.finds_sources


def nodes_for(release: FhirVersion, request: TranslateRequest) -> Iterator[Node]:
    """The parameters for the ``FIELDS`` of a request in reverse, in the way of a release."""
    prefix, near, far = (
        ("", "source", "target") if release.is_r4 else ("target", "targetScope", "sourceScope")
    )
    near_scope, far_scope = request.source_scope, request.target_scope
    system, version = request.target_system, request.target_version
    if request.finds_sources:
        near_scope, far_scope = far_scope, near_scope
        system, version = request.system, request.version
    yield _subject_node(prefix, request)
    if near_scope:
        yield {"name": near, "valueUri": near_scope}
    if far_scope:
        yield {"name": far, "valueUri": far_scope}
    if release.is_r4:
        # R4 has no parameter for the version of the target system.
        if system:
            yield {"name": "targetsystem", "valueUri": f"{system}|{version}" if version else system}
        yield {"name": "reverse", "valueBoolean": True}
        return
    if system:
        yield {"name": "system", "valueUri": system}
    if version:
        yield {"name": "version", "valueString": version}


def _subject_node(prefix: str, request: TranslateRequest) -> Node:
    """The code to translate. With its code system it is a Coding, which has a place for the version in all releases."""

    def named(name: str) -> str:
        return prefix + name[0].upper() + name[1:] if prefix else name

    subjects = subjects_of(request)
    if request.concept is not None or request.target_concept is not None:
        codings = [subject.as_json() for subject in subjects]
        return {"name": named("codeableConcept"), "valueCodeableConcept": {"coding": codings}}
    (subject,) = subjects
    if subject.system is None:
        return {"name": named("code"), "valueCode": subject.code}
    return {"name": named("coding"), "valueCoding": subject.as_json()}


def subjects_of(request: TranslateRequest) -> Sequence[Coding]:
    """The codings to translate, each with its code system if the request has it."""
    code, coding, concept = request.code, request.coding, request.concept
    system, version = request.system, request.version
    if request.finds_sources:
        code, coding, concept = request.target_code, request.target_coding, request.target_concept
        system, version = request.target_system, request.target_version
    if concept is not None:
        return [replace(each, system=each.system or system) for each in concept if each.code]
    coding = coding or Coding(code=code)
    return [replace(coding, system=coding.system or system, version=coding.version or version)]


def answer_as_asked(catalogue: Catalogue, request: TranslateRequest, document: Document) -> Document:
    """The answer to what ``nodes_for`` has written, in the shape of R5, as the request asks for it.

    The display of a target is the one that is known here: R4's answers do not have it.
    """
    subjects = subjects_of(request)

    def with_source(parts: Sequence[Node]) -> Iterator[Node]:
        named = [Coding.of(part["valueCoding"]) for part in parts if part["name"] == "sourceConcept"]
        subject = next(iter(named or (subjects if len(subjects) == 1 else ())), None)
        target = None if subject is None else _as_target(catalogue, request, subject)
        for part in parts:
            if part["name"] != "concept":
                yield part
                continue
            if target is not None:
                yield {"name": "concept", "valueCoding": target}
            yield {**part, "name": "source"}

    def without_target(parts: Sequence[Node]) -> Iterator[Node]:
        names_source = any(part["name"] == "source" for part in parts)
        for part in parts:
            if part["name"] == "source":
                yield {**part, "name": "concept"}
            elif part["name"] != "concept" or not names_source:
                yield part

    edit = with_source if request.finds_sources else without_target
    others, matches = list[Node](), list[Node]()
    for node in document["parameter"]:
        if node["name"] != "match":
            others.append(node)
            continue
        parts = [_flipped(part) if part["name"] == "relationship" else part for part in node["part"]]
        matches.append({**node, "part": list(edit(parts))})
    return {**document, "parameter": [*others, *sorted(matches, key=_rank)]}


def _rank(match: Node) -> int:
    """Its place among the matches: seen from the other end, another one may be the closest."""
    codes = (part.get("valueCode") for part in match["part"] if part["name"] == "relationship")
    return RANK.get(str(next(codes, None)), RANK_OF_UNKNOWN_RELATIONSHIP)


def _as_target(catalogue: Catalogue, request: TranslateRequest, subject: Coding) -> Node:
    system = subject.system and catalogue.preferred(subject.system)
    known = with_display(catalogue, request, Coding(system, subject.code, subject.version))
    return Coding(system, subject.code, display=known.display if known else None).as_json()


# -- whose end R4's word is said from ------------------------------------------------------------
#
# FHIR R4 does not say whether the word of a match is turned round in reverse. Servers of this software do so, HAPI's
# does not. A translation forward shows it.


def forward_question(request: TranslateRequest, document: Document) -> Document | None:
    """The Parameters of R4 that translate forward what a match in reverse has found.

    Of the first match whose word would be another one if it were turned; None if there is no such match.
    """
    for parts in _matches(document):
        if parts.get("equivalence") not in _TURNED or "concept" not in parts:
            continue
        concept = parts["concept"]
        url, version = split_canonical(str(parts.get("source") or request.url or ""))
        nodes: list[Node] = [
            {"name": "coding", "valueCoding": {key: concept[key] for key in ("system", "code")}}
        ]
        nodes += [{"name": "url", "valueUri": url}] if url else []
        nodes += [{"name": "conceptMapVersion", "valueString": version}] if version else []
        systems = {subject.system for subject in subjects_of(request)} - {None}
        nodes += [{"name": "targetsystem", "valueUri": system} for system in systems if len(systems) == 1]
        return {"resourceType": "Parameters", "parameter": nodes}
    return None


def is_turned_in(request: TranslateRequest, document: Document, forward: Document) -> bool | None:
    """Whether a server turns words in reverse, by its answer in reverse and that to ``forward_question``.

    None if these do not tell.
    """
    word = next(p["equivalence"] for p in _matches(document) if p.get("equivalence") in _TURNED)
    codes = {subject.code for subject in subjects_of(request)}
    words = {p.get("equivalence") for p in _matches(forward) if p.get("concept", {}).get("code") in codes}
    if words == {word}:
        return False
    return True if words == {_TURNED[word]} else None


def with_words_turned(document: Document, is_known: bool) -> Document:
    """An answer of R4 in reverse with the words turned round, or without them, if nobody knows what they mean."""

    def in_part(part: Node) -> Iterator[Node]:
        word = part.get("valueCode")
        if part.get("name") != "equivalence" or word not in _TURNED:
            yield part
        elif is_known:
            yield {**part, "valueCode": _TURNED[word]}

    def in_match(node: Node) -> Node:
        if node.get("name") != "match":
            return node
        return {**node, "part": [new for part in node["part"] for new in in_part(part)]}

    return inside(document, "parameter", in_match)


def _matches(document: Document) -> Iterator[dict[str, Any]]:
    """The values of the matches by the names of their parts."""
    for node in document["parameter"]:
        if node["name"] == "match":
            yield {
                part["name"]: next((v for k, v in part.items() if k.startswith("value")), None)
                for part in node["part"]
            }


def _flipped(part: Node) -> Node:
    """A relationship seen from the other end of the map, with the word of R4 that goes along."""
    code = part.get("valueCode")

    def in_extension(extension: Node) -> Node:
        if extension.get("url") != KEPT_WORD:
            return extension
        word = str(extension.get("valueCode"))
        return {**extension, "valueCode": FLIPPED_WORD.get(word, word)}

    part = inside(part, "extension", in_extension)
    return part if code is None else {**part, "valueCode": FLIPPED.get(code, code)}
