"""Does HL7's Java validator see what is broken? It is shown published bundles, spoiled one by one.

    python tests/validator/prove.py

Exits 0 when every fault was seen as an error, 1 when one was not, 77 when the validator cannot be had here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BUNDLES = HERE.parents[1] / "fhir_bundles"
SKIPPED = 77
Json = dict[str, Any]


def unknown_element(resource: Json) -> None:
    resource["banana"] = "yellow"


def code_outside_its_value_set(resource: Json) -> None:
    resource["status"] = "banana"


def missing_status(resource: Json) -> None:
    del resource["status"]


def malformed_date(resource: Json) -> None:
    resource["date"] = "yesterday"


def code_given_twice(resource: Json) -> None:
    resource["concept"] = [{"code": "a", "display": "A"}, {"code": "a", "display": "A"}]


def include_of_nothing(resource: Json) -> None:
    resource["compose"] = {"include": [{"concept": [{"code": "a"}]}]}


def fixed_unmapped_without_its_code(resource: Json) -> None:
    resource["group"][0]["unmapped"] = {"mode": "fixed"}


FAULTS: dict[str, list[Callable[[Json], None]]] = {
    "CodeSystem": [unknown_element, code_outside_its_value_set, malformed_date, code_given_twice],
    "ValueSet": [missing_status, include_of_nothing],
    "ConceptMap": [code_outside_its_value_set, fixed_unmapped_without_its_code],
    "NamingSystem": [missing_status, unknown_element],
}


def smallest(release: str, kind: str) -> Json:
    """The smallest published resource of a kind, fresh from the file."""
    bundles = [json.loads(file.read_text(encoding="utf-8")) for file in (BUNDLES / release).glob("*.json")]
    resources: list[Json] = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    return min(
        (each for each in resources if each["resourceType"] == kind), key=lambda each: len(json.dumps(each))
    )


def spoiled(release: str, folder: Path) -> list[Path]:
    """One file for each fault, named by it."""
    files = []
    for kind, faults in FAULTS.items():
        for spoil in faults:
            resource = smallest(release, kind)
            spoil(resource)
            file = folder / f"{kind}-{spoil.__name__}.json"
            file.write_text(json.dumps(resource), encoding="utf-8")
            files.append(file)
    return files


def unseen(release: str, version: str) -> list[str]:
    """The faults about which run.py had no error to print; raises SystemExit when it could not be run."""
    with tempfile.TemporaryDirectory() as folder:
        files = spoiled(release, Path(folder))
        command = [sys.executable, str(HERE / "run.py"), folder, "--version", version]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 1:
        print(done.stdout + done.stderr, file=sys.stderr)
        raise SystemExit(SKIPPED if done.returncode == SKIPPED else 1)
    errors = [line.split() for line in done.stdout.splitlines() if line.startswith(("FATAL", "ERROR"))]
    seen = {words[1] for words in errors}
    return [f"not seen in FHIR {version}: {file.stem}" for file in files if file.name not in seen]


def main() -> int:
    missed = [*unseen("r4", "4.0"), *unseen("r4", "4.3"), *unseen("r5", "5.0")]
    print("\n".join(missed) if missed else "HL7 validator: every fault was seen")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
