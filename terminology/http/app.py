"""HTTP, and nothing of FHIR but its media types: Flask in front of ``wire.rest``."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from os import urandom
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from flask import Flask, Response, g, request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.http import http_date
from werkzeug.routing import PathConverter, Rule
from werkzeug.sansio.utils import get_current_url

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import RefusedError, TerminologyError, UnavailableError
from terminology.core.model import Document, Issue
from terminology.http import prepared
from terminology.http.media import DIFFERENT, JSON, XML, asks_for, negotiated, readable
from terminology.opening import Serving, open_state
from terminology.settings import Settings
from terminology.wire import json, messages, outcome, rest, xml
from terminology.wire.fhir_releases import RELEASES, FhirVersion
from terminology.wire.messages import FORM, Context
from terminology.wire.sessions import Sessions

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from terminology.wire.operations import PreparedRequest

ROOT = "/fhir"
_READABLE = ("GET", "HEAD")
_ALLOWED_METHODS = "GET, HEAD, POST, OPTIONS"
_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_ALLOWED_HEADERS = (
    "Accept, Accept-Language, Authorization, Cache-Control, Content-Type, If-Match, If-Modified-Since, "
    "If-None-Match, Prefer, X-Cache-Id, X-Medplum, X-Request-Id"
)
_EXPOSED_HEADERS = "Content-Location, ETag, Last-Modified, Location, X-Request-Id"
_VARY = "Accept, Accept-Language, Origin"
# After how many seconds it is worth asking again, when a database is away.
_RETRY_AFTER = 5

log = logging.getLogger("terminology")


def _asked_each_time(catalogue: Catalogue | Callable[[], Catalogue]) -> Callable[[], Catalogue]:
    return catalogue if callable(catalogue) else lambda: catalogue


class _Anything(PathConverter):
    regex = ".*?"  # also what begins with a slash: one too many does no harm
    part_isolating = False


class FhirResponse(Response):
    default_mimetype = JSON


def create_app(
    catalogue: Catalogue | Callable[[], Catalogue] | None = None, settings: Settings | None = None
) -> Flask:
    """A WSGI application with a root for each release below ``/fhir``. Mount it wherever you like.

    ``catalogue`` is what is served, or is asked at each request what is.

    Raises UnreadableFileError for content that cannot be loaded.
    """
    settings = settings or Settings()
    held = _asked_each_time(catalogue) if catalogue is not None else Serving(settings).catalogue
    state = open_state(settings)
    sessions = Sessions(state)
    app = Flask("terminology", static_folder=None)
    app.response_class = FhirResponse
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = settings.largest_body

    def root(path: str = "") -> Response:
        release, base, further = _root(settings, path)
        spoken = _spoken(settings) if base.endswith(ROOT) else (release,)
        most = settings.largest_expansion
        context = Context(held().for_fhir(release.version), release, base, state, sessions, spoken, most)
        answered, media, pretty = _answer(context, further)
        if answered.question is not None and media == JSON and not pretty:
            quick.note(request.environ, answered.question)
        return _written(answered, media, release, pretty)

    app.url_map.converters["anything"] = _Anything
    app.view_functions["root"] = root
    for rule in (ROOT, f"{ROOT}/", f"{ROOT}/<anything:path>"):
        app.url_map.add(Rule(rule, endpoint="root"))  # any method: which ones are possible, rest.py says
    app.add_url_rule("/", "home", _home, methods=_READABLE, provide_automatic_options=False)
    app.register_error_handler(Exception, _failed)
    app.after_request(lambda response: _signed(response, settings))
    quick = Quick(app, held, settings)
    app.wsgi_app = quick  # type: ignore[method-assign]
    return app


class Quick:
    """In front of Flask: a request that differs from an earlier one in nothing but a code is answered here.

    Whoever adds hooks to the application, to authorise requests or to count them, is asked about all of
    them: then everything goes through Flask.
    """

    def __init__(self, app: Flask, held: Callable[[], Catalogue], settings: Settings) -> None:
        self._app, self._flask, self._held, self._settings = app, app.wsgi_app, held, settings
        self._questions = prepared.Questions()
        self._own_hooks = len(app.after_request_funcs[None])

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = prepared.asked(environ)
        content = self._questions.answer(asked, self._held) if asked is not None else None
        if content is None:
            return self._flask(environ, start_response)
        headers = [("Content-Type", f"{JSON}; charset=utf-8"), ("Content-Length", str(len(content)))]
        start_response("200 OK", headers + _signature(self._settings, _request_id(environ)))
        return [content]

    def note(self, environ: WSGIEnvironment, question: PreparedRequest) -> None:
        """Keep what a request asked, if it may be asked again.

        Flask takes no more hooks once it has had a request.
        """
        asked = prepared.asked(environ)
        if asked is not None and not self._has_hooks:
            self._questions.keep(asked, question)

    @property
    def _has_hooks(self) -> bool:
        app = self._app
        others = (app.before_request_funcs, app.teardown_request_funcs, app.teardown_appcontext_funcs)
        after = app.after_request_funcs
        return any(others) or len(after) > 1 or len(after[None]) > self._own_hooks


# -- one request ---------------------------------------------------------------------------------


def _home() -> Response:
    """Whoever has only the address is led to the base."""
    return _bare(302, {"Location": request.script_root + ROOT})


def _bare(status: int, headers: Mapping[str, str]) -> Response:
    """An answer without a body, and so without a type."""
    response = Response(status=status, headers=Headers(dict(headers)))
    response.headers.pop("Content-Type", None)
    return response


def _answer(context: Context, path: str) -> tuple[messages.Response, str, bool]:
    """The answer, the media type that it is wanted in, and whether it is to be pretty."""
    release = g.release = context.release
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return messages.Response(204, None), JSON, False  # a browser asks before it asks
    asked = list(_query(request.query_string))
    media = _wanted(asked, release)
    body, form = _body(release)
    inner = messages.Request(
        method=request.method,
        path=path,
        query=[*asked, *form],
        body=body,
        headers=dict(request.headers),
        address=request.remote_addr or "",
    )
    return rest.respond(context, inner), media, ("_pretty", "true") in asked


def _root(settings: Settings, path: str) -> tuple[FhirVersion, str, str]:
    """The release of the first step of the path, or the other of its family where that is asked for; or
    else the one that ``/fhir`` stands for.
    """
    here = _here(request.scheme, request.host, request.script_root)
    first, *further = [step for step in path.split("/") if step] or [""]
    release = RELEASES.get(first.lower())
    if release is not None and (settings.r6 or not release.is_ballot):
        return _asked_for(release.family, release), f"{here}/{first}", "/".join(further)
    spoken = _spoken(settings)
    return _asked_for(spoken, spoken[0]), here, "/".join([first, *further])


@lru_cache(DIFFERENT)
def _here(scheme: str, host: str, script_root: str) -> str:
    """The URL of the base, as the client sees it."""
    return get_current_url(scheme, host).rstrip("/") + script_root + ROOT


def _spoken(settings: Settings) -> tuple[FhirVersion, ...]:
    """The releases of the root without a release, the one that it speaks unasked first."""
    unasked = RELEASES[settings.default_release]
    others = (release for release in RELEASES.values() if settings.r6 or not release.is_ballot)
    return (unasked, *(release for release in others if release is not unasked))


def _asked_for(offered: Sequence[FhirVersion], unasked: FhirVersion) -> FhirVersion:
    """The release that ``fhirVersion`` asks for, of those that a root speaks."""
    for header in (request.headers.get("Accept", ""), request.headers.get("Content-Type", "")):
        for release in offered:
            if asks_for(header, release):
                return release
    return unasked


def _query(text: bytes) -> Iterable[tuple[str, str]]:
    return parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True)


def _wanted(asked: Iterable[tuple[str, str]], release: FhirVersion) -> str:
    """The media type of the answer. Raises RefusedError (406)."""
    accept, sent = request.headers.get("Accept", ""), request.headers.get("Content-Type", "")
    return negotiated(accept, dict(asked).get("_format"), release, sent)


def _body(release: FhirVersion) -> tuple[Document | None, list[tuple[str, str]]]:
    """The parsed body: a resource, or the fields of a form."""
    if request.method not in ("POST", "PUT", "PATCH"):
        return None, []
    content = request.get_data(cache=False)
    if not content:
        return None, []
    media = readable(request.headers.get("Content-Type", ""), release)
    if media == FORM:
        return None, list(_query(content))
    return xml.read_resource(content, release) if media == XML else json.read_resource(content), []


def _written(answer: messages.Response, media: str, release: FhirVersion, pretty: bool = False) -> Response:
    headers = Headers(answer.headers)
    changed = messages.instant(headers.get("Last-Modified"))
    if changed is not None:
        headers["Last-Modified"] = http_date(changed)
    if answer.resource is None:
        return _bare(answer.status, dict(headers))
    is_xml = media == XML
    content = xml.write(answer.resource, release, pretty) if is_xml else json.write(answer.resource, pretty)
    response = FhirResponse(content, status=answer.status, headers=headers)
    response.content_type = f"{media}; charset=utf-8"
    return response


def _request_id(environ: WSGIEnvironment) -> str:
    """The one that the request has, if it can stand in a header and a log, or else a new one."""
    stated = environ.get("HTTP_X_REQUEST_ID", "")
    return stated if _REQUEST_ID.fullmatch(stated) else urandom(16).hex()


def _own_request_id() -> str:
    """The same all through a request."""
    if "request_id" not in g:
        g.request_id = _request_id(request.environ)
    return str(g.request_id)


def _signature(settings: Settings, request_id: str) -> list[tuple[str, str]]:
    """What every answer carries."""
    signature = [("X-Request-Id", request_id), ("Vary", _VARY)]
    if settings.cors_origin:
        signature.append(("Access-Control-Allow-Origin", settings.cors_origin))
        signature.append(("Access-Control-Expose-Headers", _EXPOSED_HEADERS))
    return signature


def _signed(response: Response, settings: Settings) -> Response:
    headers = response.headers
    headers.update(_signature(settings, _own_request_id()))
    if settings.cors_origin and request.method == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = _ALLOWED_METHODS
        headers["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
        headers["Access-Control-Max-Age"] = "86400"
    return response


# -- failures ------------------------------------------------------------------------------------


def _failed(error: Exception) -> Response:
    """Every way to fail, as an OperationOutcome in the format that is asked for, if that can be."""
    status, found, headers = _outcome_of(error)
    document = outcome.operation_outcome(found)
    release = g.get("release", RELEASES["r5"])
    try:
        media = _wanted(_query(request.query_string), release)
    except RefusedError:
        media = JSON
    return _written(messages.Response(status, document, dict(headers)), media, release)


def _outcome_of(error: Exception) -> tuple[int, list[Issue], Mapping[str, str]]:
    if isinstance(error, RefusedError):
        return error.status, error.issues, error.headers
    if isinstance(error, TerminologyError):
        return outcome.status(error.issues), error.issues, {}
    if isinstance(error, HTTPException):
        return error.code or 500, [_http_issue(error)], _allowed(error)
    if isinstance(error, UnavailableError):
        # Whoever raised it has it in the log, once.
        found = issues.store_unreachable()
        return outcome.status([found]), [found], {"Retry-After": str(_RETRY_AFTER)}
    incident = _own_request_id()
    log.error("incident %s at %s %s", incident, request.method, request.path, exc_info=error)
    return 500, [issues.unexpected(incident)], {}


def _allowed(error: HTTPException) -> Mapping[str, str]:
    if isinstance(error, MethodNotAllowed):
        return {"Allow": ", ".join(error.valid_methods or ())}
    return {}


def _http_issue(error: HTTPException) -> Issue:
    if isinstance(error, MethodNotAllowed):
        return issues.method_not_allowed(request.method, request.path, list(error.valid_methods or ()))
    if error.code == 404:
        return issues.no_such_page(request.path)
    if error.code == 413:
        return issues.too_large(request.max_content_length or 0)
    return issues.malformed(error.description or error.name)
