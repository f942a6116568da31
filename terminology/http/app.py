"""The Flask application: HTTP and media types in front of ``wire.rest``, which answers.

Two WSGI layers stand before Flask: ``common_headers.CommonHeaders`` and, inside it,
``prepared_requests.PreparedRequests``, which answers requests like earlier ones without Flask. Around them
``compression.Compression`` compresses large answers, and ``observation.Observed`` writes the access log and counts for
the metrics, if the settings say so. Between them
``addresses.behind_proxies`` reads the headers of proxies, ``request_rate.RequestRate`` counts the requests of each
caller and ``authentication.Authentication`` finds out which user sends one, if the settings say so. If hooks such as
``before_request`` are added to the application, Flask answers every request, so that the hooks see it. WSGI
middleware around ``wsgi_app`` sees every request without that loss of speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl, urlsplit

from flask import Flask, Response, g, request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.http import http_date
from werkzeug.routing import PathConverter, Rule

from terminology.catalogue.protocol import Catalogue
from terminology.core import issues
from terminology.core.errors import RefusedError, SettingError
from terminology.core.model import Document, Issue
from terminology.http.addresses import address_of, behind_proxies, require_host, require_origin
from terminology.http.authentication import (
    SMART_CONFIGURATION,
    Authentication,
    login_of,
    smart_configuration,
    user_of,
)
from terminology.http.bodies import body_of, require_length
from terminology.http.body_parts import require_few_parts
from terminology.http.common_headers import REQUEST_ID, CommonHeaders
from terminology.http.compression import compressed
from terminology.http.harness import Harness
from terminology.http.health import add_health
from terminology.http.media import (
    JSON,
    XML,
    asks_for,
    content_type_of,
    is_table,
    negotiated,
    readable,
    wants_page,
    written,
)
from terminology.http.observation import observed
from terminology.http.operator import require_operator
from terminology.http.prepared_requests import LASTING, PREPARED, PreparedRequests
from terminology.http.request_rate import limited_rate
from terminology.http.targets import RELEASE, ROOT
from terminology.http.uploads import UPLOAD, upload_of
from terminology.opening import (
    ServedContent,
    StoreState,
    open_authenticator,
    open_licences,
    open_state,
    open_upstreams,
    state_of_store,
)
from terminology.pages import site
from terminology.pages.links import ASSETS, SHEET, STATE
from terminology.pages.state import ServiceState
from terminology.pages.upload import MOST_BYTES
from terminology.settings import Settings
from terminology.wire import exchange, json, rest, slips, xml
from terminology.wire import request_headers as request_headers
from terminology.wire.exchange import FORM, Context, WritableContent
from terminology.wire.failures import failure
from terminology.wire.fhir_versions import RELEASES, FhirVersion
from terminology.wire.map_import import table_of_rows
from terminology.wire.request_headers import RequestHeader
from terminology.wire.sessions import Sessions

_READABLE = ("GET", "HEAD")
# The most characters of a URL, and of a header that is read. Web servers have limits of their own.
LONGEST_URL = 65_536
LONGEST_HEADER = 16_384


class _AnyPath(PathConverter):
    regex = ".*?"  # also a path that begins with a slash: one too many does no harm
    part_isolating = False


class FhirResponse(Response):
    """A response in FHIR's JSON, unless it names another type."""

    default_mimetype = JSON


