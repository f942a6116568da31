"""Terminology in this process: the answers of the service in Python, without HTTP.

Every request is answered by ``wire.rest.answered``, as over HTTP: with the same caches, resources sent with the
request, and errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from terminology.catalogue.protocol import KINDS, Catalogue
from terminology.content.packages import resources_of
from terminology.core import issues
from terminology.core.documents import LazyDocument
from terminology.core.errors import TerminologyError, UnreadableFileError
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
from terminology.library.values import (
    FhirModel,
    Node,
    ResourceLike,
    as_document,
    body_of,
    by_fhir_name,
    copied,
    fhir_version_of,
    fields_of,
    in_shape_of,
    is_model,
    listed,
    require_type,
)
from terminology.opening import (
    ServedContent,
    broken_file_policy,
    catalogue_of,
    configured_content,
    open_state,
    read_content,
)
from terminology.settings import Settings
from terminology.wire import json, r4
from terminology.wire.cache_control import CACHE_ID, RESOURCES
from terminology.wire.exchange import Context, Request
from terminology.wire.fhir_versions import RELEASES, FhirVersion
from terminology.wire.operation import BASE
from terminology.wire.operation_table import operations_of
from terminology.wire.parameters import Parameter
from terminology.wire.rest import answered
from terminology.wire.sessions import Sessions

_R = TypeVar("_R", bound=Result)

# The fields of ValueSet/$validate-code that name a value set.
_VALUE_SET = frozenset({"url", "value_set", "value_set_version", "context"})

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
        content: ResourceLike | Iterable[ResourceLike] = (),
        *,
        store: str | Path | None = None,
        bundled: bool | None = None,
        settings: Settings | None = None,
        catalogue: Catalogue | Callable[[], Catalogue] | None = None,
    ) -> None:
        """Read the content.

        ``content`` are resources as dictionaries or ``fhir.resources`` models (also Bundles), and paths of
        files, folders and packages; or one of these. A dictionary is copied: what becomes of it later changes
        no answer. ``store`` is where imported releases are, ``bundled`` whether the content of this package is
        served; both default to the values of ``settings``. ``catalogue`` is for those who have built one, and
        takes the place of all content.

        Raises TypeError for an argument of a wrong type, and for a ``catalogue`` with other content beside it;
        SettingError; UnreadableFileError for a file or resource that cannot be read, and for a second resource
        of the same url and version, unless the setting ``skip_broken`` leaves these out.
        """
        require_type("settings", settings, Settings, None)
        items = _items(content)
        self.settings = (settings or Settings()).updated(store=store, bundled=bundled)
        self._content: ServedContent | None = None
        if catalogue is None:
            documents = chain(configured_content(self.settings), _documents(items, self.settings))
            named = catalogue_of(documents, self.settings.bundled)
            self._content = ServedContent(self.settings, named)
            catalogue = self._content.catalogue
        elif items or store is not None or bundled is not None:
            raise TypeError("a catalogue takes the place of all content: give no content, store or bundled")
        elif not (isinstance(catalogue, Catalogue) or callable(catalogue)):
            raise TypeError(
                f"'catalogue' must be a Catalogue or a function that returns one, not {_type(catalogue)}"
            )
        self._catalogue = catalogue
        self._state = open_state(self.settings)
        self._sessions = Sessions(self._state)

    @classmethod
    def from_environment(cls, config: str | Path | None = None, **settings: Any) -> Terminology:
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
        """Close the store and the state."""
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
        typed = {
            "system": system,
            "code": code,
            "version": version,
            "displayLanguage": display_language,
            "property": property,
            "useSupplement": use_supplement,
        }
        return self._typed(LookupResult, "CodeSystem/$lookup", typed, parameters)

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
        typed = {
            "system": system,
            "sourceCode": code,
            "version": version,
            "targetSystem": target_system,
            "url": url,
            "sourceScope": source_scope,
            "targetScope": target_scope,
            "dependency": dependency,
        }
        return self._typed(TranslateResult, "ConceptMap/$translate", typed, parameters)

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
        operation = "ValueSet/$validate-code"
        typed: Node = {"code": code, "display": display, "displayLanguage": display_language}
        chosen = _chosen_value_set(operation, value_set, parameters)
        if not chosen and _VALUE_SET.isdisjoint(fields_of(_rows_at(operation), parameters)):
            typed |= {"url": system, "version": version}
            return self._typed(ValidateResult, "CodeSystem/$validate-code", typed, parameters)
        typed |= {"system": system, "systemVersion": version, **chosen}
        return self._typed(ValidateResult, operation, typed, parameters)

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
        typed = {
            "filter": filter,
            "offset": offset,
            "count": count,
            "displayLanguage": display_language,
            "includeDesignations": include_designations,
            "activeOnly": active_only,
            "property": property,
            **_chosen_value_set("ValueSet/$expand", value_set, parameters),
        }
        return self._typed(ExpandResult, "ValueSet/$expand", typed, parameters)

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
        typed = {"system": system, "codeA": code_a, "codeB": code_b, "version": version}
        return self._typed(SubsumesResult, "CodeSystem/$subsumes", typed, parameters)

    def find_matches(
        self,
        system: str,
        properties: Mapping[str, Any],
        *,
        version: str | None = None,
        exact: bool = True,
        **parameters: Any,
    ) -> FindMatchesResult:
        """The concepts with these properties: ``CodeSystem/$find-matches``.

        ``properties`` are values by code; a list has several values of one property. Unless ``exact``, concepts
        that lack some of them are found, too. Raises TypeError for properties that are not a mapping,
        TerminologyError, UnavailableError.
        """
        require_type("properties", properties, Mapping)
        pairs = [
            {"code": code, "value": value} for code, values in properties.items() for value in listed(values)
        ]
        typed = {"system": system, "version": version, "exact": exact, "property": pairs}
        return self._typed(FindMatchesResult, "CodeSystem/$find-matches", typed, parameters)

    def closure(
        self,
        name: str,
        concepts: Coding | Mapping[str, Any] | Iterable[Coding | Mapping[str, Any]] = (),
        *,
        version: str | None = None,
        **parameters: Any,
    ) -> ClosureResult:
        """Add concepts to a closure table: ``$closure``.

        Without concepts and version the table is started; with a version the answer has the entries that are
        newer. Raises TypeError for a concept that is neither a Coding nor a dictionary, TerminologyError,
        UnavailableError.
        """
        typed = {"name": name, "concept": _codings(concepts), "version": version}
        values = by_fhir_name(_rows_at("$closure"), "closure", typed, parameters)
        document = self._operation("$closure", None, HOME, values)

        def in_release(release: str) -> Document:
            # A second request would answer the entries since this answer: none.
            return r4.downgrade_closure(document) if _release(release).is_r4 else document

        return ClosureResult(document, in_release)

    def read(self, kind: str, id: str, version: str | None = None) -> Resource:
        """A resource by its id; ``version`` is the version id of its ``meta``, not its business version.

        Raises TerminologyError if there is none, UnavailableError.
        """
        require_type("kind", kind, str)
        require_type("id", id, str)
        require_type("version", version, str, None)
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
        require_type("kind", kind, str)
        query = [
            (_search_name(name), _as_text(value))
            for name, values in parameters.items()
            for value in listed(values)
        ]

        def bundle(release: str) -> Document:
            return self._get(kind, release, query)

        document = bundle(HOME)
        matches = (e["resource"] for e in document.get("entry", ()) if e["search"]["mode"] == "match")
        resources = [self._resource_of(match) for match in matches]
        return SearchResult(document, bundle, resources)

    def _resource_of(self, document: Document) -> Resource:
        path = f"{document['resourceType']}/{document['id']}"
        return Resource(document, lambda release: self._get(path, release))

    def _typed(self, result: type[_R], operation: str, typed: Node, parameters: Node) -> _R:
        """The result of an operation. Raises TypeError for unknown and doubled names."""
        values = by_fhir_name(_rows_at(operation), _name(operation), typed, parameters)
        document = self._operation(operation, None, HOME, values)
        return result(document, lambda release: self._operation(operation, None, release, values))

    # -- FHIR JSON ---------------------------------------------------------------------------------

    def ask(
        self,
        operation: str,
        body: Document | FhirModel | None = None,
        release: str = HOME,
        **parameters: Any,
    ) -> Document:
        """The answer to ``Type/$operation``, ``Type/id/$operation`` or ``$operation`` as HTTP would give it.

        That is a Parameters resource, a ValueSet for ``$expand``, a ConceptMap for ``$closure``.

        Parameters have FHIR's names or their Python spellings (``tx_resource`` is ``tx-resource``,
        ``code_a`` is ``codeA``), and are Python values or lists of them:

        * texts, numbers and booleans;
        * Codings, CodeableConcepts and resources as dictionaries; Codings also as ``Coding``, resources also as
          models of ``fhir.resources``;
        * ``dependency`` as ``{"attribute": ..., "value": ...}``, and the ``property`` of $find-matches as
          ``{"code": ..., "value": ...}``.

        ``body`` is a Parameters resource with further parameters, as a dictionary or as a model. Of those, and
        only of those, unknown ones are ignored, as over HTTP.

        Raises TypeError for unknown parameters, for two names of one parameter, and for an operation or a body
        of a wrong type.
        Raises TerminologyError where HTTP would answer with an OperationOutcome: its ``issues`` have the
        severity, FHIR's code, the text and, where there is one, the place (``at``) of each.
        Raises UnavailableError while the database of the store cannot be reached.
        """
        require_type("operation", operation, str)
        if body is not None and not (isinstance(body, dict) or is_model(body)):
            raise TypeError(
                f"'body' must be a Parameters resource, as a dictionary or model, not {_type(body)}"
            )
        *where, name = operation.split("/")
        if not name.startswith("$") or len(where) > 2:
            raise TerminologyError(issues.not_an_operation(operation))
        rows = _rows_at(operation, _release(release))
        values = by_fhir_name(rows, _name(operation), parameters) if rows else {}
        document = None if body is None else in_shape_of(_release(release), body)
        return self._operation(operation, document, release, values)

    def _operation(self, operation: str, body: Document | None, release: str, values: Node) -> Document:
        """The answer to an operation; ``values`` are its parameters by FHIR's names."""
        version = _release(release)
        sent = body_of(_rows_at(operation, version), values, body, operation, version)
        return self._answer(version, Request("POST", operation, body=sent))

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
            nested_expansions=self.settings.nested_expansions,
        )
        response = answered(context, request)
        assert response.resource is not None  # only OPTIONS and conditional reads are answered without
        return response.resource


