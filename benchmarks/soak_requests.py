"""The clients of the soak: requests of every kind, each with what its right answer is.

Content that changes has a number, which is in its displays and targets: ``Shade x017 of 42``. ``Numbers`` knows when
each was current, so an answer must be to this request, of one number as a whole, and of one that was current between
the request and the answer. What a connection has seen once never goes back to an older number.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from terminology.core.model import Document
from terminology.store.release import CodeSystemRelease, ConceptRow, MapGroup, MapRelease, MapRow
from tests.support.builders import (
    body_of,
    code_system,
    coding,
    concept,
    concept_map,
    tx_resource,
    url_of,
    value_set,
)

SHADES, STORED, FAR, OWN, NOWHERE = (url_of(name) for name in ("shades", "stored", "far", "own", "nowhere"))
COUNT = {SHADES: 120, STORED: 2_000, FAR: 500}
JSON, XML = "application/fhir+json", "application/fhir+xml"
TIMEOUT = 120.0  # seconds for which the machine may be busy with other work
ENDS = 0.005  # of the requests end a connection: else all would come to be with the worker that nobody kills
LONGEST_IDLE = 15.0  # seconds after which a connection is not used again, because the server may close it
MOST_TRIES = 20
GONE = "gone"
TRANSIENT = (503, 504)


# -- content -------------------------------------------------------------------------------------


def shade(place: int) -> str:
    return f"x{place:03}"


def stored(place: int) -> str:
    return f"s{place:04}"


def far(place: int) -> str:
    return f"f{place:03}"


CODES: dict[str, Callable[[int], str]] = {SHADES: shade, STORED: stored, FAR: far}


def shades(number: int) -> Document:
    """The content of the folder: a code system, value sets and a map of one number, in one file."""
    codes = [shade(place) for place in range(COUNT[SHADES])]
    targets = [{"code": f"p-{code}-of-{number}", "relationship": "equivalent"} for code in codes]
    elements = [{"code": code, "target": [target]} for code, target in zip(codes, targets, strict=True)]
    mixed = [
        {"system": SHADES, "concept": [{"code": shade(1)}]},
        {"system": FAR, "concept": [{"code": far(1)}]},
    ]
    resources = [
        code_system(SHADES, *[concept(c, f"Shade {c} of {number}") for c in codes], id="shades"),
        value_set("shades", {"system": SHADES}, id="shades"),
        value_set("stored", {"system": STORED}, id="stored"),
        value_set("mixed", *mixed, id="mixed"),
        concept_map("shades", SHADES, "plain", elements, id="shades"),
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}


def far_content() -> Document:
    """The content of the upstream, which does not change."""
    codes = [concept(far(place), f"Far {far(place)}") for place in range(COUNT[FAR])]
    resources = [code_system(FAR, *codes, id="far"), value_set("far", {"system": FAR}, id="far")]
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}


def stored_releases(number: int) -> list[tuple[Any, Iterable[Any]]]:
    """The releases of the store with a number: codes, each below that of a tenth of its place, and a map."""
    places = range(COUNT[STORED])
    rows = [
        ConceptRow(stored(p), f"Bird {stored(p)} of {number}", parents=[stored(p // 10)] if p else [])
        for p in places
    ]
    targets = [MapRow(stored(p), f"t-{stored(p)}-of-{number}", "equivalent") for p in places]
    system = CodeSystemRelease("soak", STORED, "1")
    stored_map = MapRelease(
        "soak", url_of("stored", "ConceptMap/"), "1", groups=[MapGroup(STORED, url_of("t"))]
    )
    return [(system, rows), (stored_map, targets)]


class Numbers:
    """The numbers of one content, and when each was current. ``lag`` is the longest that one was seen afterwards.

    ``patience`` is how long it may be. For use by several threads.
    """

    def __init__(self, patience: float = 0.0) -> None:
        self._times: list[tuple[int, float]] = []
        self._ends: dict[int, float] = {}
        self._patience = patience
        self.lag = 0.0

    @property
    def last(self) -> int:
        return self._times[-1][0] if self._times else 0

    def begin(self, number: int) -> None:
        """From now on it may be seen."""
        self._times.append((number, time.monotonic()))

    def end_before(self, number: int) -> None:
        """From now on no older one may be seen."""
        now = time.monotonic()
        for older, _ in self._times[-10:]:
            if older < number:
                self._ends.setdefault(older, now)

    def current(self, sent: float, received: float) -> set[int]:
        """Those that were current at some moment between two times, with the patience."""
        current = set()
        for number, began in reversed(self._times[:]):
            if self._ends.get(number, received) + self._patience < sent:
                break
            if began <= received:
                current.add(number)
        return current

    def note(self, number: int, sent: float) -> None:
        """This number was seen in the answer to a request of that time."""
        self.lag = max(self.lag, sent - self._ends.get(number, sent))


# -- what is seen --------------------------------------------------------------------------------


class WrongError(Exception):
    """An answer that is not the right one to its request."""


class LostError(Exception):
    """A connection that ended before the answer, as it does when a worker is killed."""


@dataclass(slots=True)
class Tally:
    """What all clients have met. For use by several threads."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    transients: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    kills: list[float] = field(default_factory=list)
    _lock: Any = field(default_factory=threading.Lock)

    def answered(self, kind: str, status: int, seconds: float) -> None:
        with self._lock:
            self.requests += 1
            self.statuses[status] += 1
            self.kinds[kind] += 1
            self.seconds.append(seconds)
            self.slowest = max(self.slowest, (seconds, kind))

    def passed_by(self, answer: Answer) -> None:
        """Note a fault that passes, as the service documents it. Raises WrongError for any other answer."""
        issue = (answer.json.get("issue") or [{}])[0]
        if issue.get("code") != "transient" or "Retry-After" not in answer.headers:
            raise WrongError(f"{answer.status} is not 'transient' with Retry-After")
        text = re.sub(r"'[^']*'|\d+", "…", issue.get("details", {}).get("text", ""))
        with self._lock:
            self.transients[f"{answer.status} {text}"] += 1

    def lose(self, since: float) -> bool:
        """Note a request without an answer. Was a worker killed since this time?"""
        is_explained = any(killed >= since for killed in self.kills[-20:])
        with self._lock:
            self.lost += is_explained
        return is_explained

    def found_wrong(self, text: str) -> None:
        with self._lock:
            self.wrong.append(text)