def create_app(
    settings: Settings | None = None,
    *,
    catalogue: Catalogue | ServedContent | Callable[[], Catalogue] | None = None,
    harness: Harness | None = None,
) -> Flask:
    """A WSGI application with a root for each release below ``/fhir``. It can be mounted anywhere.

    ``catalogue`` is the content, or a function that returns the current content; the default is that of the
    settings, which alone can be written. ``harness`` makes it a test harness, as the setting of this name does.

    Raises TypeError for an argument of another type, UnreadableFileError for content that cannot be loaded, and
    SettingError for settings that contradict one another or name what cannot be used, such as upstreams.
    """
    settings = Settings.from_environment() if settings is None else settings
    if not isinstance(settings, Settings):
        raise TypeError(f"settings must be Settings, not {type(settings).__name__}")
    harness = harness or Harness.of(settings)
    served = ServedContent(settings) if catalogue is None else catalogue
    current, writable = _content(settings, served)
    state = open_state(settings)
    sessions = Sessions(state)
    # One thread of a caller is left for the answers of the content here, however slow the upstreams are.
    elsewhere = open_upstreams(settings, max(1, settings.threads - 1))
    authenticator, licences = open_authenticator(settings), open_licences(settings)
    app = Flask("terminology", static_folder=None)
    app.response_class = FhirResponse
    app.url_map.merge_slashes = app.url_map.strict_slashes = False  # Flask would redirect, in HTML
    app.config["MAX_CONTENT_LENGTH"] = settings.largest_body

    def root(path: str = "") -> Response:
        headers = g.headers = _headers()
        _require_short(headers)
        release, spoken, base, further = _root(settings, headers, path)
        request.environ[RELEASE] = release.name
        if further == SMART_CONFIGURATION and authenticator is not None:
            configuration = smart_configuration(authenticator)
            if configuration is not None:
                return _configuration(configuration)
        is_page = _is_page(headers)
        content, view = current(), None
        if licences is not None:
            view = licences.view(user_of(request.environ).rights)
            content = view.of(content)
        context = Context(
            content.for_fhir(release.version),
            release,
            base,
            state,
            sessions,
            spoken,
            settings.largest_expansion,
            settings.nested_expansions,
            settings.max_work,
            settings.deadline,
            writes_parts=True,
            elsewhere=elsewhere,
            login=login_of(authenticator),
            writable=writable,
            takes_writes=settings.writes,
            view=view,
            is_test_harness=harness is not None,
        )
        if is_page and further == STATE:
            inner = _page_request(headers, further)
            require_operator(request.environ, settings, context, inner)
            return _page(site.state_page(context, inner, _service_state(settings, served)))
        if is_page:
            return _page(site.page(context, _page_request(headers, further)))
        g.is_upload = _is_upload(headers, further)
        if g.is_upload:
            upload = upload_of(request.environ, min(MOST_BYTES, settings.largest_body))
            return _page(site.sheet_page(context, _page_request(headers, further), upload))
        response, media, is_pretty = _answer(context, headers, further, settings.largest_body)
        if _has_hooks(app):
            request.environ.pop(PREPARED, None)
            response.lasts = False
        whole = _written(response, media, release, is_pretty)
        if response.lasts:
            request.environ[LASTING] = whole.get_data()
        return whole

    app.url_map.converters["anything"] = _AnyPath
    app.view_functions["root"] = root
    app.add_url_rule(f"{ROOT}/{ASSETS}/<name>", "assets", _asset, methods=_READABLE)
    for rule in (ROOT, f"{ROOT}/", f"{ROOT}/<anything:path>"):
        app.url_map.add(Rule(rule, endpoint="root"))  # any method: rest.py refuses the others
    app.add_url_rule(
        "/", "home", partial(_home, settings), methods=_READABLE, provide_automatic_options=False
    )
    uncopied = served.uncopied if isinstance(served, ServedContent) else tuple
    add_health(app, current, uncopied, names_resources=authenticator is None)
    app.register_error_handler(Exception, _failed)
    prepared = PreparedRequests(app.wsgi_app, current, settings)
    known = prepared if authenticator is None else Authentication(prepared, authenticator)
    answering = behind_proxies(limited_rate(known, settings), settings)
    if harness is None:
        whole = compressed(CommonHeaders(answering, settings), settings)
    else:
        whole = harness.around(CommonHeaders(harness.inside(answering), settings, harness.headers), settings)
    app.wsgi_app = observed(whole, settings, current, elsewhere)  # type: ignore[assignment, method-assign]
    return app


def _content(
    settings: Settings, catalogue: Catalogue | ServedContent | Callable[[], Catalogue]
) -> tuple[Callable[[], Catalogue], WritableContent | None]:
    """A function that returns the current content, and the content that has a log of writes."""
    if isinstance(catalogue, ServedContent):
        return catalogue.catalogue, catalogue.writable
    if settings.writes:
        raise SettingError("'writes' needs the content that the settings name: 'catalogue' cannot be written")
    if isinstance(catalogue, Catalogue):
        content = catalogue
        return (lambda: content), None
    if not callable(catalogue):
        raise TypeError(f"catalogue must be a Catalogue, not {type(catalogue).__name__}")
    return catalogue, None


def _has_hooks(app: Flask) -> bool:
    """Does the application have hooks for every request? Flask accepts no more after the first request."""
    hooks = (
        app.before_request_funcs,
        app.after_request_funcs,
        app.teardown_request_funcs,
        app.teardown_appcontext_funcs,
        app.url_value_preprocessors,
    )
    return any(hooks)


# -- one request ---------------------------------------------------------------------------------


def _home(settings: Settings) -> Response:
    """A redirect from the address without a path to the base."""
    base = _base(settings)
    return _bare(302, {"Location": base if settings.base_url else urlsplit(base).path})


def _bare(status: int, headers: Mapping[str, str]) -> Response:
    """A response without a body, and therefore without a media type."""
    response = Response(status=status, headers=Headers(dict(headers)))
    response.headers.pop("Content-Type", None)
    return response


