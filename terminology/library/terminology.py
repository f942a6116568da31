"""Terminology in this process: the answers of the service in Python, without HTTP.

Every request is answered by ``wire.rest.answered``, as over HTTP: with the same caches, resources sent with the
request, and errors.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from terminology.catalogue.licensed import LicensedView
from terminology.catalogue.protocol import KINDS, Catalogue
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.model import Coding, Document
from terminology.library.arguments import (
    TRANSLATE_NAMES,
    VALUE_SET_NAMES,
    GivenValidation,
    bare_name,
    chosen_value_set,
    codings_of,
    compared_value_set,
    given_translation,
    names_value_set,
    rows_at,
    several,
)
from terminology.library.content import documents_of, items_of
from terminology.library.results import (
    HOME,
    BatchTranslateResult,
    BatchValidateResult,
    CacheControlResult,
    ClosureResult,
    ExpandResult,
    FindMatchesResult,
    LookupResult,
    RelatedResult,
    Resource,
    Result,
    SearchResult,
    SubsumesResult,
    TranslateResult,
    ValidateResult,
    VersionsResult,
)
from terminology.library.values import (
    FhirModel,
    Node,
    ResourceLike,
    body_of,
    by_fhir_name,
    copied,
    in_shape_of,
    is_model,
    listed,
    require_type,
    search_query,
    type_of,
)
from terminology.opening import (
    ServedContent,
    catalogue_of,
    configured_content,
    open_licences,
    open_state,
    open_upstreams,
)
from terminology.settings import Settings
from terminology.wire import r4
from terminology.wire.exchange import Context, Request
from terminology.wire.fhir_versions import RELEASES, FhirVersion
from terminology.wire.rest import answered
from terminology.wire.sessions import Sessions

_R = TypeVar("_R", bound=Result)

# What a caller should know of a request that was answered: names that are nearly right.
log = logging.getLogger("terminology")

# The questions to upstreams that may be open at a time: each belongs to a thread of the caller, who waits for it.
_MOST_QUESTIONS = 64

_ID = re.compile(r"[A-Za-z0-9.-]+")


class Terminology:
    """Terminology in this process.

    >>> terminology = Terminology()
    >>> terminology.lookup("http://www.ama-assn.org/go/cpt", "57520").display
    'Cervical conization (cone biopsy) by cold knife or laser'

    It is the same everywhere: neither environment variables nor the user's folders are read, and its state is in
    memory. ``Terminology.from_environment()`` answers as ``terminology serve`` does.

    Use it as a context manager, or ``close()`` it. Several threads may use it at once.

    Every method raises TypeError for an unknown argument, for two names of one parameter, and for a value of a
    wrong type (``values.PYTHON_TYPES``). Arguments are copied, and so are the answers: ``json``, and the
    documents that ``in_release`` and ``ask`` return.
    """

    def __init__(
        self,
        content: ResourceLike | Iterable[ResourceLike] = (),
        *,
        store: str | Path | None = None,
        bundled: bool | None = None,
        upstreams: str | Path | None = None,
        settings: Settings | None = None,
        catalogue: Catalogue | Callable[[], Catalogue] | None = None,
    ) -> None:
        """Read the content.

        ``content`` are resources as dictionaries or ``fhir.resources`` models (also Bundles), and paths of
        files, folders and packages; or one of these. A dictionary is copied: what becomes of it later changes
        no answer. ``store`` is where imported releases are, ``bundled`` whether the content of this package is
        served, ``upstreams`` the file that names other servers to ask (docs/upstreams.md); all three default to the
        values of ``settings``. ``catalogue`` is for those who have built one, and
        takes the place of all content.

        Raises TypeError for an argument of a wrong type, and for a ``catalogue`` with other content beside it;
        SettingError; UnreadableFileError for a file or resource that cannot be read, and for a second resource
        of the same url and version, unless the setting ``skip_broken`` leaves these out.
        """
        require_type("settings", settings, Settings, None)
        items = items_of(content)
        self.settings = (settings or Settings()).updated(store=store, bundled=bundled, upstreams=upstreams)
        self._content: ServedContent | None = None
        if catalogue is None:
            documents = chain(configured_content(self.settings), documents_of(items, self.settings))
            named = catalogue_of(documents, self.settings.bundled)
            self._content = ServedContent(self.settings, named)
            catalogue = self._content.catalogue
        elif items or store is not None or bundled is not None:
            raise TypeError("a catalogue takes the place of all content: give no content, store or bundled")
        elif not (isinstance(catalogue, Catalogue) or callable(catalogue)):
            raise TypeError(
                f"'catalogue' must be a Catalogue or a function that returns one, not {type_of(catalogue)}"
            )
        self._catalogue = catalogue
        self._licences = open_licences(self.settings)
        self._state = open_state(self.settings)
        self._sessions = Sessions(self._state)
        self._elsewhere = open_upstreams(self.settings, _MOST_QUESTIONS)

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

    @property
    def visible_catalogue(self) -> Catalogue:
        """The content as the answers see it: with FHIR's own, and without the texts that licences keep back.

        Raises UnavailableError as ``catalogue`` does.
        """
        licensed = self._licensed(Request("GET", ""))
        content = self.catalogue if licensed is None else licensed.of(self.catalogue)
        return content.for_fhir(RELEASES[HOME].version)

    def _licensed(self, request: Request) -> LicensedView | None:
        """The content as licences show it to the user of a request; None without licences."""
        return None if self._licences is None else self._licences.view(request.user.rights)

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
        return self._typed(TranslateResult, "ConceptMap/$translate", typed, parameters, TRANSLATE_NAMES)

    def batch_translate(
        self,
        translations: Iterable[Coding | Mapping[str, Any] | FhirModel],
        *,
        target_system: str | None = None,
        url: str | None = None,
        dependency: Mapping[str, Any] | Sequence[Mapping[str, Any]] = (),
        **parameters: Any,
    ) -> BatchTranslateResult:
        """The translations of many codes, in one request: ``ConceptMap/$batch-translate``.

        Each of ``translations`` is a Coding, a dictionary of the arguments of ``translate``
        (``{"system": ..., "code": ...}``), or a Parameters resource. ``target_system``, ``url``, ``dependency`` and
        ``parameters`` stand for all that do not have their own. One that cannot be answered fails alone.

        Raises TypeError for a translation of another type; TerminologyError, also for no translations or too many;
        UnavailableError.
        """
        operation = "ConceptMap/$batch-translate"
        rows = rows_at(operation)
        questions = [
            given_translation(index, item, rows)
            for index, item in enumerate(several("translations", translations))
        ]
        typed = {"targetSystem": target_system, "url": url, "dependency": dependency}
        shared = by_fhir_name(rows, bare_name(operation), parameters, typed)

        def answer(release: str) -> Document:
            version = _release(release)
            sent = [
                body_of(rows, own, in_shape_of(version, body), operation, version) for body, own in questions
            ]
            return self._operation(operation, None, release, {**shared, "translation": sent})

        return BatchTranslateResult(answer(HOME), answer)

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
        chosen = chosen_value_set(operation, value_set, parameters)
        if not chosen and not names_value_set(operation, parameters):
            typed |= {"url": system, "version": version}
            return self._typed(
                ValidateResult, "CodeSystem/$validate-code", typed, parameters, {"url": "system"}
            )
        typed |= {"system": system, "systemVersion": version, **chosen}
        return self._typed(ValidateResult, operation, typed, parameters, VALUE_SET_NAMES)

    def batch_validate_code(
        self,
        validations: Iterable[Coding | Mapping[str, Any] | FhirModel],
        *,
        value_set: str | ResourceLike | None = None,
        display_language: str | None = None,
        **parameters: Any,
    ) -> BatchValidateResult:
        """Whether each of many codes is valid, in one request: ``$batch-validate-code``.

        Each of ``validations`` is a Coding, a dictionary of the arguments of ``validate_code``
        (``{"system": ..., "code": ..., "value_set": ...}``), or a Parameters resource. ``value_set`` and
        ``parameters`` stand for all that do not have their own. With a value set, here or in one of them, the
        operation is that of ValueSet, or else that of CodeSystem. One that cannot be answered fails alone.

        Raises TypeError for a validation of another type; TerminologyError, also for no validations or too many;
        UnavailableError.
        """
        operation = "ValueSet/$batch-validate-code"
        questions = [
            GivenValidation.of(index, item) for index, item in enumerate(several("validations", validations))
        ]
        chosen = chosen_value_set(operation, value_set, parameters)
        if not chosen and not any(
            names_value_set(operation, names) for names in (parameters, *(each.names for each in questions))
        ):
            operation = "CodeSystem/$batch-validate-code"
        rows = rows_at(operation)
        values = [each.by_fhir_name(rows, operation) for each in questions]
        typed = {"displayLanguage": display_language, **chosen}
        shared = by_fhir_name(rows, bare_name(operation), parameters, typed, VALUE_SET_NAMES)

        def answer(release: str) -> Document:
            version = _release(release)
            sent = [
                body_of(rows, own, in_shape_of(version, each.body), operation, version)
                for each, own in zip(questions, values, strict=True)
            ]
            return self._operation(operation, None, release, {**shared, "validation": sent})

        return BatchValidateResult(answer(HOME), answer)

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
            **chosen_value_set("ValueSet/$expand", value_set, parameters),
        }
        return self._typed(ExpandResult, "ValueSet/$expand", typed, parameters, VALUE_SET_NAMES)

    def related(
        self,
        this: str | ResourceLike | None = None,
        other: str | ResourceLike | None = None,
        *,
        diagnostics: bool | None = None,
        active_only: bool | None = None,
        **parameters: Any,
    ) -> RelatedResult:
        """How the codes of one value set are related to those of another: ``ValueSet/$related``, or ``$compare``.

        Each of ``this`` and ``other`` is a canonical or a ValueSet resource; ``diagnostics`` asks for the codes.
        ``parameters`` are further ones by FHIR's names, as in ``ask``: ``version_policy``, ``useSupplement``. Raises
        TerminologyError, UnavailableError.
        """
        typed = {
            "diagnostics": diagnostics,
            "activeOnly": active_only,
            **compared_value_set("this", this),
            **compared_value_set("other", other),
        }
        names = {f"{side}{kind}": side for side in ("this", "other") for kind in ("Url", "ValueSet")}
        return self._typed(RelatedResult, "ValueSet/$related", typed, parameters, names)

    compare = related

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
        named = {"property": "properties"}
        return self._typed(FindMatchesResult, "CodeSystem/$find-matches", typed, parameters, named)

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
        typed = {"name": name, "concept": codings_of(concepts), "version": version}
        values = by_fhir_name(rows_at("$closure"), "closure", parameters, typed, {"concept": "concepts"})
        document = self._operation("$closure", None, HOME, values)

        def in_release(release: str) -> Document:
            # A second request would answer the entries since this answer: none.
            return r4.downgrade_closure(document) if _release(release).is_r4 else document

        return ClosureResult(document, in_release)

    def versions(self) -> VersionsResult:
        """The version of FHIR that the answers have: ``$versions``. Another release answers with its own."""
        return self._typed(VersionsResult, "$versions", {}, {})

    def cache_control(
        self,
        mode: str,
        tx_resource: Document | FhirModel | Sequence[Document | FhirModel] = (),
        *,
        cache_id: str | None = None,
        sealed: bool | None = None,
    ) -> CacheControlResult:
        """Keep resources for further requests, which name them by ``cache_id``: ``$cache-control``.

        ``mode`` is ``start`` (with the resources), ``check`` or ``end`` (with the id). Unless ``sealed=False``,
        nothing is added to the cache later. Raises TerminologyError, UnavailableError.
        """
        typed = {"mode": mode, "tx-resource": tx_resource, "cache-id": cache_id, "sealed": sealed}
        values = by_fhir_name(rows_at("$cache-control"), "cache-control", {}, typed)
        document = self._operation("$cache-control", None, HOME, values)

        def in_release(release: str) -> Document:
            # A second request would start another cache; the answer is the same in every release.
            _release(release)
            return document

        return CacheControlResult(document, in_release)

    def read(self, kind: str, id: str, version: str | None = None, *, release: str = HOME) -> Resource:
        """A resource by its id; ``version`` is the version id of its ``meta``, not its business version.

        ``release`` says whose resource it is: of FHIR's own each release has its version, with a version id of its
        own. Whichever it is, ``json`` has the shape of R5.

        Raises TerminologyError if there is none, UnavailableError.
        """
        require_type("kind", kind, str)
        require_type("id", id, str)
        require_type("version", version, str, None)
        for part in (id, *([version] if version is not None else [])):
            if not _ID.fullmatch(part):
                raise TerminologyError(issues.unknown_resource(kind, part))
        path = f"{kind}/{id}" + (f"/_history/{version}" if version is not None else "")
        document = self._answer(RELEASES[HOME], Request("GET", path), _release(release))
        return self._resource(document, path, release)

    def search(self, kind: str, /, *, release: str = HOME, **parameters: Any) -> SearchResult:
        """The resources of a kind that match search parameters, those of docs/operations.md.

        An underscore inside a name stands for a hyphen. A list repeats a parameter; modifiers need the form
        ``search("ValueSet", **{"name:contains": "cone"})``. ``release`` says whose resources they are, as in
        ``read``. Raises TypeError for an unknown name and a value of a wrong type, TerminologyError,
        UnavailableError.
        """
        require_type("kind", kind, str)
        query = search_query(kind, parameters) if kind in KINDS else []
        request = Request("GET", kind, query)
        document = self._answer(RELEASES[HOME], request, _release(release))
        resources = [
            self._resource_of_search(match["resource"], release)
            for match in document.get("entry", ())
            if match["search"]["mode"] == "match"
        ]
        return SearchResult(
            document, lambda other: self._answer(_release(other), request), resources, release
        )

    def _resource_of_search(self, document: Document, release: str) -> Resource:
        """A resource of a search: one of here, or one of another server, which is asked for each release."""
        kind, id_ = document["resourceType"], document.get("id", "")
        if self.catalogue.for_fhir(_release(release).version).has_id(kind, id_):
            return self._resource(document, f"{kind}/{id_}", release)
        query: list[tuple[str, str]] = [
            (name, str(document[name])) for name in ("url", "version") if name in document
        ]

        def in_release(other: str) -> Document:
            resource: Document = self._answer(_release(other), Request("GET", kind, query))["entry"][0][
                "resource"
            ]
            return resource

        return Resource(document, in_release, release)

    def _resource(self, document: Document, path: str, release: str) -> Resource:
        """A resource that was read at a path of a release."""
        kind, url, version = document["resourceType"], document.get("url"), document.get("version")

        def in_release(other: str) -> Document:
            own_path = path if other == release else self._path_in(_release(other), path, url, version)
            if own_path is None:
                canonical = f"{url}|{version}" if version else url or path
                raise TerminologyError(issues.not_in_release(kind, canonical, other))
            return self._answer(_release(other), Request("GET", own_path))

        return Resource(document, in_release, release)

    def _path_in(self, release: FhirVersion, path: str, url: str | None, version: str | None) -> str | None:
        """Where a release has the resource of a canonical, or None; ``path`` is where another release has it.

        It is the one with the same id if that has the same url: of FHIR's own resources the release has its own
        version. Otherwise it is the one of the same version, or the best one.
        """
        kind, id_, *_ = path.split("/")
        catalogue = self.catalogue.for_fhir(release.version)
        if catalogue.has_id(kind, id_) and catalogue.resource(kind, id_).get("url") == url:
            return f"{kind}/{id_}"
        if url is None:
            return None
        header = catalogue.find(kind, url, version) or catalogue.find(kind, url)
        # A definition of FHIR can be hidden by a resource of the same id.
        if header is None or catalogue.resource(kind, header["id"]).get("url") != url:
            return None
        return f"{kind}/{header['id']}"

    def _typed(
        self,
        result: type[_R],
        operation: str,
        typed: Node,
        parameters: Node,
        named: Mapping[str, str] | None = None,
    ) -> _R:
        """The result of an operation.

        ``typed`` are arguments by the names of FHIR; ``named`` says which of them are called something else in
        Python. Raises TypeError for unknown and doubled names, and for a value of a wrong type.
        """
        values = by_fhir_name(rows_at(operation), bare_name(operation), parameters, typed, named)
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

        Raises TypeError for unknown parameters, for two names of one parameter, and for a value, an operation or
        a body of a wrong type.
        Raises TerminologyError where HTTP would answer with an OperationOutcome: its ``issues`` have the
        severity, FHIR's code, the text and, where there is one, the place (``at``) of each.
        Raises UnavailableError while the database of the store cannot be reached.
        """
        require_type("operation", operation, str)
        if body is not None and not (isinstance(body, dict) or is_model(body)):
            raise TypeError(
                f"'body' must be a Parameters resource, as a dictionary or model, not {type_of(body)}"
            )
        *where, name = operation.split("/")
        if not name.startswith("$") or len(where) > 2:
            raise TerminologyError(issues.not_an_operation(operation))
        rows = rows_at(operation, _release(release))
        values = by_fhir_name(rows, bare_name(operation), parameters) if rows else {}
        document = in_shape_of(_release(release), body) if is_model(body) else copied(body)
        answer: Document = copied(self._operation(operation, document, release, values))
        return answer

    def _operation(self, operation: str, body: Document | None, release: str, values: Node) -> Document:
        """The answer to an operation; ``values`` are its parameters by FHIR's names."""
        version = _release(release)
        sent = body_of(rows_at(operation, version), values, body, operation, version)
        return self._answer(version, Request("POST", operation, body=sent))

    def _answer(self, release: FhirVersion, request: Request, view: FhirVersion | None = None) -> Document:
        """The answer in the shape of a release; ``view`` is the release whose definitions are seen, if another.

        It shares parts with the content, so a caller gets a copy of it: from ``ask``, or from a ``Result``.
        """
        licensed = self._licensed(request)
        content = self.catalogue if licensed is None else licensed.of(self.catalogue)
        context = Context(
            catalogue=content.for_fhir((view or release).version),
            release=release,
            base="",
            state=self._state,
            sessions=self._sessions,
            releases=(release,),
            largest_expansion=self.settings.largest_expansion,
            nested_expansions=self.settings.nested_expansions,
            max_work=self.settings.max_work,
            deadline=self.settings.deadline,
            elsewhere=self._elsewhere,
            view=licensed,
        )
        response = answered(context, request)
        for warning in response.warnings:
            log.warning("%s", warning.text)
        assert response.resource is not None  # only OPTIONS and conditional reads are answered without
        return response.resource


def _release(name: str) -> FhirVersion:
    require_type("release", name, str)
    if name not in RELEASES:
        raise TerminologyError(issues.bad_value("release", name, f"one of {', '.join(RELEASES)}"))
    return RELEASES[name]
