"""Every operation gives the same answer through an adapter as from its upstream, in every release.

Three services run as processes: the upstream holds the content, and two adapters ask it, one in R4 and one in R5.
``requests.json`` has the requests, one a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from terminology.catalogue.concept_map import KEPT_WORD
from terminology.core.model import Document
from terminology.wire.elsewhere import ANSWERED_BY
from terminology.wire.outcome import ISSUE_SERVER
from tests.support.builders import code_system, concept, concept_map, url_of, value_set
from tests.support.service import serving
from tests.support.upstreams import upstreams_file

BIRDS, PARTIAL = url_of("birds"), url_of("partial")
OF_BIRDS, SOME_BIRDS, WITHOUT_OWLS = (url_of(name, "vs/") for name in ("birds", "some-birds", "without-owls"))
RELEASES = ("r4", "r4b", "r5")
# The time that a machine may be busy with other work, in seconds.
BUSY = 100


def names(german: str, french: str) -> list[Document]:
    return [{"language": "de", "value": german}, {"language": "fr", "value": french}]


def flies(legs: int, wingspan: float, habitat: str, seen: str) -> list[Document]:
    return [
        {"code": "legs", "valueInteger": legs},
        {"code": "wingspan", "valueDecimal": wingspan},
        {"code": "habitat", "valueString": habitat},
        {"code": "seen", "valueDateTime": seen},
    ]


def birds(version: str, *others: Document) -> Document:
    owl = concept(
        "owl", "Owl", designation=names("Eule", "Hibou"), property=flies(2, 1.5, "woods", "2026-05-01")
    )
    duck = concept(
        "duck", "Duck", property=[{"code": "status", "valueCode": "retired"}, *flies(2, 0.9, "lakes", "2026")]
    )
    types = {
        "status": "code",
        "legs": "integer",
        "wingspan": "decimal",
        "habitat": "string",
        "seen": "dateTime",
    }
    return code_system(
        "birds",
        concept("bird", "Bird", owl, duck, *others, designation=names("Vogel", "Oiseau")),
        concept("any-bird", "Any bird", property=[{"code": "notSelectable", "valueBoolean": True}]),
        id=f"birds-{version}",
        version=version,
        hierarchyMeaning="is-a",
        property=[
            {"code": code, "type": type_} for code, type_ in {**types, "notSelectable": "boolean"}.items()
        ],
    )  # fmt: skip


def target(code: str, relationship: str, **elements: Any) -> Document:
    return {"code": code, "relationship": relationship, **elements}


SUBSUMES = [{"url": KEPT_WORD, "valueCode": "subsumes"}]
WINTER = [{"attribute": "season", "valueString": "winter"}]
ELSEWHERE: list[Document] = [
    birds("1"),
    birds("2", concept("eagle", "Eagle", designation=names("Adler", "Aigle"))),
    code_system(
        "birds-in-french",
        concept("eagle", designation=[{"language": "fr", "value": "Aigle royal"}]),
        content="supplement",
        supplements=BIRDS,
    ),
    code_system("partial", concept("a", "A"), concept("b", "B"), hierarchyMeaning="is-a"),
    code_system("trees", concept("oak", "Oak"), id="trees"),
    code_system("nests", concept("hollow", "Hollow"), concept("reeds", "Reeds"), concept("ivy", "Ivy")),
    value_set("birds", {"system": BIRDS}, id="birds", title="All birds"),
    value_set("partial", {"system": PARTIAL}),
    value_set("nests", {"system": url_of("nests")}),
    value_set(
        "some-birds", {"system": BIRDS, "filter": [{"property": "concept", "op": "is-a", "value": "bird"}]}
    ),
    value_set("listed", {"system": BIRDS, "concept": [{"code": "duck"}, {"code": "owl", "display": "Night bird"}]}),
    value_set("without-owls", {"system": BIRDS}, exclude=[{"system": BIRDS, "concept": [{"code": "owl"}]}]),
    concept_map(
        "birds-to-trees",
        "birds",
        "trees",
        [
            {"code": "owl", "target": [target("oak", "source-is-narrower-than-target")]},
            {"code": "bird", "noMap": True},
        ],
        id="birds-to-trees",
    ),
    concept_map(
        "birds-to-colours",
        "birds",
        "colours",
        [
            {"code": "owl", "target": [target("brown", "related-to", comment="mostly")]},
            {"code": "duck", "target": [target("blue", "equivalent", dependsOn=WINTER), target("red", "equivalent")]},
        ],
        group={"unmapped": {"mode": "fixed", "code": "grey", "relationship": "related-to"}},
        additionalAttribute=[{"code": "season", "uri": "http://example.org/season", "type": "string"}],
    ),
    concept_map(
        "birds-to-nests",
        "birds",
        "nests",
        [
            {"code": "owl", "target": [target("hollow", "source-is-broader-than-target", comment="mostly")]},
            {"code": "eagle", "target": [target("hollow", "equivalent"), target("eyrie", "not-related-to")]},
            {"code": "duck", "target": [target("reeds", "source-is-narrower-than-target", extension=SUBSUMES)]},
            {"code": "wren", "target": [target("ivy", "source-is-narrower-than-target", dependsOn=WINTER)]},
        ],
        id="birds-to-nests",
        additionalAttribute=[{"code": "season", "uri": "http://example.org/season", "type": "string"}],
    ),
]  # fmt: skip
HERE: list[Document] = [
    code_system("trees", concept("oak", "Oak"), id="trees"),
    code_system("nests", concept("hollow", "Hollow"), concept("reeds", "Reeds"), concept("ivy", "Ivy")),
    code_system("partial", concept("a", "A"), content="fragment", hierarchyMeaning="is-a"),
    value_set("partial", {"system": PARTIAL}),
    value_set("over-birds", {"valueSet": [OF_BIRDS, SOME_BIRDS]}, id="over-birds"),
    value_set(
        "here",
        {"system": BIRDS, "concept": [{"code": "owl"}, {"code": "wren"}]},
        {"system": BIRDS, "filter": [{"property": "concept", "op": "is-a", "value": "duck"}]},
    ),
]
# The value sets of an adapter, which the upstream gets with the question: here it has them itself.
DIRECT = [*ELSEWHERE, *HERE[4:]]
CANONICALS = [f"{BIRDS}*", PARTIAL, "http://example.org/vs/*", "http://example.org/ConceptMap/*"]
REQUESTS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "requests.json").read_text("utf-8"))


def folder_of(path: Path, resources: list[Document]) -> str:
    path.mkdir()
    for index, resource in enumerate(resources):
        (path / f"{index}.json").write_text(json.dumps(resource), "utf-8")
    return str(path)


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that holds the content."""
    content = folder_of(tmp_path_factory.mktemp("upstream") / "content", DIRECT)
    with serving("--content", content, "--deadline", str(BUSY)) as service:
        yield f"http://127.0.0.1:{service.port}/fhir"


