"""The road of FHIR requests, for a page that a user has opened.

Every question goes through ``wire.rest.respond``, with the rights, the licence and the languages of the user. The
answers are in R5's shape, whatever the root is, so that each page is written once. One that failed is asked again below
the root itself: its words are those that a client of that root gets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode
from weakref import ref

from terminology.catalogue.protocol import Catalogue
from terminology.core.cache import Cache
from terminology.core.errors import RefusedError
from terminology.core.model import Document
from terminology.core.users import User
from terminology.wire import rest
from terminology.wire.exchange import Context, Request
from terminology.wire.failures import failure_of
from terminology.wire.fhir_versions import RELEASES
from terminology.wire.outcome import issue_of
from terminology.wire.request_headers import RequestHeader

Pairs = Sequence[tuple[str, str]]

# The headers of the browser that the questions of a page have, too. Conditions are about the page itself.
_PASSED_ON = (
    RequestHeader.ACCEPT_LANGUAGE,
    RequestHeader.API_KEY,
    RequestHeader.AUTHORIZATION,
    RequestHeader.HOPS,
)
# The bytes of answers that are kept, counted roughly: an answer to a page has some kilobytes.
_ROOM = 4_000_000
_BYTES_OF_NODE = 200
_MOST_NODES = 5_000
# What a path may have as it is.
_OF_A_PATH = "/$:@!*,;=~()'"


@dataclass(slots=True)
class AskedRequest:
    """A request that a page asked: ``about`` says what for, ``path`` is below the base."""

    about: str
    method: str
    path: str
    query: Pairs = ()
    body: Document | None = None

    @property
    def target(self) -> str:
        """The path and the query, as a URL has them."""
        path = quote(self.path, safe=_OF_A_PATH)
        return f"{path}?{urlencode(self.query, safe=':/$')}" if self.query else path


@dataclass(slots=True)
class PageReply:
    """The answer to a request: its status, its resource, and headers by name."""

    status: int
    resource: Document
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        return self.status < 300

    def entries(self) -> list[Document]:
        """The resources that a search has found."""
        entries = self.resource.get("entry", ()) if self.is_good else ()
        return [e["resource"] for e in entries if e.get("search", {}).get("mode") != "outcome"]

    @property
    def total(self) -> int:
        return int(self.resource.get("total", 0)) if self.is_good else 0


@dataclass(slots=True)
class _KeptReply:
    content: ref[Catalogue]
    reply: PageReply


_replies: Cache[_KeptReply] = Cache(_ROOM, lambda entry: _BYTES_OF_NODE * _nodes(entry.reply.resource))


class Road:
    """The road for one page. ``questions`` are the requests that the page tells how to repeat."""

    def __init__(self, context: Context, request: Request) -> None:
        self.context, self.request = context, request
        self.questions: list[AskedRequest] = []
        root = context.roots[0]
        self._r5 = replace(context, release=RELEASES["r5"], base=f"{root}/r5", writes_parts=False)
        self._user = as_user_of_r5(request.user, context.release.name)
        self._headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}

    def get(self, path: str, query: Iterable[tuple[str, str]] = (), about: str = "") -> PageReply:
        """The answer to a GET. With ``about``, the page tells how to repeat it."""
        return self._ask(AskedRequest(about, "GET", path, list(query)))

    def post(self, path: str, body: Document, about: str = "") -> PageReply:
        """The answer to a POST of a Parameters resource."""
        return self._ask(AskedRequest(about, "POST", path, (), body))

    def get_once(self, path: str, query: Iterable[tuple[str, str]] = (), about: str = "") -> PageReply:
        """As ``get``, for what many pages ask again: kept as long as the content is the same."""
        return self._ask_once(AskedRequest(about, "GET", path, list(query)))

    def post_once(self, path: str, body: Document, about: str = "") -> PageReply:
        """As ``post``, kept as long as the content is the same."""
        return self._ask_once(AskedRequest(about, "POST", path, (), body))

    def tell(self, about: str, path: str, query: Iterable[tuple[str, str]] = ()) -> None:
        """Tell in the page how to ask this, where the page itself asks for less, or for parts of it."""
        self.questions.append(AskedRequest(about, "GET", path, list(query)))

    def required(self, path: str, query: Iterable[tuple[str, str]] = ()) -> PageReply:
        """The answer to a GET without which there is no page. Raises RefusedError for one that is an error."""
        return _good(self.get(path, query))

    def required_post(self, path: str, body: Document) -> PageReply:
        """The answer to a POST, as ``required`` has that to a GET. Raises RefusedError."""
        return _good(self.post(path, body))

    def failure(self, exception: Exception) -> PageReply:
        """The answer that an exception is, as a client gets it."""
        response = failure_of(exception, self.request)
        return PageReply(response.status, response.resource or {}, response.headers)

    def in_own_release(self, question: AskedRequest) -> PageReply:
        """The answer as a client of the root gets it."""
        return self._answer(self.context, question)

    def _ask(self, question: AskedRequest) -> PageReply:
        if question.about:
            self.questions.append(question)
        reply = self._answer(self._r5, question)
        if reply.is_good:
            return reply
        own = self._answer(self.context, question)
        return reply if own.is_good else own

    def _ask_once(self, question: AskedRequest) -> PageReply:
        catalogue = self.context.catalogue
        languages = self._headers.get(RequestHeader.ACCEPT_LANGUAGE)
        body = str(question.body) if question.body else ""
        surroundings = (self.context.base, self.context.release.name, self.request.user.rights, languages)
        key = (surroundings, question.method, question.path, tuple(question.query), body)
        entry = _replies.find(key)
        if entry is not None and entry.content() is catalogue:
            if question.about:
                self.questions.append(question)
            return entry.reply
        reply = self._ask(question)
        if reply.is_good and self.context.elsewhere is None:
            _replies.put(key, _KeptReply(ref(catalogue), reply))
        return reply

    def _answer(self, context: Context, question: AskedRequest) -> PageReply:
        is_own = context is self.context
        request = Request(
            method=question.method,
            path=question.path,
            query=list(question.query),
            body=question.body,
            headers=self._headers,
            address=self.request.address,
            id=self.request.id,
            user=self.request.user if is_own else self._user,
        )
        response = rest.respond(context, request)
        return PageReply(response.status, response.resource or {}, response.headers)


def _good(reply: PageReply) -> PageReply:
    if reply.is_good:
        return reply
    raise RefusedError(reply.status, issue_of(reply.resource["issue"][0]), reply.headers)


def as_user_of_r5(user: User, release: str) -> User:
    """The user with the rights below the root of a release, as rights below that of R5, where pages ask.

    >>> as_user_of_r5(User("a", frozenset({"r4:system/*.rs", "r5:system/*.cruds"})), "R4").rights
    frozenset({'r5:system/*.rs'})
    """
    own = f"{release.lower()}:"
    rights = (f"r5:{r.removeprefix(own)}" if r.startswith(own) else r for r in user.rights)
    others = tuple(f"{name}:" for name in RELEASES if name != release.lower())
    kept_back = {r for r in user.rights if r.startswith(others)}
    return replace(user, rights=frozenset(r for r in rights if r not in kept_back))


def _nodes(value: Any) -> int:
    """The number of values in a resource, up to a bound that no kept answer should reach."""
    waiting, count = [value], 0
    while waiting and count < _MOST_NODES * 4:
        item = waiting.pop()
        count += 1
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return count


def parameters(*rows: tuple[str, str, Any]) -> Document:
    """A Parameters resource of names, elements (``valueCode``) and values; those without a value are left out."""
    nodes = [{"name": name, element: value} for name, element, value in rows if value not in (None, "")]
    return {"resourceType": "Parameters", "parameter": nodes}


def dependency(attribute: str, value: str) -> Document:
    """A condition that is known to hold, as a parameter of $translate."""
    typed = {"valueBoolean": value == "true"} if value in ("true", "false") else {"valueCode": value}
    return {
        "name": "dependency",
        "part": [{"name": "attribute", "valueUri": attribute}, {"name": "value", **typed}],
    }
