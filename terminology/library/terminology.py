"""Terminology in this process: the answers of the service in Python, without HTTP.

Every request takes the road of HTTP, ``wire.rest.answered``: caches, resources that travel along, and errors are
the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from terminology.catalogue.protocol import KINDS, Catalogue
from terminology.content.packages import read_resources, resources_of
from terminology.core import issues
from terminology.core.documents import LazyDocument
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding, Document, split_canonical
from terminology.library.results import (
    HOME,
    ClosureResult,
    ExpandResult,
    FindMatchesResult,
    LookupResult,
    Resource,
    Result,
    SearchResult,
    SubsumesResult,
    TranslateResult,
    ValidateResult,
)
from terminology.library.values import FhirModel, Node, ResourceLike, as_document, body_of, listed
from terminology.opening import (
    ServedContent,
    broken_file_policy,
    catalogue_of,
    configured_content,
    open_state,
)
from terminology.settings import Settings
from terminology.wire import json, r4
from terminology.wire.cache_control import RESOURCES
from terminology.wire.fhir_versions import RELEASES, FhirVersion
from terminology.wire.messages import Context, Request
from terminology.wire.operation import BASE
from terminology.wire.operations import operations_of
from terminology.wire.parameters import Parameter
from terminology.wire.rest import answered
from terminology.wire.sessions import Sessions

_R = TypeVar("_R", bound=Result)

_ID = re.compile(r"[A-Za-z0-9.-]+")


class Terminology:
    """Terminology in this process.

    >>> terminology = Terminology()
    >>> terminology.lookup("http://www.ama-assn.org/go/cpt", "57520").display
    'Cervical conization (cone biopsy) by cold knife or laser'

    It is the same everywhere: neither environment variables nor the user's folders are read, and its state is in
    memory. ``Terminology.from_environment()`` answers as ``terminology serve`` does.

    Use it as a context manager, or ``close()`` it. Several threads may use it at once.
    """

    def __init__(
        self,
        content: Iterable[ResourceLike] = (),
        *,
        store: str | Path | None = None,
        bundled: bool | None = None,
        settings: Settings | None = None,
        catalogue: Catalogue | Callable[[], Catalogue] | None = None,
    ) -> None:
        """Read the content.

        ``content`` are resources as dictionaries or ``fhir.resources`` models (also Bundles), and paths of
        files, folders and packages. ``store`` is where imported releases are, ``bundled`` whether the content of
        this package is served; both default to the values of ``settings``. ``catalogue`` is for those who have
        built one, and takes the place of all content.

        Raises SettingError, UnreadableFileError for a file, and TerminologyError for a resource that cannot be
        read.
        """
        self.settings = (settings or Settings()).updated(store=store, bundled=bundled)
        self._content: ServedContent | None = None
        if catalogue is None:
            documents = chain(configured_content(self.settings), _documents(content, self.settings))
            named = catalogue_of(documents, self.settings.bundled)
            self._content = ServedContent(self.settings, named)
            catalogue = self._content.catalogue
        self._catalogue = catalogue
        self._state = open_state(self.settings)
        self._sessions = Sessions(self._state)

    @classmethod
    def from_environment(cls, config: Path | None = None, **settings: Any) -> Terminology:
        """The content and state of ``terminology serve``.

        That is the content that the ``TERMINOLOGY_…`` variables, a TOML file and these settings name, and the
        content that ``terminology load`` keeps for this user. Raises SettingError, UnreadableFileError.
        """
        return cls(settings=Settings.from_environment(config, **settings))

    @property
    def catalogue(self) -> Catalogue:
        """The content of this moment. Raises UnavailableError while the database of the store is away."""
        return self._catalogue() if callable(self._catalogue) else self._catalogue

    def close(self) -> None:
        """Let go of the store and the state."""
        if self._content is not None:
            self._content.close()
        self._state.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- typed requests ----------------------------------------------------------------------------

    def lookup(
        self,
        system: str | None = None,
        code: str | None = None,
        *,
        version: str | None = None,
        display_language: str | None = None,
        property: str | Sequence[str] = (),
        use_supplement: str | Sequence[str] = (),
        **parameters: Any,
    ) -> LookupResult:
        """The names, properties and system of a code: ``CodeSystem/$lookup``.

        ``parameters`` are further ones by FHIR's names, as in ``ask``: ``coding`` in place of system and code,
        ``tx_resource``, ``cache_id``. Raises TerminologyError, UnavailableError.
        """
        parameters |= {
            "system": system,
            "code": code,
            "version": version,
            "displayLanguage": display_language,
            "property": property,
            "useSupplement": use_supplement,
        }
        return self._typed(LookupResult, "CodeSystem/$lookup", parameters)

    def translate(
        self,
        system: str | None = None,
        code: str | None = None,
        *,
        target_system: str | None = None,
        url: str | None = None,
        version: str | None = None,
        source_scope: str | None = None,
        target_scope: str | None = None,
        dependency: Mapping[str, Any] | Sequence[Mapping[str, Any]] = (),
        **parameters: Any,
    ) -> TranslateResult:
        """The translations of a code: ``ConceptMap/$translate``.

        ``url`` is the canonical of the map to use, ``dependency`` a condition that is known to hold:
        ``{"attribute": ..., "value": ...}``. ``parameters`` are further ones by FHIR's names, as in ``ask``:
        ``sourceCoding``, ``sourceCodeableConcept``, ``targetCode``, ``conceptMap``. Raises TerminologyError,
        UnavailableError.
        """
        parameters |= {
            "system": system,
            "sourceCode": code,
            "version": version,
            "targetSystem": target_system,
            "url": url,
            "sourceScope": source_scope,
            "targetScope": target_scope,
            "dependency": [dependency] if isinstance(dependency, Mapping) else dependency,
        }
        return self._typed(TranslateResult, "ConceptMap/$translate", parameters)

    def validate_code(
        self,
        system: str | None = None,
        code: str | None = None,
        *,
        value_set: str | ResourceLike | None = None,
        version: str | None = None,
        display: str | None = None,
        display_language: str | None = None,
        **parameters: Any,
    ) -> ValidateResult:
        """Whether a code is valid in its code system, or in a value set if one is given: ``$validate-code``.

        ``value_set`` is a canonical or a ValueSet resource; ``version`` that of the code system. ``parameters``
        are further ones by FHIR's names, as in ``ask``: ``coding``, ``codeableConcept``, ``activeOnly``. Raises
        TerminologyError, UnavailableError.
        """
        parameters |= {"code": code, "display": display, "displayLanguage": display_language}
        if value_set is None and "url" not in parameters:
            parameters |= {"url": system, "version": version}
            return self._typed(ValidateResult, "CodeSystem/$validate-code", parameters)
        parameters |= {"system": system, "systemVersion": version, **_value_set(value_set)}
        return self._typed(ValidateResult, "ValueSet/$validate-code", parameters)

    def expand(
        self,
        value_set: str | ResourceLike | None = None,
        *,
        filter: str | None = None,
        offset: int | None = None,
        count: int | None = None,
        display_language: str | None = None,
        include_designations: bool | None = None,
        active_only: bool | None = None,
        property: str | Sequence[str] = (),
        **parameters: Any,
    ) -> ExpandResult:
        """The codes of a value set: ``ValueSet/$expand``.

        ``value_set`` is a canonical or a ValueSet resource. ``parameters`` are further ones by FHIR's names, as
        in ``ask``: ``excludeNested``, ``useSupplement``. Raises TerminologyError, UnavailableError.
        """
        parameters |= {
            "filter": filter,
            "offset": offset,
            "count": count,
            "displayLanguage": display_language,
            "includeDesignations": include_designations,
            "activeOnly": active_only,
            "property": property,
            **_value_set(value_set),
        }
        return self._typed(ExpandResult, "ValueSet/$expand", parameters)

    def subsumes(
        self,
        system: str | None = None,
        code_a: str | None = None,
        code_b: str | None = None,
        *,
        version: str | None = None,
        **parameters: Any,
    ) -> SubsumesResult:
        """How two codes of a code system are related: ``CodeSystem/$subsumes``.

        Raises TerminologyError, UnavailableError.
        """
        parameters |= {"system": system, "codeA": code_a, "codeB": code_b, "version": version}
        return self._typed(SubsumesResult, "CodeSystem/$subsumes", parameters)

    def find_matches(
        self,
        system: str,
        properties: Mapping[str, Any],
        *,
        version: str | None = None,
        exact: bool | None = None,
        **parameters: Any,
    ) -> FindMatchesResult:
        """The concepts with these properties: ``CodeSystem/$find-matches``.

        ``properties`` are values by code; a list has several values of one property. Raises TerminologyError,
        UnavailableError.
        """
        pairs = [
            {"code": code, "value": value} for code, values in properties.items() for value in listed(values)
        ]
        parameters |= {"system": system, "version": version, "exact": exact, "property": pairs}
        return self._typed(FindMatchesResult, "CodeSystem/$find-matches", parameters)

    def closure(
        self,
        name: str,
        concepts: Iterable[Coding | Mapping[str, Any]] = (),
        *,
        version: str | None = None,
        **parameters: Any,
    ) -> ClosureResult:
        """Add concepts to a closure table: ``$closure``.

        Without concepts and version the table is started; with a version the answer has the entries that are
        newer. Raises TerminologyError, UnavailableError.
        """
        codings = [each.as_json() if isinstance(each, Coding) else dict(each) for each in concepts]
        parameters |= {"name": name, "concept": codings, "version": version}
        document = self.ask("$closure", **parameters)

        def in_release(release: str) -> Document:
            # A second request would answer the entries since this answer: none.
            return r4.downgrade_closure(document) if _release(release).is_r4 else document

        return ClosureResult(document, in_release)

    def read(self, kind: str, id: str, version: str | None = None) -> Resource:
        """A resource by its id; ``version`` is the version id of its ``meta``, not its business version.

        Raises TerminologyError if there is none, UnavailableError.
        """
        for part in (id, *([version] if version is not None else [])):
            if not _ID.fullmatch(part):
                raise TerminologyError(issues.unknown_resource(kind, part))
        path = f"{kind}/{id}" + (f"/_history/{version}" if version is not None else "")
        return Resource(self._get(path, HOME), lambda release: self._get(path, release))

    def search(self, kind: str, **parameters: Any) -> SearchResult:
        """The resources of a kind that match search parameters, those of docs/operations.md.

        An underscore inside a name stands for a hyphen. A list repeats a parameter; modifiers need the form
        ``search("ValueSet", **{"name:contains": "cone"})``. Raises TerminologyError, UnavailableError.
        """
        query = [
            (_search_name(name), _as_text(value))
            for name, values in parameters.items()
            for value in listed(values)
        ]

        def bundle(release: str) -> Document:
            return self._get(kind, release, query)

        document = bundle(HOME)
        resources = [self._resource_of(entry["resource"]) for entry in document.get("entry", ())]
        return SearchResult(document, bundle, resources)

    def _resource_of(self, document: Document) -> Resource:
        path = f"{document['resourceType']}/{document['id']}"
        return Resource(document, lambda release: self._get(path, release))

    def _typed(self, result: type[_R], operation: str, parameters: Node) -> _R:
        document = self.ask(operation, **parameters)
        return result(document, lambda release: self.ask(operation, None, release, **parameters))

    # -- FHIR JSON ---------------------------------------------------------------------------------

    def ask(
        self, operation: str, body: Document | None = None, release: str = HOME, **parameters: Any
    ) -> Document:
        """The answer to ``Type/$operation``, ``Type/id/$operation`` or ``$operation`` as HTTP would give it.

        That is a Parameters resource, a ValueSet for ``$expand``, a ConceptMap for ``$closure``.

        Parameters have FHIR's names (``_`` stands for ``-``), and are Python values or lists of them:

        * texts, numbers and booleans;
        * Codings, CodeableConcepts and resources as dictionaries; Codings also as ``Coding``, resources also as
          models of ``fhir.resources``;
        * ``dependency`` as ``{"attribute": ..., "value": ...}``, and the ``property`` of $find-matches as
          ``{"code": ..., "value": ...}``.

        ``body`` is a Parameters resource with further parameters.

        Raises TerminologyError where HTTP would answer with an OperationOutcome: its ``issues`` have the
        severity, FHIR's code, the text and, where there is one, the place (``at``) of each.
        Raises UnavailableError while the database of the store cannot be reached.
        """
        spoken = _release(release)
        *where, name = operation.split("/")
        if not name.startswith("$") or len(where) > 2:
            raise TerminologyError(issues.not_an_operation(operation))
        rows = _rows(where[0] if where else BASE, name.removeprefix("$"), spoken)
        sent = body_of(rows, parameters, body, operation)
        return self._answer(spoken, Request("POST", operation, body=sent))

    def _get(self, path: str, release: str, query: Sequence[tuple[str, str]] = ()) -> Document:
        return self._answer(_release(release), Request("GET", path, list(query)))

    def _answer(self, release: FhirVersion, request: Request) -> Document:
        context = Context(
            catalogue=self.catalogue.for_fhir(release.version),
            release=release,
            base="",
            state=self._state,
            sessions=self._sessions,
            releases=(release,),
            largest_expansion=self.settings.largest_expansion,
        )
        response = answered(context, request)
        assert response.resource is not None  # only OPTIONS and conditional reads are answered without
        return response.resource


def _release(name: str) -> FhirVersion:
    if name not in RELEASES:
        raise TerminologyError(issues.bad_value("release", name, f"one of {', '.join(RELEASES)}"))
    return RELEASES[name]


# -- resources from Python -----------------------------------------------------------------------


def _documents(content: Iterable[ResourceLike], settings: Settings) -> Iterator[Document | LazyDocument]:
    """The resources of ``content``, in R5 shape. Raises UnreadableFileError, TerminologyError."""
    for each in content:
        if isinstance(each, str | Path):
            yield from read_resources([Path(each)], broken_file_policy(settings))
        else:
            yield from _resources(each)


def _resources(resource: Document | FhirModel) -> Iterator[Document]:
    document, is_r4 = as_document(resource), None
    if isinstance(resource, FhirModel):
        package = type(resource).__module__
        if ".STU3." in package:
            raise TerminologyError(issues.bad_value("content", package, "a resource of R4, R4B or R5"))
        is_r4 = ".R4B." in package
    kinds = (*KINDS, "Bundle")
    if document.get("resourceType") not in kinds:
        expected = f"one of {', '.join(kinds)}"
        raise TerminologyError(issues.bad_value("content", document.get("resourceType"), expected))
    yield from resources_of(document, is_r4)


def _value_set(value_set: str | ResourceLike | None) -> Node:
    """The parameters that name a value set: by its canonical, or the resource itself."""
    if value_set is None:
        return {}
    if isinstance(value_set, str):
        url, version = split_canonical(value_set)
        return {"url": url, "valueSetVersion": version}
    if isinstance(value_set, Path):
        value_set = json.read_resource(value_set.read_bytes())
    return {"valueSet": value_set}


def _rows(kind: str, name: str, release: FhirVersion) -> Sequence[Parameter]:
    """The parameters of an operation; none if there is no such operation, which the answer will say."""
    operation = operations_of(kind, release).get(name)
    return (*operation.all_parameters, RESOURCES) if operation is not None else ()


# -- search parameters ---------------------------------------------------------------------------


def _search_name(name: str) -> str:
    """``context_type`` is ``context-type``; ``_count`` stays ``_count``."""
    return name[:1] + name[1:].replace("_", "-")


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
