"""The pages as a whole: which view an address has, and the HTML of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cache, partial
from importlib.resources import files
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, PackageLoader

from terminology.catalogue.protocol import KINDS
from terminology.core import budget
from terminology.core.software import VERSION
from terminology.pages import (
    capabilities,
    conization,
    mappings,
    operations,
    resources,
    start,
    texts,
    value_sets,
)
from terminology.pages.code_systems import code_system
from terminology.pages.concept_maps import concept_map
from terminology.pages.concepts import lookup
from terminology.pages.diff import diff
from terminology.pages.links import CONIZATION, DIFF, FOR_PEOPLE, KIND_TITLES, LICENCES, SHEET, PageLinks
from terminology.pages.road import Road
from terminology.pages.snippets import snippets
from terminology.pages.state import ServiceState, state
from terminology.pages.upload import Upload
from terminology.pages.view import View, issues_of, title_of
from terminology.wire import json
from terminology.wire.exchange import Context, Request, Response
from terminology.wire.fhir_versions import RELEASES

# A value in a message.
_QUOTED = re.compile("'([^']+)'")
# The parameters of a request that say how its answer is written.
_FORM = ("_format", "_pretty")
# No script and no style but those that are served here, nothing from elsewhere, and in no frame.
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
HTML = "text/html; charset=utf-8"
_ASSET_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# The characters of an answer that a page repeats below it.
_MOST_REPEATED = 40_000
OperationView = Callable[[Road, str, Sequence[tuple[str, str]]], View]
_OPERATIONS: dict[tuple[str, str], OperationView] = {
    ("CodeSystem", "$lookup"): lookup,
    ("CodeSystem", "$validate-code"): operations.validate,
    ("ValueSet", "$validate-code"): operations.validate,
    ("CodeSystem", "$subsumes"): operations.subsumes,
    ("ValueSet", "$expand"): value_sets.expand,
    ("ConceptMap", "$translate"): operations.translate,
}


@dataclass(slots=True)
class Page:
    """A page: its status, its HTML, and the headers that belong to it. ``media`` is another one for a file."""

    status: int
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)
    media: str = HTML


@dataclass(slots=True, frozen=True)
class Asset:
    """A file that pages use: style, script or icon."""

    content: bytes
    media: str


@cache
def assets() -> dict[str, Asset]:
    """The files that pages use, by their names."""
    folder = files("terminology.pages") / "assets"
    return {
        item.name: Asset(item.read_bytes(), _ASSET_TYPES[item.name[item.name.rindex(".") :]])
        for item in folder.iterdir()
        if item.name[item.name.rindex(".") :] in _ASSET_TYPES
    }


@cache
def _mark_of_assets() -> str:
    """A text that changes with the assets, so that a browser may keep them."""
    content = b"".join(asset.content for _, asset in sorted(assets().items()))
    return hashlib.sha256(content).hexdigest()[:12]


def page(context: Context, request: Request) -> Page:
    """The page of a GET. All that it shows are answers to requests of the same user; they share one budget."""
    return _page(Road(context, request), partial(_view, request=request))


def sheet_page(context: Context, request: Request, upload: Upload) -> Page:
    """The answer to a sheet of codes that a browser sends: a page, or the sheet with its translations."""
    from terminology.pages.sheet import sheet

    return _page(Road(context, request), partial(sheet, upload=upload), is_private=True)


def state_page(context: Context, request: Request, service: ServiceState) -> Page:
    """The state of the service, for an operator whom somebody else has recognised."""
    return _page(Road(context, request), partial(state, service=service), is_private=True)


def _page(road: Road, view_of: Callable[[Road], View], is_private: bool = False) -> Page:
    context = road.context
    with budget.opened(context.max_work, context.deadline):
        view = view_of(road)
        if view.location is not None:
            return Page(303, b"", {"Location": view.location})
        headers = {**view.headers, **_headers(is_private or context.login is not None)}
        if view.file is not None:
            headers["Content-Disposition"] = f'attachment; filename="{view.file_name}"'
            return Page(view.status, view.file, headers, view.media)
        return Page(view.status, _html(road, view), headers)


def failure_page(base: str, root: str, release: str, response: Response) -> Page:
    """The page of an error that came before there was a request to answer. ``base`` and ``root`` are URLs."""
    links = PageLinks.of(base, root)
    values = {"issues": issues_of(response.resource or {}), "status": response.status}
    shell = _shell(links, release, "", False)
    html = html_of(
        "outcome.html", {**shell, **values, "title": "That did not work", "repeats": [], "answer": None}
    )
    return Page(response.status, html, {**response.headers, **_headers(is_private=True)})


def _headers(is_private: bool) -> dict[str, str]:
    return {"Cache-Control": "private, no-cache" if is_private else "no-cache", **SECURITY}


# -- which view an address has -------------------------------------------------------------------


def _view(road: Road, request: Request) -> View:
    query = [(name, value) for name, value in request.query if name not in _FORM]
    arguments = dict(query)
    match [step for step in request.path.split("/") if step]:
        case []:
            text = arguments.get("q", "").strip()
            return start.search(road, text) if text else start.start(road)
        case ["metadata"]:
            return capabilities.metadata(road, request.path, query)
        case [name] if name == CONIZATION:
            return conization.conization(road, arguments)
        case [name] if name == SHEET:
            from terminology.pages.sheet import form  # what it needs takes its time to load

            return form(road)
        case [name] if name == LICENCES:
            return resources.licences(road, arguments)
        case [name] if name == DIFF:
            return diff(road, arguments)
        case [kind] if kind in KINDS:
            links = _links(road)
            return resources.listing(road, kind, query, links.resource)
        case [kind, *_, name] if (kind, name) in _OPERATIONS:
            return _OPERATIONS[kind, name](road, request.path, query)
        case [kind, id_] if kind in KINDS and not id_.startswith(("$", "_")):
            return _resource(road, kind, id_, arguments)
    return resources.anything(road, request.path, query)


def _resource(road: Road, kind: str, id_: str, arguments: dict[str, str]) -> View:
    match kind:
        case "CodeSystem":
            return code_system(road, id_, arguments)
        case "ValueSet":
            return value_sets.value_set(road, id_, arguments)
        case "ConceptMap":
            return concept_map(road, id_, arguments)
    return resources.naming_system(road, id_)


# -- the HTML ------------------------------------------------------------------------------------


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("terminology.pages"),
        autoescape=True,
        optimized=False,  # the first reader of a page waits while it is compiled, and there is little to optimize
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "brief": texts.brief,
        "whole": texts.whole,
        "prose": texts.prose,
        "number": texts.number,
        "clean": texts.clean,
        "in_words": texts.in_words,
        "value_in_words": mappings.value_in_words,
        "title_of": title_of,
    }
    environment.globals |= {
        "kind_titles": KIND_TITLES,
        "for_people": FOR_PEOPLE,
        "relationships": mappings.RELATIONSHIPS,
        "forms": frozenset((kind, name.lstrip("$")) for kind, name in _OPERATIONS),
        "software_version": VERSION,
    }
    return environment


def html_of(name: str, values: dict[str, object]) -> bytes:
    """A template of the pages with its values."""
    return _environment().get_template(name).render(values).encode("utf-8", "replace")


def _links(road: Road) -> PageLinks:
    return PageLinks.of(road.context.base, road.context.roots[0])


def _html(road: Road, view: View) -> bytes:
    context = road.context
    target = road.request.path
    query = [(name, value) for name, value in road.request.query if name not in _FORM]
    if query:
        target = f"{target}?{urlencode(query)}"
    needs_key = context.login is not None and context.login.takes_keys
    repeats = [(question, snippets(context.base, question, needs_key)) for question in road.questions]
    shell = _shell(_links(road), context.release.name, target, context.release.is_ballot)
    values = {
        "title": view.title,
        "status": view.status,
        "repeats": repeats,
        "answer": _answer(road),
        "again": partial(_again, query),
        "suggestions": partial(_suggestions, query),
        "has_conization": conization.is_here(road),
    }
    return html_of(view.template, {**shell, **values, **view.values})


def _again(query: Sequence[tuple[str, str]], value: int, name: str = "offset") -> str:
    """The same page from another place on."""
    return (
        f"?{urlencode([*((n, v) for n, v in query if n != name), *([(name, str(value))] if value else [])])}"
    )


def _suggestions(query: Sequence[tuple[str, str]], text: str) -> list[tuple[str, str]]:
    """The values that a message asks whether they were meant, each with the address that asks the same with it.

    The value that each stands for is the one in the request that the message quotes and that is most like it.
    """
    before, question, after = text.rpartition("Did you mean ")
    wrong = {value for _, value in query if f"'{value}'" in before}
    if not (question and wrong):
        return []
    results = []
    for right in _QUOTED.findall(after.partition("?")[0]):
        nearest = max(sorted(wrong), key=lambda value: SequenceMatcher(None, value, right).ratio())
        results.append((right, f"?{urlencode([(n, right if v == nearest else v) for n, v in query])}"))
    return results


def _shell(links: PageLinks, release: str, target: str, with_ballot: bool) -> dict[str, object]:
    """What the frame of every page needs."""
    releases = [
        (RELEASES[name].name, links.in_release(name, target), RELEASES[name].name == release)
        for name in links.releases(with_ballot)
    ]
    return {
        "links": links,
        "releases": releases,
        "release": release,
        "mark": _mark_of_assets(),
        "path": urlsplit(target).path,
        "q": "",
    }


def _answer(road: Road) -> str | None:
    """The answer to an operation as a client of the root gets it, if it is short enough to read."""
    visible = [question for question in road.questions if "$" in question.path]
    if "$" not in road.request.path or not visible:
        return None
    text = json.write(road.in_own_release(visible[0]).resource, pretty=True).decode()
    return text if len(text) <= _MOST_REPEATED else None
