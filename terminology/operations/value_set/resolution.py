"""Resolution of the value set that a request or an ``include.valueSet`` names.

$expand and ValueSet/$validate-code both ask ``requested_value_set``. At most one resource answers:

1. the instance of ``ValueSet/[id]/$expand``, or else the parameter ``valueSet``. ``url`` and
   ``valueSetVersion`` beside it may not contradict it; ``url`` may name a ValueSet that it contains
   (``#id``, ``url#id``). A ``valueSet`` beside an instance must be the same value set;
2. ``url``, in the version of ``url|version`` or ``valueSetVersion``;
3. ``context`` alone cannot be resolved here, and is refused. Beside any of the others it has nothing to
   decide, and is ignored.

"If the operation is not called at the instance level, one of the in parameters url, context or valueSet must
be provided": https://hl7.org/fhir/R5/valueset-operation-expand.html,
https://hl7.org/fhir/R5/valueset-operation-validate-code.html.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from terminology.catalogue.overlay import Overlay
from terminology.catalogue.protocol import Catalogue, Weighed
from terminology.core import budget, issues
from terminology.core.errors import TerminologyError, UnknownImportError
from terminology.core.model import EXPRESSION, Document, Issue, split_canonical
from terminology.core.versions import fits
from terminology.operations.agreement import INSTANCE, SENT, agreed
from terminology.operations.value_set.extensions import required_supplements
from terminology.operations.value_set.version_pins import NO_PINS, Pins, VersionParameters, pin_key
from terminology.systems.protocol import CodeSystem


@dataclass(slots=True, kw_only=True)
class ValueSetParameters(VersionParameters):
    """The parameters that say which value set an operation is about, and how its code systems are read.

    ``url`` is a canonical, ``value_set`` a ValueSet in the request, ``instance`` the resource at whose URL the
    operation is called, ``supplements`` are the canonicals of ``useSupplement``.
    """

    url: str | None = None
    value_set: Document | None = None
    value_set_version: str | None = None
    instance: Document | None = None
    context: str | None = None
    context_direction: str | None = None
    supplements: Sequence[str] = ()

    @property
    def has_resource(self) -> bool:
        """The value set is in the request or in its URL, so no canonical has to be resolved."""
        return self.instance is not None or self.value_set is not None


P = TypeVar("P", bound=Weighed)


def remembered(
    catalogue: Catalogue, parameters: ValueSetParameters, make: Callable[[], P], *key: Hashable
) -> P:
    """What ``make`` returns, made once for each catalogue unless the value set came with the request.

    ``key`` has the kind of result first, and then all that it depends on besides ``parameters``.
    """
    if parameters.has_resource or parameters.url is None:
        return make()
    name = (parameters.url, parameters.value_set_version, tuple(parameters.supplements))
    return cast("P", catalogue.cache.get((*key, name, pin_key(parameters)), make))


# -- the value set of a request ------------------------------------------------------------------


def requested_value_set(catalogue: Catalogue, parameters: ValueSetParameters, pins: Pins) -> Document:
    """The ValueSet that a request is about.

    Raises TerminologyError: no parameter names one, only a ``context`` does, parameters contradict each
    other, the value set is unknown, or a check forbids its version.
    """
    try:
        document = _resource(parameters)
        if document is not None:
            return document
        if parameters.url is not None:
            return find_value_set(catalogue, parameters.url, parameters.value_set_version, pins)
    except UnknownImportError as unknown:
        # Of a request, unlike an import, one that is not contained is an unknown value set like any other.
        raise TerminologyError(issues.unknown_contained_value_set(unknown.url)) from None
    if parameters.context is not None:
        raise TerminologyError(issues.context_not_supported("context", parameters.context))
    if parameters.context_direction is not None:
        raise TerminologyError(issues.context_not_supported("contextDirection", parameters.context_direction))
    raise TerminologyError(issues.missing_value_set())


def _resource(parameters: ValueSetParameters) -> Document | None:
    """The ValueSet of the URL or of the request, or the one contained in it that ``url`` names, or None."""
    instance, value_set = parameters.instance, parameters.value_set
    for document in (instance, value_set):
        if document is not None and document.get("resourceType") != "ValueSet":
            raise TerminologyError(issues.bad_value("valueSet", document.get("resourceType"), "a ValueSet"))
    if instance is not None and value_set is not None:
        agreed("valueSet", canonical(value_set), canonical(instance), INSTANCE)
    if instance is not None:
        return _named_in(instance, parameters, INSTANCE)
    return None if value_set is None else _named_in(value_set, parameters, SENT)


def _named_in(document: Document, parameters: ValueSetParameters, other: str) -> Document:
    """The document, or the ValueSet contained in it that ``url`` names; ``other`` names the document in messages."""
    url, url_version = split_canonical(parameters.url or "")
    base, _, id_ = ("", "", "") if url == document.get("url") else url.partition("#")
    agreed("url", base or None, document.get("url"), other)
    _check_version("url", url_version, document, other)
    _check_version("valueSetVersion", parameters.value_set_version, document, other)
    return contained(document, id_) if id_ else document


def _check_version(name: str, version: str | None, document: Document, other: str) -> None:
    """A version may be a wildcard; a ValueSet without a version fits any."""
    own = document.get("version")
    if version is not None and own is not None and not fits(own, version):
        raise TerminologyError(issues.contradicts(name, version, other, own))


# -- the value set of a canonical ----------------------------------------------------------------


def find_value_set(
    catalogue: Catalogue, reference: str, version: str | None = None, pins: Pins = NO_PINS
) -> Document:
    """The ValueSet of a canonical (``url|version``, or ``url#id`` for one contained in another).

    Raises TerminologyError when it is unknown, or when a check forbids its version; UnknownImportError when
    the other one does not contain it.
    """
    reference, canonical_version = split_canonical(reference)
    url, _, fragment = reference.partition("#")
    if fragment and (EXPRESSION in reference or catalogue.find("ValueSet", reference) is not None):
        url, fragment = reference, ""
    choice = pins.value_set(url, version or canonical_version)
    document = catalogue.value_set(url, choice.version, lambda system: pins.system(system).version)
    if not choice.allows(document.get("version")):
        issue = issues.value_set_version_check(url, document.get("version"), choice.required)
        raise TerminologyError(issue)
    return contained(document, fragment) if fragment else document


def find_import(catalogue: Catalogue, reference: str, pins: Pins, importing: Document) -> Document:
    """The ValueSet that an ``include.valueSet`` of the value set ``importing`` names.

    Raises UnknownImportError, and TerminologyError when a check forbids its version.
    """
    if reference.startswith("#"):
        return contained(importing, reference[1:])
    url, version = split_canonical(reference)
    try:
        return find_value_set(catalogue, reference, None, pins)
    except TerminologyError as error:
        if not any(_is_unknown(issue) for issue in error.issues):
            raise
    version = pins.value_set(url, version).version
    name = f"{url}|{version}" if version else url
    raise UnknownImportError(issues.unknown_value_set(name), url, version)


def _is_unknown(issue: Issue) -> bool:
    return issue.code == "not-found"


def contained(document: Document, id_: str) -> Document:
    """The ValueSet with an id that another resource contains, as ``url#id`` in the version of that resource.

    A url of its own does not name it: other resources may contain another one of that url. Raises
    UnknownImportError.
    """
    # The container itself, also where a ValueSet that it contains imports another one.
    container = str(document.get("url", "")).removesuffix(f"#{document.get('id')}")
    for inner in budget.counted(document.get("contained", ())):
        if inner.get("resourceType") == "ValueSet" and inner.get("id") == id_:
            # It may import ValueSets that are contained in the same resource.
            whole: Document = {"contained": document["contained"], **inner}
            whole["url"] = f"{container}#{id_}"
            whole.pop("version", None)
            return whole | ({"version": document["version"]} if "version" in document else {})
    raise UnknownImportError(issues.unknown_value_set(f"#{id_}"), f"#{id_}", None)


def canonical(document: Document) -> str:
    """``url|version`` of a resource; ``url`` if it has no version, "" if it has no url."""
    url, version = document.get("url", ""), document.get("version")
    return f"{url}|{version}" if url and version else str(url)


# -- the code systems of a value set -------------------------------------------------------------


def find_supplements(
    catalogue: Catalogue, value_set: Document, requested: Sequence[str] = ()
) -> list[Document]:
    """The CodeSystem documents of the supplements that a request names, and of those that a value set needs.

    Raises TerminologyError for an unknown one.
    """
    canonicals = dict.fromkeys([*requested, *required_supplements(value_set)])
    return [catalogue.supplement(url) for url in canonicals if url]


def with_contained_systems(catalogue: Catalogue, value_set: Document) -> Catalogue:
    """The catalogue with the CodeSystems that a value set brings along as contained resources."""
    systems = [
        resource
        for resource in value_set.get("contained", ())
        if resource.get("resourceType") == "CodeSystem" and resource.get("url")
    ]
    return Overlay.of(catalogue, systems) if systems else catalogue


def find_usable_system(
    catalogue: Catalogue, supplements: Sequence[Document], url: str, version: str | None
) -> CodeSystem | None:
    """A code system, seen through those of the supplements that are its own.

    None if it is unknown, or has example codes only (``CodeSystem.content``), which prove nothing.
    """
    system = catalogue.find_system(url, version)
    if system is None or system.about.is_example:
        return None
    return catalogue.supplemented(system, supplements)


def explain_unusable_system(catalogue: Catalogue, url: str, unknown: Issue) -> Issue:
    """The issue ``unknown``, or one that says that the code system is known, but without codes to rely on.

    Raises UnavailableError.
    """
    catalogue.require_store()
    if any(system.about.url == url for system in catalogue.builtin_systems()):
        return unknown  # its resource has no codes, but it is not known without them
    contents = (d.get("content") for d in catalogue.headers("CodeSystem", url))
    content = next((content for content in contents if content in ("not-present", "example")), None)
    return issues.without_codes(unknown, content) if content else unknown