@pytest.fixture(scope="module")
def adapters(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The addresses of services that ask it, in R4 and in R5."""
    folder = tmp_path_factory.mktemp("adapters")
    content = folder_of(folder / "content", HERE)
    with ExitStack() as services:
        addresses = []
        for release in ("r4", "r5"):
            times = {"readTimeout": BUSY, "deadline": BUSY}
            entry = {"name": "aviary", "base": f"{upstream}/{release}", "canonicals": CANONICALS, **times}
            path = upstreams_file(folder, entry)
            options = ("--content", content, "--upstreams", str(path), "--deadline", str(BUSY))
            service = services.enter_context(serving(*options))
            addresses.append(f"http://127.0.0.1:{service.port}/fhir")
        yield addresses


CONNECTIONS = requests.Session()


def answer_to(base: str, release: str, recorded: dict[str, Any]) -> requests.Response:
    if "get" in recorded:
        return CONNECTIONS.get(f"{base}/{release}/{recorded['get']}", timeout=BUSY)
    headers = {"Content-Type": "application/fhir+json"}
    url = f"{base}/{release}/{recorded['post']}".rstrip("/")
    return CONNECTIONS.post(url, json=recorded["body"], headers=headers, timeout=BUSY)


def without_marks(response: requests.Response) -> Any:
    """The body without the time, the identifier, the addresses and the name of the server that answered."""
    body = response.json()
    for entry in body.get("entry", ()):
        entry.get("response", {}).pop("outcome", None)

    def plain(node: Any) -> Any:
        if isinstance(node, list):
            return [plain(item) for item in node]
        if not isinstance(node, dict):
            return node
        result = {key: plain(value) for key, value in node.items() if key not in MARKS}
        if "part" in result:
            result["part"].sort(key=lambda part: part["name"])  # R4 has no place for some of R5's
        result["extension"] = [e for e in result.get("extension", ()) if e["url"] != ISSUE_SERVER]
        return result

    return plain(body)


MARKS = ("timestamp", "identifier", "link", "fullUrl")


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("recorded", REQUESTS, ids=[str(number) for number in range(1, len(REQUESTS) + 1)])
def test_the_answer_is_that_of_the_upstream(
    upstream: str, adapters: list[str], release: str, recorded: dict[str, Any]
) -> None:
    """The second time, when it may have been prepared or kept, too."""
    direct = answer_to(upstream, release, recorded)
    is_of_many = recorded.get("post") == "" or "$batch" in recorded.get("post", "")
    for adapter in adapters:
        for _ in range(2):
            through = answer_to(adapter, release, recorded)
            assert without_marks(through) == without_marks(direct)
            assert through.status_code == direct.status_code
            if direct.ok and not is_of_many:
                assert through.headers[ANSWERED_BY] == "aviary"


def test_more_than_a_hundred_requests_are_recorded() -> None:
    """Each differs from the others, and all operations on content are among them."""
    assert len({json.dumps(recorded) for recorded in REQUESTS}) == len(REQUESTS) > 100