@dataclass(slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    sent: float
    received: float
    connection: Connection

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            raise WrongError("the answer is not JSON") from None

    @property
    def text(self) -> str:
        return self.body.decode()


class Connection:
    """A connection that is kept, which is to one worker. ``seen`` has the latest number of each content."""

    def __init__(self, port: int, address: str) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, TIMEOUT, (address, 0))
        # When the last request was sent that was answered: the worker lived then.
        self.lived = time.monotonic()
        self.seen: dict[int, int] = {}

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        sent = time.monotonic()
        try:
            self._line.request(method, path, body, dict(headers))
            answer = self._line.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            raise LostError(f"{type(problem).__name__}: {problem}") from None
        self.lived = sent
        return Answer(answer.status, answer.headers, content, sent, time.monotonic(), self)

    def close(self) -> None:
        self._line.close()


@dataclass
class World:
    """What the clients share."""

    port: int
    tally: Tally
    content: Numbers
    imported: dict[str, Numbers]
    written: list[dict[str, Numbers]]
    keys: list[str]
    is_over: Callable[[], bool]


# -- a client ------------------------------------------------------------------------------------


class Client:
    """A user with a key, an address and some connections of its own, who asks questions at random."""

    def __init__(self, world: World, index: int, seed: int) -> None:
        self._world, self._index = world, index
        self._chance = random.Random(f"{seed} {index}")
        self._connections: list[Connection | None] = [None] * 4
        self._own = world.written[index]
        self._kind = ""
        self._kinds, self._weights = zip(*_WEIGHTS.items(), strict=True)
        self._cache, self._cached, self._has_cache = 0, "", False

    def run(self) -> None:
        """Ask until the soak is over."""
        while not self._world.is_over():
            (self._kind,) = self._chance.choices(self._kinds, self._weights)
            try:
                self._answered(_QUESTIONS[self._kind])
            except WrongError as problem:
                self._world.tally.found_wrong(f"{self._kind}: {problem}")
            except Exception as problem:  # an answer of another shape
                self._world.tally.found_wrong(f"{self._kind}: {type(problem).__name__}: {problem}")
        for connection in filter(None, self._connections):
            connection.close()

    def _answered(self, question: Callable[[Client], None]) -> None:
        """Ask, and ask again what a killed worker took with it."""
        for _ in range(MOST_TRIES):
            try:
                return question(self)
            except LostError as problem:
                last = problem
        raise WrongError(f"lost {MOST_TRIES} times: {last}")

    def _ask(
        self, path: str, body: Document | None = None, *, method: str = "", root: str = "", **headers: str
    ) -> Answer:
        """The answer. Raises LostError if a worker was killed, WrongError for a fault that never passes."""
        method = method or ("POST" if body is not None else "GET")
        root = root or self._chance.choice(("r4", "r5"))
        fields = {"Accept": JSON, "X-API-Key": self._world.keys[self._index]}
        if body is not None:
            fields["Content-Type"] = JSON
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        place = self._chance.randrange(len(self._connections))
        connection = self._connections[place]
        is_old = connection is not None and time.monotonic() - connection.lived > LONGEST_IDLE
        if connection is None or is_old or self._chance.random() < ENDS:
            if connection is not None:
                connection.close()
            connection = Connection(self._world.port, f"127.0.2.{self._index + 1}")
            self._connections[place] = connection
        content = json.dumps(body).encode() if body is not None else None
        try:
            answer = connection.ask(method, f"/fhir/{root}{path}", content, fields)
        except LostError as problem:
            connection.close()
            self._connections[place] = None
            if not self._world.tally.lose(connection.lived):
                raise WrongError(f"{path}: no answer, and no worker was killed: {problem}") from None
            raise
        self._world.tally.answered(self._kind, answer.status, answer.received - answer.sent)
        if answer.status >= 500 and answer.status not in TRANSIENT or answer.status == 429:
            raise WrongError(f"{method} {path}: {answer.status} {answer.text[:500]}")
        return answer

    def _get(self, path: str, **query: str) -> Answer:
        return self._ask(f"{path}?{urlencode(query)}")

    def _code(self, system: str) -> str:
        return CODES[system](self._chance.randrange(COUNT[system]))

    # -- what an answer must be ------------------------------------------------------------------

    def _is_current(self, answer: Answer, numbers: Numbers, seen: Iterable[Any], what: str) -> None:
        """All parts of an answer must be of one number, which was current."""
        parts = set(seen)
        _require(len(parts) == 1, answer, f"{what}: mixed or without a number, {sorted(map(str, parts))}")
        (number,) = parts
        current = numbers.current(answer.sent, answer.received)
        if number == GONE:
            _require(any(map(_is_gone, current)), answer, f"{what}: gone, where {sorted(current)} is current")
            return
        number = int(number)
        _require(number in current, answer, f"{what}: of {number}, where {sorted(current)} is current")
        last = answer.connection.seen.get(id(numbers), 0)
        _require(number >= last, answer, f"{what}: of {number}, after {last} over the same connection")
        answer.connection.seen[id(numbers)] = number
        numbers.note(number, answer.sent)

    def _has(self, answer: Answer, numbers: Numbers, codes: Iterable[str]) -> None:
        """The answer is well, has each of these codes, and all of one number."""
        _require(answer.status == 200, answer, "not 200")
        text, numbers_seen = answer.text, set()
        for code in codes:
            found = set(re.findall(rf"\b{code}(?: of |-of-)(\d+)\b", text))
            _require(bool(found), answer, f"{code} is missing")
            numbers_seen |= found
        self._is_current(answer, numbers, numbers_seen, ", ".join(codes))

    # -- questions -------------------------------------------------------------------------------

    def lookup(self) -> None:
        code = self._code(SHADES)
        answer = self._get("/CodeSystem/$lookup", system=SHADES, code=code)
        self._has(answer, self._world.content, [code])
        _require(len(set(re.findall(r"x\d{3} of", answer.text))) == 1, answer, "other codes, too")

    def lookup_by_post(self) -> None:
        code = self._code(STORED)
        answer = self._ask("/CodeSystem/$lookup", body_of(coding(code, STORED)))
        self._has(answer, self._world.imported[STORED], [code])

    def lookup_of_nothing(self) -> None:
        code = f"none-{self._chance.randrange(10**9)}"
        answer = self._get("/CodeSystem/$lookup", system=SHADES, code=code)
        _require(answer.status == 404 and code in answer.text, answer, f"{code} is not refused")

    def lookup_in_xml(self) -> None:
        code = self._code(SHADES)
        path = f"/CodeSystem/$lookup?{urlencode({'system': SHADES, 'code': code})}"
        answer = self._ask(path, Accept=XML)
        _require(answer.body.lstrip().startswith(b"<"), answer, "not XML")
        self._has(answer, self._world.content, [code])

    def translate(self) -> None:
        code = self._code(SHADES)
        answer = self._get(
            "/ConceptMap/$translate", url=url_of("shades", "ConceptMap/"), system=SHADES, code=code
        )
        self._has(answer, self._world.content, [f"p-{code}"])

    def translate_stored(self) -> None:
        code = self._code(STORED)
        url = url_of("stored", "ConceptMap/")
        answer = self._get("/ConceptMap/$translate", url=url, system=STORED, code=code)
        self._has(answer, self._world.imported["map"], [f"t-{code}"])

    def validate(self) -> None:
        code = self._code(SHADES)
        answer = self._get("/CodeSystem/$validate-code", url=SHADES, code=code)
        _require(_value(answer.json, "result") is True, answer, "not valid")
        self._has(answer, self._world.content, [code])

    def validate_in_set(self) -> None:
        code, is_there = self._code(STORED), self._chance.random() < 0.7
        code = code if is_there else f"{code}-not"
        answer = self._get("/ValueSet/$validate-code", url=url_of("stored", "vs/"), system=STORED, code=code)
        _require(_value(answer.json, "result") is is_there, answer, f"{code} is {is_there}")

    def expand_text(self) -> None:
        tens = self._chance.randrange(COUNT[SHADES] // 10)
        answer = self._get("/ValueSet/$expand", url=url_of("shades", "vs/"), filter=f"x{tens:02}")
        self._lists(answer, [shade(tens * 10 + place) for place in range(10)])

    def expand_page(self) -> None:
        first = self._chance.randrange(COUNT[SHADES] - 20)
        answer = self._get("/ValueSet/$expand", url=url_of("shades", "vs/"), offset=str(first), count="20")
        self._lists(answer, [shade(first + place) for place in range(20)], COUNT[SHADES])

    def expand_whole(self) -> None:
        answer = self._get("/ValueSet/$expand", url=url_of("shades", "vs/"))
        self._lists(answer, [shade(place) for place in range(COUNT[SHADES])])

    def _lists(self, answer: Answer, codes: list[str], total: int = 0) -> None:
        _require(answer.status == 200, answer, "not 200")
        expansion = answer.json["expansion"]
        _require([c["code"] for c in expansion["contains"]] == codes, answer, "other codes")
        _require(expansion["total"] == (total or len(codes)), answer, "another total")
        numbers = [c["display"].rpartition(" of ")[2] for c in expansion["contains"]]
        self._is_current(answer, self._world.content, numbers, "the expansion")

    def subsumes(self) -> None:
        place = self._chance.randrange(10, COUNT[STORED])
        above = place // self._chance.choice((10, 1, 100 if place >= 100 else 10))
        expected = "equivalent" if above == place else "subsumes"
        query = {"system": STORED, "codeA": stored(above), "codeB": stored(place)}
        answer = self._get("/CodeSystem/$subsumes", **query)
        _require(answer.status == 200 and _value(answer.json, "outcome") == expected, answer, expected)

    def batch(self) -> None:
        """Entries of several kinds: answered in order, all from one state of the content."""
        codes = [self._code(SHADES) for _ in range(4)]
        urls = [f"CodeSystem/$lookup?{urlencode({'system': SHADES, 'code': code})}" for code in codes]
        urls.append(f"ValueSet/$expand?{urlencode({'url': url_of('shades', 'vs/'), 'filter': codes[0]})}")
        entries = [{"request": {"method": "GET", "url": url}} for url in urls]
        answer = self._ask("", {"resourceType": "Bundle", "type": "batch", "entry": entries})
        self._has(answer, self._world.content, codes)
        parts = [json.dumps(entry["resource"]) for entry in answer.json["entry"]]
        for part, code in zip(parts, [*codes, codes[0]], strict=True):
            _require(set(re.findall(r"x\d{3}(?= of)", part)) == {code}, answer, f"{code} is elsewhere")

    def batch_validate(self) -> None:
        codes = [self._code(STORED) + self._chance.choice(("", "", "-not")) for _ in range(20)]
        validations = [
            {"name": "validation", "resource": body_of(code={"valueCode": code})} for code in codes
        ]
        body = body_of(*validations, url={"valueUri": STORED})
        answer = self._ask("/CodeSystem/$batch-validate-code", body)
        _require(answer.status == 200, answer, "not 200")
        results = [_value(p["resource"], "result") for p in answer.json["parameter"]]
        _require(results == [not code.endswith("-not") for code in codes], answer, "other results")

    def read(self) -> None:
        answer = self._ask("/CodeSystem/shades")
        self._has(answer, self._world.content, [shade(place) for place in range(COUNT[SHADES])])

    def search(self) -> None:
        answer = self._get("/ConceptMap", url=url_of("shades", "ConceptMap/"))
        _require(answer.json["total"] == 1, answer, "not one")
        self._has(answer, self._world.content, ["p-x000", "p-x119"])

    # -- what an upstream has --------------------------------------------------------------------

    def _is_transient(self, answer: Answer) -> bool:
        if answer.status not in TRANSIENT:
            return False
        self._world.tally.passed_by(answer)
        return True

    def lookup_elsewhere(self) -> None:
        code = self._code(FAR)
        answer = self._get("/CodeSystem/$lookup", system=FAR, code=code)
        if not self._is_transient(answer):
            _require(_value(answer.json, "display") == f"Far {code}", answer, code)

    def validate_elsewhere(self) -> None:
        code, is_there = self._code(FAR), self._chance.random() < 0.5
        code = code if is_there else f"{code}-not"
        answer = self._ask("/CodeSystem/$validate-code", body_of(coding(code, FAR)))
        if not self._is_transient(answer):
            _require(_value(answer.json, "result") is is_there, answer, f"{code} is {is_there}")

    def expand_elsewhere(self) -> None:
        code = self._code(FAR)
        answer = self._get("/ValueSet/$expand", url=url_of("far", "vs/"), filter=code)
        if not self._is_transient(answer):
            codes = [c["code"] for c in answer.json["expansion"]["contains"]]
            _require(codes == [code], answer, f"not {code}")

    def expand_here_and_elsewhere(self) -> None:
        answer = self._get("/ValueSet/$expand", url=url_of("mixed", "vs/"))
        if not self._is_transient(answer):
            displays = [c.get("display", "") for c in answer.json["expansion"]["contains"]]
            _require("Far f001" in displays and len(displays) == 2, answer, "not both parts")
            self._has(answer, self._world.content, [shade(1)])

    # -- what a client brings along --------------------------------------------------------------

    def _own_system(self) -> tuple[Document, str]:
        """A code system with the url that all clients use, and its display, which no other has."""
        display = f"Of client {self._index}, {self._chance.randrange(10**9)}"
        return code_system(OWN, concept("own", display, concept("below"))), display

    def bring_along(self) -> None:
        system, display = self._own_system()
        answer = self._ask("/CodeSystem/$lookup", body_of(tx_resource(system), coding("own", OWN)))
        _require(_value(answer.json, "display") == display, answer, f"not {display!r}")

    def ask_from_cache(self) -> None:
        """An id that all users have taken, each with a code system of the same url."""
        if not self._has_cache or self._chance.random() < 0.05:
            system, self._cached = self._own_system()
            self._cache, self._has_cache, brought = self._cache + 1, False, [tx_resource(system)]
        else:
            brought = []
        cache_id = {"valueString": f"the-id-that-all-users-have-{self._cache}"}
        body = body_of(*brought, coding("own", OWN), cache_id=cache_id)
        answer = self._ask("/CodeSystem/$lookup", body)
        _require(_value(answer.json, "display") == self._cached, answer, f"not {self._cached!r}")
        self._has_cache = True

    def close_over(self) -> None:
        """A closure table of a name that all users have taken."""
        place = self._chance.randrange(100, COUNT[STORED])
        above, name = stored(place // 10), {"valueString": "table"}
        answer = self._ask("/$closure", body_of(name=name), root="r4")
        _require(answer.status == 200, answer, "not begun")
        concepts = [
            {"name": "concept", "valueCoding": {"system": STORED, "code": c}} for c in (stored(place), above)
        ]
        answer = self._ask("/$closure", body_of(*concepts, name=name), root="r4")
        rows = [
            (e["code"], t["code"])
            for g in answer.json.get("group", ())
            for e in g["element"]
            for t in e["target"]
        ]
        _require({(stored(place), above)} == {(a, b) for a, b in rows if a != b}, answer, f"{rows}")

    # -- what clients write ----------------------------------------------------------------------

    def _url(self, kind: str, index: int) -> str:
        return url_of(f"{kind}-{index}")

    def write(self) -> None:
        """Create, update or delete a code system of its own; it is seen at once, wherever one asks."""
        self._write("alone", lambda number, path, resource: self._put(path, resource))

    def _put(self, path: str, resource: Document | None) -> Answer:
        return self._ask(path, resource, method="DELETE" if resource is None else "PUT", root="r4")

    def write_together(self) -> None:
        """A code system and a value set in a transaction."""

        def send(number: int, path: str, resource: Document | None) -> Answer:
            name = path.rpartition("/")[2]
            chosen = [{"code": "w", "display": f"Set w of {number}"}]
            include = {"system": self._url("together", self._index), "concept": chosen}
            resources = {
                f"CodeSystem/{name}": resource,
                f"ValueSet/{name}": value_set(name, include, id=name),
            }
            entries: list[Document] = [
                {"request": {"method": "DELETE" if resource is None else "PUT", "url": url}}
                | ({} if resource is None else {"resource": document})
                for url, document in resources.items()
            ]
            return self._ask(
                "", {"resourceType": "Bundle", "type": "transaction", "entry": entries}, root="r4"
            )

        self._write("together", send)

    def _write(self, kind: str, send: Callable[[int, str, Document | None], Answer]) -> None:
        numbers, name = self._own[kind], f"{kind}-{self._index}"
        number = numbers.last + 1
        display = f"Written w of {number}"
        resource = code_system(self._url(kind, self._index), concept("w", display), id=name)
        numbers.begin(number)
        for _ in range(MOST_TRIES):
            try:
                answer = send(number, f"/CodeSystem/{name}", None if _is_gone(number) else resource)
            except LostError:  # whether it was written is not known: it is written again
                continue
            if not self._is_transient(answer):  # a write waits for others, for seconds
                break
        else:
            raise WrongError(f"{name} could not be written")
        _require(answer.status in (200, 201, 204), answer, f"{name} was not written")
        numbers.end_before(number)

    def _somebody(self) -> int:
        return self._chance.randrange(len(self._world.written))

    def read_written(self) -> None:
        index = self._somebody() if self._chance.random() < 0.5 else self._index
        answer = self._ask(f"/CodeSystem/alone-{index}")
        self._is_current(
            answer, self._world.written[index]["alone"], _written_in(answer, "w"), f"alone-{index}"
        )

    def lookup_written(self) -> None:
        index = self._somebody() if self._chance.random() < 0.5 else self._index
        answer = self._get("/CodeSystem/$lookup", system=self._url("alone", index), code="w")
        self._is_current(
            answer, self._world.written[index]["alone"], _written_in(answer, "w"), f"alone-{index}"
        )

    def read_written_together(self) -> None:
        """Both resources of a transaction, in a batch: of the same number, or both not there."""
        index = self._somebody()
        urls = [f"{type}/together-{index}" for type in ("CodeSystem", "ValueSet")]
        entries = [{"request": {"method": "GET", "url": url}} for url in urls]
        answer = self._ask("", {"resourceType": "Bundle", "type": "batch", "entry": entries})
        _require(answer.status == 200, answer, "not 200")
        seen: set[Any] = set()
        for entry in answer.json["entry"]:
            found = re.findall(r" w of (\d+)", json.dumps(entry.get("resource", {})))
            is_gone = entry["response"]["status"][:3] in ("404", "410")
            seen |= set(found) or ({GONE} if is_gone else set())
        self._is_current(answer, self._world.written[index]["together"], seen, f"together-{index}")


def _is_gone(number: int) -> bool:
    """Is what has this number deleted, or not there yet?"""
    return number % 5 == 0


def _written_in(answer: Answer, code: str) -> set[Any]:
    if answer.status in (404, 410):
        return {GONE}
    return set(re.findall(rf"\b{code} of (\d+)", answer.text))


def _value(parameters: Document, name: str) -> Any:
    node = next((p for p in parameters.get("parameter", ()) if p["name"] == name), {})
    return next((value for key, value in node.items() if key.startswith("value")), None)


def _require(holds: bool, answer: Answer, what: str) -> None:
    if not holds:
        raise WrongError(f"{what}; {answer.status} {answer.text[:400]}")


_WEIGHTS = {
    "lookup": 18,
    "lookup_by_post": 14,
    "lookup_of_nothing": 3,
    "lookup_in_xml": 3,
    "translate": 9,
    "translate_stored": 7,
    "validate": 8,
    "validate_in_set": 6,
    "expand_text": 3,
    "expand_page": 3,
    "expand_whole": 1,
    "subsumes": 5,
    "batch": 2,
    "batch_validate": 2,
    "read": 1,
    "search": 2,
    "lookup_elsewhere": 2,
    "validate_elsewhere": 2,
    "expand_elsewhere": 0.5,
    "expand_here_and_elsewhere": 0.5,
    "bring_along": 2,
    "ask_from_cache": 2,
    "close_over": 1,
    "write": 0.5,
    "write_together": 0.3,
    "read_written": 3,
    "lookup_written": 3,
    "read_written_together": 2,
}
_QUESTIONS: dict[str, Callable[[Client], None]] = {name: getattr(Client, name) for name in _WEIGHTS}