def _release(name: str) -> FhirVersion:
    if name not in RELEASES:
        raise TerminologyError(issues.bad_value("release", name, f"one of {', '.join(RELEASES)}"))
    return RELEASES[name]


# -- resources from Python -----------------------------------------------------------------------


def _items(content: object) -> list[ResourceLike]:
    """The resources and paths of ``content``; a single one is a list of one. Raises TypeError."""
    if isinstance(content, str | Path | dict) or is_model(content):
        return [content]
    if not isinstance(content, Iterable):
        raise TypeError(f"'content' must be resources and paths, not {_type(content)}")
    items = list(content)
    for index, item in enumerate(items):
        if not (isinstance(item, str | Path | dict) or is_model(item)):
            raise TypeError(
                f"content[{index}] must be a resource (a dictionary or a model of fhir.resources) or a path, "
                f"not {_type(item)}"
            )
    return items


def _documents(items: Sequence[ResourceLike], settings: Settings) -> Iterator[Document | LazyDocument]:
    """The resources of ``content``, in R5 shape. Raises UnreadableFileError unless ``skip_broken`` is set."""
    on_unreadable = broken_file_policy(settings)
    canonicals: set[tuple[str, str, str | None]] = set()
    for index, item in enumerate(items):
        if isinstance(item, str | Path):
            yield from read_content([Path(item)], on_unreadable)
            continue
        try:
            resources = list(_resources(item))
        except TerminologyError as error:
            on_unreadable(UnreadableFileError(f"content[{index}]: {error}"))
            continue
        for resource in resources:
            kind, url, version = resource["resourceType"], resource.get("url"), resource.get("version")
            if url and (kind, url, version) in canonicals:
                canonical = f"{url}|{version}" if version else url
                on_unreadable(
                    UnreadableFileError(f"content[{index}]: {kind} {canonical} is in the content twice")
                )
                continue
            canonicals.add((kind, url or "", version))
            yield resource


