"""HAPI's validator with this server as its terminology service (RemoteTerminologyServiceValidationSupport).

Its jars are those of tests/hapi/pom.xml, in the folder that FTA_HAPI_JARS names, or in build/hapi.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT
from tests.support.server import running

JARS = Path(os.environ.get("FTA_HAPI_JARS") or ROOT / "build" / "hapi")
PATIENCE = 400

pytestmark = pytest.mark.skipif(
    not shutil.which("javac") or not any(JARS.glob("hapi-fhir-validation-*.jar")),
    reason="needs a JDK and `mvn -f tests/hapi/pom.xml dependency:copy-dependencies`; .ci/run does it",
)

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
NARRATIVE = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">A cone biopsy</div>'}


def coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def condition(
    clinical: str = "active", verification: str = "confirmed", code: str = "D06.9"
) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "text": NARRATIVE,
        "clinicalStatus": coded(f"{TERMINOLOGY}/condition-clinical", clinical),
        "verificationStatus": coded(f"{TERMINOLOGY}/condition-ver-status", verification),
        "code": coded("http://hl7.org/fhir/sid/icd-10-cm", code),
        "subject": {"reference": "Patient/1"},
    }


def procedure(status: str = "completed", code: str = "57520") -> dict[str, Any]:
    return {
        "resourceType": "Procedure",
        "text": NARRATIVE,
        "status": status,
        "code": coded("http://www.ama-assn.org/go/cpt", code),
        "subject": {"reference": "Patient/1"},
    }


RESOURCES = {
    "condition": condition(),
    "procedure": procedure(),
    "clinical": condition(clinical="actve"),
    "verification": condition(verification="sure"),
    "status": procedure(status="done"),
}


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """The places of the errors that HAPI finds in each resource, in R4."""
    folder = tmp_path_factory.mktemp("hapi")
    files = []
    for name, resource in RESOURCES.items():
        files.append(folder / f"{name}.json")
        files[-1].write_text(json.dumps(resource))
    program = ROOT / "tests" / "hapi" / "RemoteValidation.java"
    subprocess.run(
        ["javac", "-cp", f"{JARS}/*", "-d", str(folder), str(program)], check=True, timeout=PATIENCE
    )
    with running(folder / "server.log") as address:
        printed = subprocess.run(
            [
                "java",
                "-cp",
                f"{JARS}/*{os.pathsep}{folder}",
                "RemoteValidation",
                f"{address}/r4",
                *map(str, files),
            ],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert printed.returncode == 0, printed.stderr[-3000:]
    found: dict[str, list[str]] = {name: [] for name in RESOURCES}
    for line in printed.stdout.splitlines():
        name, severity, place, _ = line.split("\t", 3)
        if severity in ("error", "fatal"):
            found[name.removesuffix(".json")].append(place)
    yield found


def test_a_right_Condition_and_a_right_Procedure_are_valid(errors: dict[str, list[str]]) -> None:
    assert (errors["condition"], errors["procedure"]) == ([], [])


@pytest.mark.parametrize(
    ("resource", "place"),
    [
        ("clinical", "Condition.clinicalStatus"),
        ("verification", "Condition.verificationStatus"),
        ("status", "Procedure.status"),
    ],
)
def test_a_code_outside_a_required_binding_is_an_error(
    errors: dict[str, list[str]], resource: str, place: str
) -> None:
    assert errors[resource] and all(found.startswith(place) for found in errors[resource])