def _configuration(configuration: Mapping[str, object]) -> Response:
    """SMART's configuration, which is JSON in any case."""
    if request.method not in _READABLE:
        issue = issues.method_not_allowed(request.method, request.path, _READABLE)
        raise RefusedError(405, issue, {"Allow": ", ".join(_READABLE)})
    return Response(json.write(dict(configuration)), mimetype="application/json")


# -- pages ---------------------------------------------------------------------------------------


def _is_page(headers: request_headers.Headers) -> bool:
    """Is the answer to be a page for people? Only where somebody reads."""
    if request.method not in _READABLE:
        return False
    format_ = request.args.get("_format")
    return wants_page(headers.get(RequestHeader.ACCEPT, ""), format_)


def _page_request(headers: request_headers.Headers, path: str) -> exchange.Request:
    return exchange.Request(
        method="GET",
        path=path,
        query=list(_query(request.query_string)),
        headers=headers,
        address=request.remote_addr or "",
        id=request.environ[REQUEST_ID],
        user=user_of(request.environ),
    )


def _page(page: site.Page) -> Response:
    response = Response(page.content, status=page.status, headers=Headers(page.headers))
    response.content_type = page.media
    return response


def _service_state(settings: Settings, served: object) -> ServiceState:
    """The state for the operator: of the store of the settings, if it is that which is served."""
    if not isinstance(served, ServedContent):
        return ServiceState(StoreState())
    return ServiceState(state_of_store(settings, served.generation), served.uncopied())


def _is_upload(headers: request_headers.Headers, path: str) -> bool:
    """Does a browser send the form of a sheet, or a program that names no other answer than a page?"""
    media = headers.get(RequestHeader.CONTENT_TYPE, "").partition(";")[0].strip().lower()
    if request.method != "POST" or path != SHEET or media != UPLOAD:
        return False
    accept, format_ = headers.get(RequestHeader.ACCEPT, ""), request.args.get("_format")
    return wants_page(accept, format_) or (not format_ and accept.strip() in ("", "*/*"))


def _asset(name: str) -> Response:
    """A file that pages use. Its address changes with its content, so that browsers may keep it."""
    asset = site.assets().get(name)
    if asset is None:
        raise RefusedError(404, issues.no_such_page(request.path))
    response = Response(asset.content, content_type=f"{asset.media}; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _headers() -> request_headers.Headers:
    return request_headers.from_wsgi(request.environ)


def _require_short(headers: request_headers.Headers) -> None:
    """Raises RefusedError (414 or 431) for a URL or a header that is longer than any of use."""
    environ = request.environ
    if len(environ["PATH_INFO"]) + len(environ.get("QUERY_STRING", "")) > LONGEST_URL:
        raise RefusedError(414, issues.url_too_long(LONGEST_URL))
    for header, value in headers.items():
        if len(value) > LONGEST_HEADER:
            raise RefusedError(431, issues.header_too_long(header.value, LONGEST_HEADER))


def _answer(
    context: Context, headers: request_headers.Headers, path: str, largest_body: int
) -> tuple[exchange.Response, str, bool]:
    """The answer, its media type, and whether it is written with line breaks (``_pretty``)."""
    release = g.release = context.release
    if request.method == "OPTIONS" and RequestHeader.PREFLIGHT_METHOD in headers:
        return exchange.Response(204, None), JSON, False  # a browser asks before it sends its request
    query = list(_query(request.query_string))
    media = _media_of_answer(query, headers, release)
    body = _body(headers, release, largest_body)
    inner = exchange.Request(
        method=request.method,
        path=path,
        query=[*query, *body.form],
        body=body.resource,
        headers=headers,
        address=request.remote_addr or "",
        id=request.environ[REQUEST_ID],
        user=user_of(request.environ),
    )
    response, is_pretty = rest.respond(context, inner), ("_pretty", "true") in query
    if inner.prepared is not None and body.media != FORM and not is_pretty:
        request.environ[PREPARED] = inner.prepared, media
    return response, media, is_pretty


def _root(
    settings: Settings, headers: request_headers.Headers, path: str
) -> tuple[FhirVersion, tuple[FhirVersion, ...], str, str]:
    """The release, the releases that the root speaks, the base and the rest of the path.

    The first step of the path names a release; ``fhirVersion`` may ask for another of its family. Without one
    it is the release that ``/fhir`` stands for.
    """
    here = _base(settings)
    first, *further = [step for step in path.split("/") if step] or [""]
    release = RELEASES.get(first.lower())
    if release is not None and (settings.r6 or not release.is_ballot):
        requested = _requested_release(release.family, release, headers)
        return requested, (requested,), f"{here}/{first}", "/".join(further)
    spoken = _spoken(settings)
    return _requested_release(spoken, spoken[0], headers), spoken, here, "/".join([first, *further])


def _base(settings: Settings) -> str:
    """The URL of the base, as the client sees it. Raises RefusedError (400, 403 or 421)."""
    address = address_of(request.environ)  # also where it is not needed: HTTP asks to refuse a malformed Host
    require_host(request.environ, settings)
    require_origin(request.environ, settings)
    return settings.base_url or address + ROOT


def _spoken(settings: Settings) -> tuple[FhirVersion, ...]:
    """The releases that ``/fhir`` itself answers in, the default first."""
    default = RELEASES[settings.default_release]
    others = (release for release in RELEASES.values() if settings.r6 or not release.is_ballot)
    return (default, *(release for release in others if release is not default))


def _requested_release(
    offered: Sequence[FhirVersion], default: FhirVersion, headers: request_headers.Headers
) -> FhirVersion:
    """The release that ``fhirVersion`` asks for, of those that a root speaks."""
    for header in (RequestHeader.ACCEPT, RequestHeader.CONTENT_TYPE):
        for release in offered:
            if asks_for(headers.get(header, ""), release):
                return release
    return default


def _query(text: bytes) -> Iterable[tuple[str, str]]:
    return parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True)


