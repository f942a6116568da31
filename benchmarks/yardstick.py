"""The requests that FHIRsmith, another terminology server, was once measured with, and their speed here.

    python benchmarks/yardstick.py [--seconds 8] [--write docs/performance.md]

Ours are measured now, with one worker; FHIRsmith's are from another day, on a machine of the same kind (2
cores shared with wrk, one thread of it, 8 s after 3 s of warming up, one process of Node 24): as absolute
figures they can be compared only roughly. Every request is one and the same again and again, as it was there.

The content is HL7 Terminology and the map 102 of FHIR R4's examples, fetched with ``npm pack``. Where no
registry has what FHIRsmith was asked for, something like it takes its place, and the row says so.
"""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from expand_everything import fetched  # noqa: E402
from served import Asked, Load, Server, has_wrk, product  # noqa: E402
from speed import put  # noqa: E402

from tests.support import synthetic  # noqa: E402

PACKAGES = ("hl7.terminology.r4@7.0.1", "hl7.fhir.r4.examples@4.0.1")
CONNECTIONS = (1, 8, 32)
WARM_UP = 3.0
THO = "http://terminology.hl7.org"
ACT_CODE, VACCINES = f"{THO}/CodeSystem/v3-ActCode", f"{THO}/CodeSystem/v3-VaccineType"

Measured = tuple[float, float, float]  # requests a second, p50 and p99 in milliseconds


@dataclass(slots=True, frozen=True)
class Row:
    """One request; what its answer must have; and what FHIRsmith did with 1, 8 and 32 connections."""

    work: str
    path: str
    has: str
    bytes: int
    theirs: tuple[Measured, ...]


ROWS = (
    Row(
        "`$lookup` in a made-up code system of 3,156 codes (FHIRsmith: DCM)",
        f"CodeSystem/$lookup?system={synthetic.URL}&code={synthetic.code(1234)}",
        '"name":"display"',
        887,
        ((4_719, 0.20, 3.3), (8_022, 0.93, 2.2), (8_406, 3.6, 6.4)),
    ),
    Row(
        "`$lookup` in v3-ActCode",
        f"CodeSystem/$lookup?system={ACT_CODE}&code=AMB",
        "ambulatory",
        1_167,
        ((4_449, 0.22, 1.0), (6_621, 1.2, 2.5), (7_445, 4.1, 8.6)),
    ),
    Row(
        "`$translate` by ConceptMap/102",
        f"ConceptMap/$translate?url=http://hl7.org/fhir/ConceptMap/102&system={THO}/CodeSystem/v2-0487"
        "&code=ACNE&target=http://snomed.info/sct?fhir_vs",
        "309068002",
        324,
        ((6_264, 0.14, 1.8), (9_710, 0.76, 2.6), (8_813, 3.4, 9.0)),
    ),
    Row(
        "ValueSet `$validate-code` in v3-VaccineType",
        f"ValueSet/$validate-code?url={THO}/ValueSet/v3-VaccineType&system={VACCINES}&code=1",
        '"valueBoolean":true',
        277,
        ((2_621, 0.37, 1.5), (3_350, 2.3, 5.1), (4_028, 7.6, 14.5)),
    ),
    Row(
        "ValueSet `$validate-code` in v3-ActEncounterCode, a filter",
        f"ValueSet/$validate-code?url={THO}/ValueSet/v3-ActEncounterCode&system={ACT_CODE}&code=AMB",
        '"valueBoolean":true',
        766,
        ((2_505, 0.35, 1.8), (2_361, 3.2, 7.1), (1_977, 14.0, 31.8)),
    ),
    Row(
        "`$expand` of v3-VaccineType, 100 codes",
        f"ValueSet/$expand?url={THO}/ValueSet/v3-VaccineType",
        '"total":100',
        11_055,
        ((584, 1.6, 4.0), (679, 10.7, 23.3), (772, 37.2, 183)),
    ),
    Row(
        "`$subsumes` in v3-ActCode",
        f"CodeSystem/$subsumes?system={ACT_CODE}&codeA=_ActEncounterCode&codeB=AMB",
        '"subsumes"',
        85,
        ((6_655, 0.12, 0.9), (6_264, 1.1, 3.7), (5_569, 5.3, 13.4)),
    ),
    Row(
        "`$lookup` in SNOMED CT: the fragment that is bundled (FHIRsmith: a subset, 10200004)",
        "CodeSystem/$lookup?system=http://snomed.info/sct&code=54535009",
        "Cone biopsy",
        2_686,
        ((3_274, 0.25, 2.8), (3_256, 2.4, 6.2)),
    ),
    Row(
        "`metadata`",
        "metadata",
        "CapabilityStatement",
        4_243,
        ((3_745, 0.24, 1.8), (4_738, 1.4, 6.1), (7_454, 4.1, 10.7)),
    ),
)