def _resources(resource: Document | FhirModel) -> Iterator[Document]:
    """The terminology resources of a resource or Bundle. Raises TerminologyError."""
    document, is_r4 = as_document(resource), None
    if is_model(resource):
        is_r4 = fhir_version_of(resource).is_r4
    kinds = (*KINDS, "Bundle")
    if document.get("resourceType") not in kinds:
        expected = f"one of {', '.join(kinds)}"
        raise TerminologyError(issues.bad_value("content", document.get("resourceType"), expected))
    is_empty = True
    for each in resources_of(document if is_model(resource) else copied(document), is_r4):
        is_empty = False
        yield each
    if is_empty:
        raise TerminologyError(issues.bad_value("content", "Bundle", f"a Bundle with {', '.join(KINDS)}"))


def _chosen_value_set(operation: str, value_set: object, parameters: Node) -> Node:
    """The parameters that name a value set: by its canonical, or the resource itself.

    ``parameters`` lose ``valueSet``, which is FHIR's name of ``value_set``. Raises TypeError.
    """
    named = parameters.pop("valueSet", None)
    if value_set is None:
        value_set = named
    elif named is not None or not {"url", "value_set"}.isdisjoint(fields_of(_rows_at(operation), parameters)):
        raise TypeError(f"${_name(operation)}: the value set is given twice; give 'value_set' alone")
    if value_set is None:
        return {}
    if isinstance(value_set, str):
        url, version = split_canonical(value_set)
        return {"url": url, "valueSetVersion": version}
    if isinstance(value_set, Path):
        try:
            return {"valueSet": json.read_resource(value_set.read_bytes())}
        except OSError as error:
            raise UnreadableFileError(f"{value_set}: cannot be read: {error.strerror}") from None
    if not (isinstance(value_set, Mapping) or is_model(value_set)):
        raise TypeError(f"'value_set' must be a canonical, a ValueSet or a path, not {_type(value_set)}")
    return {"valueSet": value_set}


