"""Every operation gives the same answer through the adapter as from the upstream itself, in every release."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from terminology import Settings, create_app
from terminology.catalogue.content import Content
from terminology.core.model import Document
from terminology.wire.elsewhere import ANSWERED_BY
from terminology.wire.outcome import ISSUE_SERVER
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
from tests.support.upstreams import listening, upstreams_file

BIRDS, TREES, PARTIAL = url_of("birds"), url_of("trees"), url_of("partial")
OF_BIRDS, SOME_BIRDS, OVER_BIRDS = (
    url_of("birds", "vs/"),
    url_of("some-birds", "vs/"),
    url_of("over-birds", "vs/"),
)
MAP = url_of("birds-to-trees", "ConceptMap/")

GERMAN = [{"language": "de", "value": "Vogel"}]
CONTENT: list[Document] = [
    code_system(
        "birds",
        concept(
            "bird",
            "Bird",
            concept("owl", "Owl"),
            concept("duck", "Duck", property=[{"code": "status", "valueCode": "retired"}]),
            designation=GERMAN,
        ),
        id="birds",
        version="2",
        hierarchyMeaning="is-a",
        property=[{"code": "status", "type": "code"}],
    ),
    code_system("partial", concept("a", "A"), concept("b", "B"), hierarchyMeaning="is-a"),
    code_system("trees", concept("oak", "Oak"), id="trees"),
    value_set("birds", {"system": BIRDS}, id="birds"),
    value_set("partial", {"system": PARTIAL}),
    value_set(
        "some-birds", {"system": BIRDS, "filter": [{"property": "concept", "op": "is-a", "value": "bird"}]}
    ),
    concept_map(
        "birds-to-trees",
        "birds",
        "trees",
        [
            {"code": "owl", "target": [{"code": "oak", "relationship": "source-is-narrower-than-target"}]},
            {"code": "bird", "noMap": True},
        ],
        id="birds-to-trees",
    ),
]
HERE: list[Document] = [
    code_system("trees", concept("oak", "Oak"), id="trees"),
    code_system("partial", concept("a", "A"), content="fragment", hierarchyMeaning="is-a"),
    value_set("partial", {"system": PARTIAL}),
    value_set("over-birds", {"valueSet": [OF_BIRDS, SOME_BIRDS]}, id="over-birds"),
    value_set(
        "here",
        {"system": BIRDS, "concept": [{"code": "owl"}, {"code": "wren"}]},
        {"system": BIRDS, "filter": [{"property": "concept", "op": "is-a", "value": "duck"}]},
    ),
]
# The value sets of the adapter, which the upstream gets with the question: here it has them itself.
DIRECT = [*CONTENT, *HERE[3:]]

SENT = value_set("sent", {"valueSet": [OF_BIRDS]})
DUCK, OWL = coding("duck", BIRDS), {"system": BIRDS, "code": "owl"}
REQUESTS: list[tuple[str, Any]] = [
    ("CodeSystem/$lookup", {"system": BIRDS, "code": "bird"}),
    ("CodeSystem/$lookup", {"system": BIRDS, "code": "bird", "displayLanguage": "de", "property": "parent"}),
    ("CodeSystem/$lookup", {"system": BIRDS, "version": "2", "code": "duck"}),
    ("CodeSystem/$lookup", {"system": f"{BIRDS}|2", "code": "duck"}),
    ("CodeSystem/$lookup", body_of(coding("owl", BIRDS))),
    ("CodeSystem/$lookup", {"system": PARTIAL, "code": "b"}),
    ("CodeSystem/$validate-code", {"url": BIRDS, "code": "owl", "display": "Owl"}),
    ("CodeSystem/$validate-code", {"url": BIRDS, "code": "owl", "display": "Eagle"}),
    ("CodeSystem/$validate-code", {"url": BIRDS, "code": "wren"}),
    ("CodeSystem/$validate-code", {"url": PARTIAL, "code": "b"}),
    ("CodeSystem/$validate-code", {"url": PARTIAL, "code": "c"}),
    ("CodeSystem/$validate-code", body_of(coding("owl", BIRDS, display="Owl"))),
    ("CodeSystem/$subsumes", {"system": BIRDS, "codeA": "bird", "codeB": "owl"}),
    ("CodeSystem/$subsumes", {"system": PARTIAL, "codeA": "a", "codeB": "b"}),
    ("ValueSet/$expand", {"url": OF_BIRDS}),
    ("ValueSet/$expand", {"url": OF_BIRDS, "count": "", "offset": " 0 "}),
    ("ValueSet/$expand", {"url": OF_BIRDS, "filter": "ow", "count": "1", "includeDesignations": "true"}),
    ("ValueSet/$expand", {"url": SOME_BIRDS, "activeOnly": "true", "property": "status"}),
    ("ValueSet/$expand", {"url": url_of("partial", "vs/")}),
    ("ValueSet/$expand", {"url": OVER_BIRDS}),
    ("ValueSet/$expand", {"url": url_of("here", "vs/")}),
    ("ValueSet/$expand", body_of(tx_resource(SENT), url={"valueUri": SENT["url"]})),
    ("ValueSet/$validate-code", {"url": OF_BIRDS, "system": BIRDS, "code": "owl"}),
    ("ValueSet/$validate-code", {"url": OF_BIRDS, "system": BIRDS, "code": "wren"}),
    ("ValueSet/$validate-code", {"url": OVER_BIRDS, "system": BIRDS, "code": "duck"}),
    ("ValueSet/$validate-code", {"url": url_of("here", "vs/"), "system": BIRDS, "code": "wren"}),
    ("ValueSet/$validate-code", body_of(DUCK, url={"valueUri": OF_BIRDS}, activeOnly={"valueBoolean": True})),
    ("ConceptMap/$translate", {"url": MAP, "system": BIRDS, "code": "owl"}),
    ("ConceptMap/$translate", {"url": MAP, "system": BIRDS, "code": "bird"}),
    ("ConceptMap/$translate", {"url": MAP, "system": BIRDS, "code": "duck"}),
    ("ConceptMap/$translate", {"system": BIRDS, "code": "owl", "targetsystem": TREES}),
    ("ConceptMap/$translate", {"system": BIRDS, "sourceCode": "owl", "targetSystem": TREES}),
    ("ConceptMap/$translate", {"url": MAP, "targetCode": "oak", "targetSystem": TREES}),
    ("ConceptMap/$translate", body_of(url={"valueUri": MAP}, sourceCoding={"valueCoding": OWL})),
]  # fmt: skip
# The time that a machine may be busy with other work, in seconds.
BUSY = 100
CANONICALS = [f"{BIRDS}*", PARTIAL, "http://example.org/vs/*", "http://example.org/ConceptMap/*"]


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """A server that holds the content."""
    with listening(create_app(Settings(), catalogue=Content(DIRECT))) as address:
        yield address


@pytest.fixture(scope="module", params=["r4", "r5"])
def adapter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that asks one with the content, in a release."""
    with listening(create_app(Settings(), catalogue=Content(CONTENT))) as base:
        times = {"readTimeout": BUSY, "deadline": BUSY}
        entry = {"name": "aviary", "base": f"{base}/{request.param}", "canonicals": CANONICALS, **times}
        path = upstreams_file(tmp_path_factory.mktemp("adapter"), entry)
        with listening(
            create_app(Settings(upstreams=path, deadline=BUSY), catalogue=Content(HERE))
        ) as address:
            yield address


