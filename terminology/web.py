"""HTTP, and nothing of FHIR but its media types: Flask in front of ``wire.rest``."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from flask import Flask, Response, g, request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date

from terminology import issues
from terminology.assembly import Settings, open_catalogue, open_state
from terminology.catalogue import Catalogue
from terminology.model import Document, Issue, TerminologyError
from terminology.wire import exchange, json, outcome, rest, xml
from terminology.wire.exchange import Context, Refusal
from terminology.wire.media import FORM, JSON, XML, asks_for, negotiated, readable
from terminology.wire.releases import RELEASES, Release
from terminology.wire.sessions import Sessions

ROOT = "/fhir"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_ALLOWED_HEADERS = (
    "Accept, Accept-Language, Authorization, Cache-Control, Content-Type, If-Modified-Since, If-None-Match, "
    "Prefer, X-Cache-Id, X-Request-Id"
)
_EXPOSED_HEADERS = "Content-Location, ETag, Last-Modified, Location, X-Request-Id"
_VARY = "Accept, Accept-Language, Origin"

log = logging.getLogger("terminology")


class FhirResponse(Response):
    default_mimetype = JSON


def create_app(catalogue: Catalogue | None = None, settings: Settings | None = None) -> Flask:
    """A WSGI application with a root for each release below ``/fhir``. Mount it wherever you like.

    Raises UnreadableFile for content that cannot be loaded.
    """
    settings = settings or Settings()
    held = catalogue if catalogue is not None else open_catalogue(settings)
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
        return _answer(
            Context(held.for_fhir(release.version), release, base, state, sessions, spoken, most), further
        )

    for rule in (ROOT, f"{ROOT}/", f"{ROOT}/<path:path>"):
        app.add_url_rule(rule, rule, root, methods=_METHODS, provide_automatic_options=False)
    app.register_error_handler(Exception, _failed)
    app.after_request(lambda response: _signed(response, settings))
    return app


# -- one request ---------------------------------------------------------------------------------


def _answer(context: Context, path: str) -> Response:
    release = g.release = context.release
    if request.method == "OPTIONS":
        return Response(status=204, headers={"Allow": ", ".join(_METHODS[:3] + _METHODS[-1:])})
    asked = list(_query(request.query_string))
    media = _wanted(asked, release)
    body, form = _body(release)
    inner = exchange.Request(
        method=request.method,
        path=path,
        query=[*asked, *form],
        body=body,
        headers=dict(request.headers),
        address=request.remote_addr or "",
    )
    return _written(rest.respond(context, inner), media, release, pretty=("_pretty", "true") in asked)


def _root(settings: Settings, path: str) -> tuple[Release, str, str]:
    """The release of the first step of the path, or else the one that ``/fhir`` stands for."""
    here = request.host_url.rstrip("/") + request.script_root + ROOT
    first, _, further = path.strip("/").partition("/")
    release = RELEASES.get(first.lower())
    if release is not None and (settings.r6 or not release.is_ballot):
        return release, f"{here}/{first}", further.strip("/")
    return _default(settings), here, path.strip("/")


def _spoken(settings: Settings) -> tuple[Release, ...]:
    """The releases of the root without a release, the one that it speaks unasked first."""
    unasked = RELEASES[settings.default_release]
    others = (release for release in RELEASES.values() if settings.r6 or not release.is_ballot)
    return (unasked, *(release for release in others if release is not unasked))


def _default(settings: Settings) -> Release:
    """The root without a release speaks the one that ``fhirVersion`` asks for."""
    for header in (request.headers.get("Accept", ""), request.headers.get("Content-Type", "")):
        for release in RELEASES.values():
            if (settings.r6 or not release.is_ballot) and asks_for(header, release):
                return release
    return RELEASES[settings.default_release]


def _query(text: bytes) -> Iterable[tuple[str, str]]:
    return parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True)


def _wanted(asked: Iterable[tuple[str, str]], release: Release) -> str:
    """The media type of the answer. Raises Refusal (406)."""
    accept, sent = request.headers.get("Accept", ""), request.headers.get("Content-Type", "")
    return negotiated(accept, dict(asked).get("_format"), release, sent)


def _body(release: Release) -> tuple[Document | None, list[tuple[str, str]]]:
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


def _written(answer: exchange.Response, media: str, release: Release, pretty: bool = False) -> Response:
    headers = Headers(answer.headers)
    if "Last-Modified" in headers:
        headers["Last-Modified"] = http_date(datetime.fromisoformat(headers["Last-Modified"]))
    content = b""
    if answer.resource is not None and media == XML:
        content = xml.write(answer.resource, release, pretty)
    elif answer.resource is not None:
        content = json.write(answer.resource, pretty)
    response = FhirResponse(content, status=answer.status, headers=headers)
    response.content_type = f"{media}; charset=utf-8"
    if answer.status == 200 and request.method in ("GET", "HEAD") and "ETag" in headers:
        response.make_conditional(request)
    return response


def _signed(response: Response, settings: Settings) -> Response:
    """What every answer carries."""
    headers = response.headers
    headers["X-Request-Id"] = request.headers.get("X-Request-Id") or str(uuid.uuid4())
    headers["Vary"] = _VARY
    if settings.cors_origin:
        headers["Access-Control-Allow-Origin"] = settings.cors_origin
        headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, OPTIONS"
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
    except Refusal:
        media = JSON
    return _written(exchange.Response(status, document, dict(headers)), media, release)


def _outcome_of(error: Exception) -> tuple[int, list[Issue], Mapping[str, str]]:
    if isinstance(error, Refusal):
        return error.status, [error.issue], error.headers
    if isinstance(error, TerminologyError):
        return outcome.status(error.issues), error.issues, {}
    if isinstance(error, HTTPException):
        return error.code or 500, [_http_issue(error)], {}
    incident = request.headers.get("X-Request-Id") or str(uuid.uuid4())
    log.error("incident %s at %s %s", incident, request.method, request.path, exc_info=error)
    return 500, [issues.unexpected(incident)], {}


def _http_issue(error: HTTPException) -> Issue:
    if error.code == 404:
        return issues.no_such_page(request.path)
    if error.code == 413:
        return issues.too_large(request.max_content_length or 0)
    return issues.malformed(error.description or error.name)