def content(folder: Path) -> list[Path]:
    """What the rows ask about."""
    terminology, examples = fetched(PACKAGES)
    with tarfile.open(examples) as package:
        package.extract("package/ConceptMap-102.json", folder, filter="data")
    made_up = folder / "made-up.json"
    made_up.write_text(json.dumps(_made_up(3_156)))
    return [terminology, folder / "package" / "ConceptMap-102.json", made_up]


def _made_up(count: int) -> dict[str, Any]:
    concepts = [
        {
            "code": row.code,
            "display": row.display,
            "definition": row.designations[0][0],
            "designation": [
                {"language": designation[1], "value": designation[0]} for designation in row.designations
            ],
        }
        for row in synthetic.concepts(count)
    ]
    head = {"resourceType": "CodeSystem", "url": synthetic.URL, "version": "1", "status": "active"}
    return {**head, "content": "complete", "concept": concepts}


HEAD = (
    "| request | bytes | connections | requests/s | p50, p99 ms "
    "| FHIRsmith: bytes | requests/s | p50, p99 ms |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
)


def measured(server: Server, folder: Path, seconds: float, say: Callable[[str], None]) -> list[str]:
    lines = [*HEAD]
    for row in ROWS:
        request = Asked(f"/fhir/r4/{row.path}")
        size = _checked(server, row, request)
        for place, connections in enumerate(CONNECTIONS):
            wrk = Load(folder, connections)
            wrk.on(server, [request.raw(server.host)], min(WARM_UP, seconds))
            result = wrk.on(server, [request.raw(server.host)], seconds)
            say(f"{row.work}: {connections}: {result.rate:,.0f}, {result.failed} failed")
            if result.failed:
                raise SystemExit(f"{row.path}: {result.failed} requests failed")
            own = f"{result.rate:,.0f} | {result.p50:.2f}, {result.p99:.1f}"
            names = (f"{row.work} | {size:,}", f"{row.bytes:,}") if place == 0 else (" | ", "")
            lines.append(f"| {names[0]} | {connections} | {own} | {names[1]} | {_theirs(row, place)} |")
    return lines


def _checked(server: Server, row: Row, request: Asked) -> int:
    """How many bytes the right answer has."""
    status, body = server.ask(request)
    if status != 200 or row.has not in body.decode().replace('": ', '":'):
        raise SystemExit(f"{row.path}: {status} {body[:500]!r}")
    return len(body)


def _theirs(row: Row, place: int) -> str:
    if place >= len(row.theirs):
        return " | "
    rate, p50, p99 = row.theirs[place]
    return f"{rate:,.0f} | {p50:g}, {p99:g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--write", type=Path, help="a page with marks for the table")
    arguments = parser.parse_args()
    if not has_wrk():
        raise SystemExit("wrk is not installed (Debian: apt-get install wrk)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with product("", content(folder)) as server:
            say = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
            lines = measured(server, folder, arguments.seconds, say)
            usage = server.memory()
    head = f"Ours: {date.today()}, {arguments.seconds:g} s each, one worker. FHIRsmith's: another day."
    memory = f"The worker's memory after the load: {usage['uss']:.0f} MB (USS), {usage['pss']:.0f} MB (PSS)."
    text = "\n".join([head, "", *lines, "", memory])
    print(text)
    if arguments.write:
        put(arguments.write, "yardstick", text)


if __name__ == "__main__":
    main()
