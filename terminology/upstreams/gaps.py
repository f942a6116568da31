"""Which answers the content here does not decide, and by which resources.

The content here is asked first. Its answer is final where it has what the request names, whole: a code that is not in
a complete code system is not one. It is open where it is negative, or in doubt, and a code system, value set, map or
supplement of the request is not here, or the code system here in part only (``CodeSystem.content``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from terminology.catalogue.protocol import Catalogue
from terminology.core import budget
from terminology.core.errors import RefusedError, TerminologyError
from terminology.core.model import Coding, Document, split_canonical
from terminology.operations.find_matches import FindMatchesRequest, find_matches
from terminology.operations.lookup import LookupRequest, lookup
from terminology.operations.subsumes import SubsumesRequest, subsumes
from terminology.operations.translate.model import TranslateRequest, Translation
from terminology.operations.translate.query import maps_for, query_of
from terminology.operations.translate.translate import translate
from terminology.operations.validate.validate import validate_in_system, validate_in_value_set
from terminology.operations.validate.validate_request import ValidateRequest
from terminology.operations.validate.validation import Validation
from terminology.operations.value_set.expand import expand
from terminology.operations.value_set.expand_request import ExpandRequest
from terminology.operations.value_set.expansion import Expansion
from terminology.operations.value_set.related import RelatedRequest, ValueSetRelation, related
from terminology.operations.value_set.relation import RelationCode
from terminology.operations.value_set.resolution import requested_value_set
from terminology.operations.value_set.version_pins import Pins

# Errors with other codes are about the request, wherever it is answered.
_ABOUT_CONTENT = frozenset({"business-rule", "code-invalid", "exception", "not-found", "not-supported"})
# The steps to look at one part of a value set.
_STEPS = 5


class Canonical(NamedTuple):
    """A resource that is not here, or here in part only; ``version`` is the one that the request names."""

    url: str
    version: str | None = None
    kind: str = "CodeSystem"

    def __str__(self) -> str:
        return f"{self.url}|{self.version}" if self.version else self.url


@dataclass(slots=True)
class Gap:
    """The reason why an answer is open.

    An upstream that answers needs ``all_of`` these resources, or ``any_of`` those. ``value_set`` is here, and its
    codes are not: it goes along with the question, and so do the value sets that it ``imports``.

    Where it ``is_mixed``, with codes from here as well, or no upstream has all, its parts are asked for one by one
    (``mixing``): ``blocks`` are its includes and excludes of code systems that are missing, and ``value_sets`` what it
    imports and is missing; both also of what it imports. A translation is mixed where a map that is here leads on to
    ``other_maps``; one that ``composes`` may be a chain of two maps, of which one is elsewhere.
    """

    all_of: list[Canonical] = field(default_factory=list)
    any_of: list[Canonical] = field(default_factory=list)
    value_set: Document | None = None
    imports: list[Document] = field(default_factory=list)
    is_mixed: bool = False
    blocks: list[tuple[Canonical, Document]] = field(default_factory=list)
    value_sets: list[Canonical] = field(default_factory=list)
    other_maps: list[Canonical] = field(default_factory=list)
    composes: bool = False

    @property
    def names(self) -> list[str]:
        return [str(canonical) for canonical in (*self.all_of, *self.any_of)]


# The answer of the content here, or why it has none.
Local = Any


def gap_in(run: Callable[..., Any], catalogue: Catalogue, request: Any, local: Local) -> Gap | None:
    """The gap that leaves the answer of an operation open; None if the answer is final.

    ``run`` is the function that answers the operation.
    """
    if isinstance(local, RefusedError):
        return None
    if isinstance(local, TerminologyError) and local.issues[0].code not in _ABOUT_CONTENT:
        return None
    gap = GAPS[run](catalogue, request, local)
    return gap if gap is not None and gap.names else None


# -- operations on code systems ------------------------------------------------------------------


def _of_lookup(catalogue: Catalogue, request: LookupRequest, local: Local) -> Gap | None:
    if not isinstance(local, TerminologyError):
        return None
    coding = request.coding or Coding()
    version = coding.version or request.version
    named = coding.system or request.system
    return _of_system(catalogue, _url(named, request.instance), version, request.supplements)


def _of_subsumption(catalogue: Catalogue, request: SubsumesRequest, local: Local) -> Gap | None:
    if not isinstance(local, TerminologyError):
        return None
    codings = [coding for coding in (request.coding_a, request.coding_b) if coding is not None]
    version = next((coding.version for coding in codings if coding.version), request.version)
    system = next((coding.system for coding in codings if coding.system), request.system)
    return _of_system(catalogue, _url(system, request.instance), version)


def _of_matches(catalogue: Catalogue, request: FindMatchesRequest, local: Local) -> Gap | None:
    return _of_system(catalogue, _url(request.system, request.instance), request.version)


def _of_validation(catalogue: Catalogue, request: ValidateRequest, local: Local) -> Gap | None:
    if request.code_system is not None or _is_right(local):
        return None
    codings = list(codings_of(request))
    version = next((coding.version for coding in codings if coding.version), request.version)
    named = request.url or next((coding.system for coding in codings if coding.system), None)
    return _of_system(catalogue, _url(named, request.instance), version, request.supplements)


def _url(named: str | None, instance: Document | None) -> str | None:
    """The code system of a request: the instance of its URL, or the one that it names."""
    return named if instance is None else instance.get("url")


def _of_system(
    catalogue: Catalogue, url: str | None, version: str | None, supplements: Sequence[str] = ()
) -> Gap:
    lacking = list(_lacking_supplements(catalogue, supplements))
    if url and (lacking or lacks(catalogue, url, version)):
        lacking.insert(0, Canonical(catalogue.preferred(url), version))
    return Gap(lacking)


def lacks(catalogue: Catalogue, url: str, version: str | None) -> bool:
    """Whether a code system is not here, or here in part only."""
    system = catalogue.find_system(url, version)
    return system is None or system.about.content != "complete"


def _lacking_supplements(catalogue: Catalogue, supplements: Iterable[str]) -> Iterator[Canonical]:
    for supplement in supplements:
        url, version = split_canonical(supplement)
        if catalogue.find("CodeSystem", url, version) is None:
            yield Canonical(url, version)


def _is_right(local: Local) -> bool:
    """Whether a validation is positive without a doubt: a part of a code system may say "perhaps"."""
    return (
        isinstance(local, Validation)
        and local.result
        and not any(issue.severity == "warning" for issue in local.issues)
    )


def codings_of(request: ValidateRequest) -> Iterator[Coding]:
    """The codings that are to be validated."""
    if request.concept is not None:
        yield from map(Coding.of, request.concept.get("coding", ()))
    elif request.coding is not None:
        yield request.coding
    else:
        yield Coding(request.system, request.code, request.version)


# -- operations on value sets --------------------------------------------------------------------


def _of_validation_in_value_set(catalogue: Catalogue, request: ValidateRequest, local: Local) -> Gap | None:
    if _is_right(local):
        return None
    codings = list(codings_of(request))
    if any(coding.system is None for coding in codings):
        return _of_value_set(catalogue, request, None)
    versions = {catalogue.preferred(coding.system or ""): coding.version for coding in codings}
    return _of_value_set(catalogue, request, versions)


def _of_expansion(catalogue: Catalogue, request: ExpandRequest, local: Local) -> Gap | None:
    if isinstance(local, Expansion) and not local.unclosed and not local.has_unknown_systems:
        return None
    return _of_value_set(catalogue, request, None)


# The versions of codings by their code systems, which alone matter then.
Versions = Mapping[str, str | None]


def _of_value_set(
    catalogue: Catalogue, request: ValidateRequest | ExpandRequest, versions: Versions | None
) -> Gap | None:
    """The gap of a value set: the value set itself, or what its definition names.

    Only the code systems of ``versions`` matter, unless that is None.
    """
    pins = Pins.of(request)
    try:
        document = requested_value_set(catalogue, request, pins)
    except TerminologyError as error:
        if request.has_resource or request.url is None or error.issues[0].code != "not-found":
            return None
        url, version = split_canonical(request.url)
        version = request.value_set_version or version
        return Gap([Canonical(catalogue.url_of_value_set(url), version, "ValueSet")])
    gap = Gap(value_set=document)
    lacking = dict.fromkeys(_lacking_supplements(catalogue, request.supplements))
    for definition in _with_imports(catalogue, document, gap):
        for canonical, node in _blocks(catalogue, definition, pins):
            if not lacks(catalogue, canonical.url, canonical.version):
                gap.is_mixed = True
                continue
            gap.blocks.append((canonical, node))
            if versions is None or canonical.url in versions:
                lacking[_of_coding(canonical, versions)] = None
    gap.all_of += [*lacking, *gap.value_sets]
    return gap


def _of_coding(canonical: Canonical, versions: Versions | None) -> Canonical:
    """A code system in the version of the codings, where the value set names none."""
    return Canonical(canonical.url, canonical.version or (versions or {}).get(canonical.url))


def _parts(document: Document) -> Iterator[Document]:
    compose = document.get("compose", {})
    yield from budget.counted([*compose.get("include", ()), *compose.get("exclude", ())], _STEPS)


def _with_imports(catalogue: Catalogue, document: Document, gap: Gap) -> Iterator[Document]:
    """A definition, those that it contains, and those that it imports, which the gap notes."""
    waiting, visited = [document], set[str]()
    while waiting:
        importing = waiting.pop()
        yield importing
        contained = importing.get("contained", ())
        yield from (inner for inner in contained if inner.get("resourceType") == "ValueSet")
        for reference in (reference for part in _parts(importing) for reference in part.get("valueSet", ())):
            if reference in visited or reference.startswith("#"):
                continue
            visited.add(reference)
            url, version = split_canonical(reference)
            try:
                imported = catalogue.value_set(url, version)
            except TerminologyError:
                gap.value_sets.append(Canonical(url, version, "ValueSet"))
                continue
            waiting.append(imported)
            gap.imports.append(imported)


def _blocks(catalogue: Catalogue, document: Document, pins: Pins) -> Iterator[tuple[Canonical, Document]]:
    """The includes and excludes of code systems, with the version that is to be used."""
    for part in _parts(document):
        url, version = split_canonical(part.get("system") or "")
        if url:
            choice = pins.system(url, part.get("version") or version)
            yield Canonical(catalogue.preferred(url), choice.version), part


def _of_relation(catalogue: Catalogue, request: RelatedRequest, local: Local) -> Gap | None:
    """Only value sets that are both elsewhere are compared elsewhere."""
    if isinstance(local, ValueSetRelation) and local.result != RelationCode.INDETERMINATE:
        return None
    if request.this_value_set or request.other_value_set:
        return None
    gap = Gap()
    for canonical in (request.this_url, request.other_url):
        if canonical is None:
            return None
        url, version = split_canonical(canonical)
        try:
            catalogue.value_set(url, version or request.value_set_version)
        except TerminologyError:
            gap.all_of.append(Canonical(url, version or request.value_set_version, "ValueSet"))
    return gap if len(gap.all_of) == 2 else None


# -- maps ----------------------------------------------------------------------------------------


def _of_translation(catalogue: Catalogue, request: TranslateRequest, local: Local) -> Gap | None:
    """The map that the request names; or else, if no map here leads from one system to the other, both systems.

    Also the maps that a map here leads on to, for codes that it does not have.
    """
    if isinstance(local, Translation):
        others = [] if local.result else list(dict.fromkeys(_other_maps(catalogue, request)))
        return Gap(others, is_mixed=True, other_maps=others)
    if not isinstance(local, TerminologyError) or local.issues[0].code != "not-found":
        return None
    if request.instance is not None or request.concept_map is not None:
        return None
    if request.url is not None:
        url, version = split_canonical(request.url)
        version = request.map_version or version
        is_here = catalogue.find("ConceptMap", url, version) is not None
        return None if is_here else Gap([Canonical(url, version, "ConceptMap")])
    codings = [Coding(request.system, version=request.version)]
    codings.append(Coding(request.target_system, version=request.target_version))
    codings += [coding for coding in (request.coding, request.target_coding) if coding is not None]
    codings += [*(request.concept or ()), *(request.target_concept or ())]
    systems = (Canonical(catalogue.preferred(c.system), c.version) for c in codings if c.system)
    return Gap(any_of=list(dict.fromkeys(systems)), composes=request.composes)


def _other_maps(catalogue: Catalogue, request: TranslateRequest) -> Iterator[Canonical]:
    """The maps that are not here, and that those of a request lead on to."""
    query = query_of(catalogue, request)
    if query.reverse:
        return
    systems = {subject.system for subject in query.subjects}
    for map_ in maps_for(catalogue, request, query):
        for group in map_.groups:
            reference = group.unmapped.other_map if group.unmapped is not None else None
            if reference is None or group.source.system not in systems:
                continue
            url, version = split_canonical(reference)
            if catalogue.find("ConceptMap", url, version) is None:
                yield Canonical(url, version, "ConceptMap")


# The functions above, by the function that answers the operation.
GAPS: dict[Callable[..., Any], Callable[[Catalogue, Any, Local], Gap | None]] = {
    expand: _of_expansion,
    find_matches: _of_matches,
    lookup: _of_lookup,
    related: _of_relation,
    subsumes: _of_subsumption,
    translate: _of_translation,
    validate_in_system: _of_validation,
    validate_in_value_set: _of_validation_in_value_set,
}