def _codings(concepts: object) -> list[Node]:
    """Concepts as Codings; a single one is a list of one. Raises TypeError."""
    each = [concepts] if isinstance(concepts, Coding | Mapping) else concepts
    if isinstance(each, str) or not isinstance(each, Iterable):
        raise TypeError(f"'concepts' must be Codings, not {_type(concepts)}")
    codings: list[Node] = []
    for index, concept in enumerate(each):
        if not isinstance(concept, Coding | Mapping):
            raise TypeError(f"concepts[{index}] must be a Coding or a dictionary, not {_type(concept)}")
        codings.append(concept.as_json() if isinstance(concept, Coding) else dict(concept))
    return codings


def _type(value: object) -> str:
    return f"of type {type(value).__name__}"


def _name(operation: str) -> str:
    """The name of an operation, without the ``$``."""
    return operation.rpartition("$")[2]


@lru_cache(256)
def _rows_at(operation: str, release: FhirVersion = RELEASES[HOME]) -> tuple[Parameter, ...]:
    """The parameters of an operation; none if there is no such operation, which the answer will say."""
    *where, name = operation.split("/")
    row = operations_of(where[0] if where else BASE, release).get(name.removeprefix("$"))
    return (*row.all_parameters, RESOURCES, CACHE_ID) if row is not None else ()


# -- search parameters ---------------------------------------------------------------------------


def _search_name(name: str) -> str:
    """``context_type`` is ``context-type``; ``_count`` stays ``_count``."""
    return name[:1] + name[1:].replace("_", "-")


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