def _media_of_answer(
    query: Iterable[tuple[str, str]], headers: request_headers.Headers, release: FhirVersion
) -> str:
    """The media type to answer in. Raises RefusedError (406)."""
    accept, sent = headers.get(RequestHeader.ACCEPT, ""), headers.get(RequestHeader.CONTENT_TYPE, "")
    return negotiated(accept, dict(query).get("_format"), release, sent)


@dataclass(slots=True, frozen=True)
class _Body:
    """The body of a request: its media type (empty without a body), and a resource or the fields of a form."""

    media: str = ""
    resource: Document | None = None
    form: Sequence[tuple[str, str]] = ()


def _body(headers: request_headers.Headers, release: FhirVersion, largest: int) -> _Body:
    """The body of a POST or PUT.

    Raises RefusedError for one that is not whole, too large or of another type, and TerminologyError for one that is
    not a resource.
    """
    if request.method not in ("POST", "PUT"):
        return _Body()
    content = body_of(request.environ, largest)
    if not content:
        return _Body()
    if is_table(headers.get(RequestHeader.CONTENT_TYPE, ""), request.path):
        return _Body(JSON, table_of_rows(content))
    media = readable(headers.get(RequestHeader.CONTENT_TYPE, ""), release)
    require_few_parts(content, media)
    if media == FORM:
        require_length(request.environ)
        return _Body(media, form=list(_query(content)))
    if media == XML:
        return _Body(media, xml.read_resource(content, release))
    return _Body(media, json.read_resource(content))


def _written(answer: exchange.Response, media: str, release: FhirVersion, pretty: bool = False) -> Response:
    headers = Headers(answer.headers)
    if answer.warnings:
        headers.add(slips.WARNING, slips.header(answer.warnings))
    changed = exchange.instant(headers.get("Last-Modified"))
    if changed is not None:
        headers["Last-Modified"] = http_date(changed)
    if answer.resource is None:
        return _bare(answer.status, dict(headers))
    response = FhirResponse(
        written(answer.resource, media, release, pretty), status=answer.status, headers=headers
    )
    response.content_type = content_type_of(media)
    return response


# -- failures ------------------------------------------------------------------------------------


def _failed(error: Exception) -> Response:
    """Any error, as an OperationOutcome in the requested format, or in JSON if there is no such format."""
    raised = _refused(error) if isinstance(error, HTTPException) else error
    response = failure(raised, request.environ[REQUEST_ID], f"{request.method} {request.path}")
    release = g.get("release", RELEASES["r5"])
    headers = g.get("headers") or _headers()
    try:
        is_page = g.get("is_upload", False) or _is_page(headers)
        if len(headers.get(RequestHeader.ACCEPT, "")) <= LONGEST_HEADER and is_page:
            root = f"{request.script_root}{ROOT}"
            return _page(site.failure_page(root, root, release.name, response))
        _require_short(headers)
        media = _media_of_answer(_query(request.query_string), headers, release)
    except RefusedError:
        media = JSON
    return _written(response, media, release)


def _refused(error: HTTPException) -> RefusedError:
    """The exception of ours for one that Flask raises about a request."""
    methods = error.valid_methods or () if isinstance(error, MethodNotAllowed) else ()
    headers = {"Allow": ", ".join(methods)} if methods else {}
    return RefusedError(error.code or 500, _http_issue(error), headers)


def _http_issue(error: HTTPException) -> Issue:
    if isinstance(error, MethodNotAllowed):
        return issues.method_not_allowed(request.method, request.path, list(error.valid_methods or ()))
    if error.code == 404:
        return issues.no_such_page(request.path)
    if error.code == 413:
        return issues.too_large(request.max_content_length or 0)
    return issues.malformed(error.description or error.name)
