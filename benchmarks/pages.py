"""How long the server takes for a page: ``python benchmarks/pages.py [--codes 80000]``.

Makes up a code system with a hierarchy, and a map of a quarter as many codes, and serves them from a store of SQLite
and from memory. Each page is asked for once when the service has just been opened, and then several times. Times are
of the processor, in milliseconds, for the whole answer of the WSGI application. The exit status is 1 if a page of the
store takes longer than ``LIMIT``, the first time or again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from terminology import Settings, Terminology, create_app
from terminology.content.importers.fhir import FHIR
from terminology.store import store_at
from terminology.store.loading import StoreWriter
from tests.support.pages import BROWSER
from tests.support.reporters import CollectingReporter

LIMIT = 50.0
TIMES = 15
URL = "http://example.org/big"
CHAPTERS, GROUPS = 20, 100


def code_system(codes: int) -> dict[str, Any]:
    """Chapters with groups with codes, about so many."""
    each = max(1, codes // (CHAPTERS * GROUPS) - 1)
    return {
        "resourceType": "CodeSystem",
        "id": "big",
        "url": URL,
        "version": "1",
        "name": "Big",
        "title": "A big code system",
        "status": "active",
        "content": "complete",
        "hierarchyMeaning": "is-a",
        "concept": [
            {
                "code": f"{chapter}",
                "display": f"Chapter {chapter}",
                "concept": [
                    {
                        "code": f"{chapter}.{group}",
                        "display": f"Group {group} of chapter {chapter}",
                        "concept": [
                            {
                                "code": f"{chapter}.{group}.{number}",
                                "display": f"Disorder {number} of the organ {group} in chapter {chapter}",
                                "designation": [
                                    {"language": "de", "value": f"Erkrankung {number} an {group}"}
                                ],
                            }
                            for number in range(each)
                        ],
                    }
                    for group in range(GROUPS)
                ],
            }
            for chapter in range(CHAPTERS)
        ],
    }


def concept_map(codes: int) -> dict[str, Any]:
    elements = [
        {
            "code": f"{number % CHAPTERS}.{number % GROUPS}.{number % 9}",
            "target": [{"code": f"t{number}", "display": f"Target {number}", "relationship": "related-to"}],
        }
        for number in range(codes // 4)
    ]
    group = {"source": URL, "target": "http://example.org/other", "element": elements}
    return {
        "resourceType": "ConceptMap",
        "id": "big-map",
        "url": f"{URL}-map",
        "version": "1",
        "title": "A big map",
        "status": "active",
        "group": [group],
    }


VALUE_SET = {
    "resourceType": "ValueSet",
    "id": "big-set",
    "url": f"{URL}-set",
    "version": "1",
    "status": "active",
    "compose": {"include": [{"system": URL}]},
}


def pages(ids: dict[str, str]) -> dict[str, str]:
    """The addresses, below the base. ``ids`` are those of the code system and of the map."""
    lookup = f"CodeSystem/$lookup?system={quote(URL)}&code="
    return {
        "start": "",
        "top of the hierarchy": f"CodeSystem/{ids['CodeSystem']}",
        "100 groups of a chapter": f"CodeSystem/{ids['CodeSystem']}?at=7",
        "codes of a group": f"CodeSystem/{ids['CodeSystem']}?at=7.50",
        "search in it": f"CodeSystem/{ids['CodeSystem']}?filter=organ+77+chapter+7",
        "a concept": f"{lookup}7.50.3",
        "a concept with 100 children": f"{lookup}7",
        "a value set of all codes": "ValueSet/big-set",
        "its last page": "ValueSet/big-set?offset=79000",
        "the map": f"ConceptMap/{ids['ConceptMap']}",
        "a search over everything": "?q=organ+77",
    }


def stored(folder: Path, codes: int) -> Settings:
    files = []
    for resource in (code_system(codes), concept_map(codes)):
        files.append(folder / f"{resource['id']}.json")
        files[-1].write_text(json.dumps(resource))
    writer, reporter = StoreWriter(store_at(str(folder / "store"))), CollectingReporter()
    writer.load(FHIR, files, reporter)
    writer.close()
    loaded = folder / "set.json"
    loaded.write_text(json.dumps(VALUE_SET))
    return Settings(environment={}, bundled=False, data="", store=str(folder / "store"), content=[loaded])


def measured(client: Any, path: str) -> tuple[float, float]:
    """The first time and the median of the others, in milliseconds of the processor."""
    times = []
    for _ in range(TIMES):
        start = time.process_time()
        answer = client.get(
            f"/fhir/r5{'' if path[:1] in ('', '?') else '/'}{path}", headers={"Accept": BROWSER}
        )
        times.append(1_000 * (time.process_time() - start))
        assert answer.status_code == 200, (path, answer.status_code, answer.get_data(as_text=True)[:500])
    return times[0], statistics.median(times[1:])


def ids_in(client: Any) -> dict[str, str]:
    urls = {"CodeSystem": URL, "ConceptMap": f"{URL}-map"}
    found = {
        k: client.get(f"/fhir/r5/{k}?url={quote(u)}&_summary=true").get_json()["entry"]
        for k, u in urls.items()
    }
    return {kind: entries[0]["resource"]["id"] for kind, entries in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codes", type=int, default=80_000)
    codes = parser.parse_args().codes
    slowest = 0.0
    with tempfile.TemporaryDirectory() as name:
        services = {"store": create_app(stored(Path(name), codes)).test_client()}
        resources = [code_system(codes), concept_map(codes), VALUE_SET]
        content = Terminology(resources, bundled=False)
        services["memory"] = create_app(Settings(environment={}), catalogue=content.catalogue).test_client()
        print(f"| page, {codes:,} codes | " + " | ".join(f"{s}, first | {s}, again" for s in services) + " |")
        print("| --- |" + " ---: |" * 2 * len(services))
        rows: dict[str, list[str]] = {}
        for service, client in services.items():
            for page, path in pages(ids_in(client)).items():
                first, again = measured(client, path)
                rows.setdefault(page, [page]).extend([f"{first:.1f}", f"{again:.1f}"])
                if service == "store":
                    slowest = max(slowest, first, again)
        for row in rows.values():
            print(f"| {' | '.join(row)} |")
    return 1 if slowest > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
