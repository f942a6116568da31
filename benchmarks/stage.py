"""The content of the benchmarks: a store, value sets, and requests whose right answers are known.

Made once for each number of concepts, and kept in a folder. The answers are worked out from the rows, not by
the product.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from served import JSON, XML, Asked

from terminology.store import store_at
from terminology.store.loading import StoreWriter
from terminology.store.schema import FORMAT
from terminology.wire import xml
from terminology.wire.fhir_versions import RELEASES
from tests.support import synthetic
from tests.support.importing import importer_of_rows
from tests.support.reporters import CollectingReporter

ALL_URL = "http://example.org/ValueSet/everything"
MANY_URL = "http://example.org/ValueSet/many"
KNOWN = 30_000  # concepts whose rows are kept at hand
BASE = "/fhir/r4"
BATCH = 100

Ask = Callable[[random.Random], Asked]
Check = Callable[[Asked, dict[str, Any]], bool]
Send = Callable[..., Asked]


def load(store: str, count: int, maps: bool = True) -> None:
    """Import the code system and its map."""
    kinds = [importer_of_rows((synthetic.release(), synthetic.concepts(count)), kind="synthetic")]
    if maps:
        map_rows = (synthetic.map_release(), synthetic.mappings(count))
        kinds.append(importer_of_rows(map_rows, kind="map"))
    writer = StoreWriter(store_at(store))
    for kind in kinds:
        writer.load(kind, [], CollectingReporter())
    writer.close()


def below(parents: Sequence[Sequence[int]], root: int) -> list[bool]:
    """By number, whether a concept is ``root`` or below it. Parents come before their children."""
    belongs: list[bool] = []
    for number, above in enumerate(parents):
        belongs.append(number == root or any(belongs[parent] for parent in above))
    return belongs


@dataclass(slots=True)
class Stage:
    folder: Path
    count: int

    @property
    def store(self) -> str:
        return str(self.folder / "store")

    @property
    def facts(self) -> Path:
        return self.folder / "facts.json"

    @property
    def content(self) -> list[Path]:
        return [self.folder / "value-sets.json"]


def stage(folder: Path, count: int) -> Stage:
    """Built, where it is not there yet."""
    new_stage = Stage(folder / f"{count}-{FORMAT}", count)
    if not new_stage.content[0].exists():
        new_stage.folder.mkdir(parents=True, exist_ok=True)
        load(new_stage.store, count)
        parents = [[number_of(code) for code in row.parents] for row in synthetic.concepts(count)]
        root = _root(parents)
        new_stage.facts.write_text(json.dumps({"root": root, "parents": parents}))
        new_stage.content[0].write_text(json.dumps(_bundle(synthetic.code(root))))
    return new_stage


def _root(parents: Sequence[Sequence[int]]) -> int:
    """The concept below which there is most nearly a quarter of all."""
    return min(range(1, 40), key=lambda number: abs(sum(below(parents, number)) - len(parents) // 4))


def number_of(code: str) -> int:
    return (int(code) - int(synthetic.code(0))) // 37


def _bundle(root: str) -> dict[str, Any]:
    many = {"system": synthetic.URL, "filter": [{"property": "concept", "op": "is-a", "value": root}]}
    includes = {ALL_URL: {"system": synthetic.URL}, MANY_URL: many}
    entries = [
        {
            "resource": {
                "resourceType": "ValueSet",
                "url": url,
                "version": "1",
                "status": "active",
                "compose": {"include": [include]},
            }
        }
        for url, include in includes.items()
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


# -- requests ------------------------------------------------------------------------------------


class Questions:
    """Requests at random, and whether an answer is right."""

    def __init__(self, stage: Stage) -> None:
        self.count = stage.count
        facts = json.loads(stage.facts.read_text())
        self._above: list[list[int]] = facts["parents"]
        self._members = below(self._above, facts["root"])
        self.members = sum(self._members)
        self._kinds: dict[str, tuple[Ask, Check]] = {
            "lookup": (self._lookup(_get), self._lookup_is_right),
            "translate": (self._translate(_get), self._translate_is_right),
            "subsumes": (self._subsumes, self._subsumes_is_right),
            "validate-code": (self._validate(_get), self._validation_is_right),
            "validate-in-set": (self._validate_in_set, self._membership_is_right),
            "expand-text": (self._expand_text, self._text_is_right),
            "expand-100": (self._expand_page, self._page_is_right),
            "post-lookup": (self._lookup(_post), self._lookup_is_right),
            "post-translate": (self._translate(_post), self._translate_is_right),
            "post-validate": (self._validate(_post), self._validation_is_right),
            "lookup-xml": (self._lookup(_get_xml), self._lookup_is_right),
            "post-lookup-xml": (self._lookup(_post_xml), self._lookup_is_right),
            "not-found": (self._not_found, self._nothing_is_right),
            "metadata": (lambda chance: Asked(f"{BASE}/metadata"), self._statement_is_right),
            "batch": (self._batch, self._batch_is_right),
        }

    def requests(self, name: str, times: int, seed: int) -> list[Asked]:
        chance = random.Random(f"{name} {seed}")
        make, _ = self._kinds[name]
        return [make(chance) for _ in range(times)]

    def is_right(self, name: str, request: Asked, answer: dict[str, Any]) -> bool:
        """Is this the answer to a request of a kind?"""
        _, check = self._kinds[name]
        return check(request, answer)

    # -- requests ----------------------------------------------------------------------------

    def _lookup(self, send: Send) -> Ask:
        return lambda chance: send("CodeSystem/$lookup", system=synthetic.URL, code=self._code(chance))

    def _not_found(self, chance: random.Random) -> Asked:
        asked = _get("CodeSystem/$lookup", system=synthetic.URL, code=f"x{self._code(chance)}")
        return replace(asked, status=404)

    def _translate(self, send: Send) -> Ask:
        fixed = {"url": synthetic.MAP_URL, "system": synthetic.URL}
        return lambda chance: send("ConceptMap/$translate", **fixed, code=self._code(chance))

    def _validate(self, send: Send) -> Ask:
        return lambda chance: send("CodeSystem/$validate-code", url=synthetic.URL, code=self._code(chance))

    def _validate_in_set(self, chance: random.Random) -> Asked:
        code = self._code(chance)
        return _get("ValueSet/$validate-code", url=MANY_URL, system=synthetic.URL, code=code)

    def _subsumes(self, chance: random.Random) -> Asked:
        above = synthetic.code(chance.randrange(min(400, self.count)))
        return _get("CodeSystem/$subsumes", system=synthetic.URL, codeA=above, codeB=self._code(chance))

    def _expand_text(self, chance: random.Random) -> Asked:
        return _get("ValueSet/$expand", url=ALL_URL, filter=self._typed(chance), count="20")

    def _expand_page(self, chance: random.Random) -> Asked:
        page = {"offset": str(chance.randrange(self.members - 100)), "count": "100"}
        return _get("ValueSet/$expand", url=MANY_URL, **page, includeDesignations="true")

    def _code(self, chance: random.Random) -> str:
        return synthetic.code(chance.randrange(self.count))

    def _typed(self, chance: random.Random) -> str:
        """The beginnings of one to three words of some display."""
        words = chance.choice(self._rows).display.split()
        some = chance.sample(words, min(len(words), chance.choice((1, 2, 2, 3))))
        return " ".join(word[: chance.randint(3, 6)] for word in some)

    def _batch(self, chance: random.Random) -> Asked:
        parts = [
            {
                "name": "validation",
                "resource": {
                    "resourceType": "Parameters",
                    "parameter": [{"name": "code", "valueCode": self._code(chance)}],
                },
            }
            for _ in range(BATCH)
        ]
        body = {
            "resourceType": "Parameters",
            "parameter": [{"name": "url", "valueUri": synthetic.URL}, *parts],
        }
        return Asked(f"{BASE}/CodeSystem/$batch-validate-code", json.dumps(body).encode())

    # -- right answers -----------------------------------------------------------------------

    @cached_property
    def _rows(self) -> list[Any]:
        """The first concepts, as they were made; the texts of more, to type from."""
        rows: Iterator[Any] = synthetic.concepts(min(self.count, KNOWN))
        return list(rows)

    def _lookup_is_right(self, request: Asked, answer: dict[str, Any]) -> bool:
        number = _number(request, "code")
        if number >= len(self._rows):
            return _value(answer, "display") is not None
        row = self._rows[number]
        texts = [_part(p, "value") for p in answer["parameter"] if p["name"] == "designation"]
        designations = {value for value, *_ in row.designations}
        return _value(answer, "display") == row.display and designations <= set(texts)

    def _nothing_is_right(self, request: Asked, answer: dict[str, Any]) -> bool:
        return answer["issue"][0]["code"] == "code-invalid"

    def _statement_is_right(self, request: Asked, answer: dict[str, Any]) -> bool:
        return answer["resourceType"] == "CapabilityStatement"

    def _translate_is_right(self, request: Asked, answer: dict[str, Any]) -> bool:
        match = next(p for p in answer["parameter"] if p["name"] == "match")
        return _part(match, "concept")["code"] == synthetic.target(_number(request, "code"))

    def _subsumes_is_right(self, request: Asked, answer: dict[str, Any]) -> bool:
        a, b = _number(request, "codeA"), _number(request, "codeB")
        expected = "equivalent" if a == b else "subsumes" if self._is_above(a, b) else ""
        expected = expected or ("subsumed-by" if self._is_above(b, a) else "not-subsumed")
        return _value(answer, "outcome") == expected

    def _is_above(self, a: int, b: int) -> bool:
        level = {b}
        while level:
            level = {parent for number in level for parent in self._above[number]}
            if a in level:
                return True
        return False

    def _validation_is_right(self, request: Asked, answer: dict[str, Any]) -> bool:
        return _value(answer, "result") is True

    def _membership_is_right(self, request: Asked, answer: dict[str, Any]) -> bool:
        return _value(answer, "result") is self._members[_number(request, "code")]

    def _text_is_right(self, request: Asked, answer: dict[str, Any]) -> bool:
        expansion = answer["expansion"]
        return len(expansion["contains"]) == min(20, expansion["total"])

    def _page_is_right(self, request: Asked, answer: dict[str, Any]) -> bool:
        expansion = answer["expansion"]
        codes = expansion["contains"]
        inside = all(self._members[number_of(c["code"])] for c in codes)
        return (
            expansion["total"] == self.members
            and len(codes) == 100
            and inside
            and all(len(c["designation"]) >= 2 for c in codes)
        )

    def _batch_is_right(self, request: Asked, answer: dict[str, Any]) -> bool:
        results = [_value(p["resource"], "result") for p in answer["parameter"]]
        return results == [True] * BATCH

    def texts_are_right(self, ask: Callable[[Asked], dict[str, Any]], times: int = 5) -> bool:
        """Whether the totals of some texts are those of reading all concepts."""
        requests = self.requests("expand-text", times, 77)
        typed = [_field(one, "filter").split() for one in requests]
        totals = [0] * times
        for row in synthetic.concepts(self.count):
            line = f" {' '.join([row.code, row.display, *[d[0] for d in row.designations]]).lower()}"
            for place, words in enumerate(typed):
                totals[place] += all(f" {word.lower()}" in line for word in words)
        return [ask(one)["expansion"]["total"] for one in requests] == totals


def _get(operation: str, **query: str) -> Asked:
    return Asked(f"{BASE}/{operation}?{urlencode(query)}")


def _post(operation: str, **values: str) -> Asked:
    """Simple values as a Parameters resource, as a client in JavaScript writes it."""
    types = {"code": "valueCode"}
    nodes = [{"name": name, types.get(name, "valueUri"): value} for name, value in values.items()]
    body = {"resourceType": "Parameters", "parameter": nodes}
    return Asked(f"{BASE}/{operation}", json.dumps(body, separators=(",", ":")).encode())


def _get_xml(operation: str, **query: str) -> Asked:
    return replace(_get(operation, **query), media=XML)


def _post_xml(operation: str, **values: str) -> Asked:
    asked = _post(operation, **values)
    return replace(asked, media=XML, body=xml.write(json.loads(asked.body), RELEASES["r4"]))


def document_of(request: Asked, content: bytes) -> dict[str, Any]:
    """What a body of this request, or of its answer, says."""
    return json.loads(content) if request.media == JSON else xml.read_resource(content, RELEASES["r4"])


def _field(request: Asked, name: str) -> str:
    if request.body:
        return str(_value(document_of(request, request.body), name))
    return parse_qs(request.path.partition("?")[2])[name][0]


def _number(request: Asked, name: str) -> int:
    return number_of(_field(request, name))


def _value(parameters: dict[str, Any], name: str) -> Any:
    node = next((p for p in parameters["parameter"] if p["name"] == name), {})
    return next((value for key, value in node.items() if key.startswith("value")), None)


def _part(parameter: dict[str, Any], name: str) -> Any:
    part = next(part for part in parameter["part"] if part["name"] == name)
    return next(value for key, value in part.items() if key.startswith("value"))


def sizes(answers: dict[str, Sequence[bytes]]) -> dict[str, int]:
    """How many bytes an answer has, in the mean."""
    return {name: sum(map(len, several)) // len(several) for name, several in answers.items()}