def asked(base: str, release: str, operation: str, sent: Any) -> requests.Response:
    if "resourceType" in sent:
        return requests.post(
            f"{base}/{release}/{operation}",
            json=sent,
            headers={"Content-Type": "application/fhir+json"},
            timeout=BUSY,
        )
    return requests.get(f"{base}/{release}/{operation}?{urlencode(sent)}", timeout=BUSY)


def without_marks(response: requests.Response) -> Any:
    """The body without the time, the identifier and the name of the server that answered."""

    def plain(node: Any) -> Any:
        if isinstance(node, list):
            return [plain(item) for item in node]
        if not isinstance(node, dict):
            return node
        result = {key: plain(value) for key, value in node.items() if key not in ("timestamp", "identifier")}
        if "part" in result:
            result["part"].sort(key=lambda part: part["name"])  # R4 has no place for some of R5's
        result["extension"] = [e for e in result.get("extension", ()) if e["url"] != ISSUE_SERVER]
        return result

    return plain(response.json())


@pytest.mark.parametrize("release", ["r4", "r4b", "r5"])
@pytest.mark.parametrize("operation, sent", REQUESTS)
def test_the_answer_is_that_of_the_upstream(
    upstream: str, adapter: str, release: str, operation: str, sent: Any
) -> None:
    """The second time, when it may have been prepared or kept, too."""
    direct = asked(upstream, release, operation, sent)
    for _ in range(2):
        through = asked(adapter, release, operation, sent)
        assert without_marks(through) == without_marks(direct)
        assert through.status_code == direct.status_code == 200
        assert through.headers[ANSWERED_BY] == "aviary"
