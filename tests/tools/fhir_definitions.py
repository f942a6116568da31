"""The terminology that FHIR itself defines, taken from the core packages: ``python
tests/fhir_definitions.py [--check]``.
 For each release the code systems of FHIR, and the value sets that are made of nothing else, are kept in
``fhir_bundles/definitions``, so that the server knows the codes of FHIR's own elements without any package
at hand. Narrative and the marks of the publishing process are left out; nothing else is changed. FHIR is
CC0. Needs npm; exits with 77 where there is none.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "fhir_bundles" / "definitions"
RELEASES = ("4.0", "4.3", "5.0")
FHIR = "http://hl7.org/fhir/"
LEFT_OUT = ("text", "extension", "meta", "contact", "jurisdiction", "identifier")

Json = dict[str, Any]


def _validator() -> ModuleType:
    """tests/validator/run.py knows how to fetch packages."""
    path = ROOT / "tests" / "validator" / "run.py"
    spec = importlib.util.spec_from_file_location("run", path)
    assert spec and spec.loader
    module = sys.modules.setdefault("run", importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


validator = _validator()


def definitions(release: str) -> tuple[str, list[Json]]:
    """The version of a release, and what it defines, in the order of the urls."""
    known, cache = validator.RELEASES[release], validator.cache_folder()
    validator.install_packages(known, cache)
    folder = validator.package_cache(cache) / known.core / "package"
    systems = {
        r["url"]: r for r in _resources(folder, "CodeSystem") if r["url"].startswith(FHIR) and _is_whole(r)
    }
    sets = {r["url"]: r for r in _resources(folder, "ValueSet") if r["url"].startswith(FHIR)}
    while strangers := [url for url, r in sets.items() if not _is_of_fhir(r, systems, sets)]:
        for url in strangers:
            del sets[url]
    chosen = [*(systems[url] for url in sorted(systems)), *(sets[url] for url in sorted(sets))]
    return known.version, [{k: v for k, v in r.items() if k not in LEFT_OUT} for r in chosen]


def _resources(folder: Path, kind: str) -> Iterator[Json]:
    for file in folder.glob(f"{kind}-*.json"):
        resource: Json = json.loads(file.read_text("utf-8"))
        if "url" in resource and "status" in resource:  # 4.3.0 has one without, which is not valid
            yield resource


def _is_whole(system: Json) -> bool:
    return system.get("content") == "complete" and bool(system.get("concept")) and "copyright" not in system


def _is_of_fhir(value_set: Json, systems: dict[str, Json], sets: dict[str, Json]) -> bool:
    """Every part of its definition is here."""
    compose = value_set.get("compose", {})
    parts = [*compose.get("include", ()), *compose.get("exclude", ())]
    imports = [url.partition("|")[0] for part in parts for url in part.get("valueSet", ())]
    named = all(part["system"] in systems for part in parts if "system" in part)
    return "copyright" not in value_set and bool(parts) and named and all(url in sets for url in imports)


def files() -> dict[str, str]:
    """What is kept, by file name: a Bundle with a line for each resource."""
    return {f"{version}.json": _bundle(version, found) for version, found in map(definitions, RELEASES)}


def _bundle(version: str, resources: list[Json]) -> str:
    lines = ",\n".join(
        json.dumps({"resource": r}, ensure_ascii=False, separators=(",", ":")) for r in resources
    )
    return f'{{"resourceType":"Bundle","id":"fhir-{version}","type":"collection","entry":[\n{lines}\n]}}\n'


def main(check: bool) -> int:
    try:
        wanted = files()
    except validator.MissingToolError as missing:
        print(f"the definitions cannot be had here: {missing}")
        return 77
    kept = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    stale = [name for name, text in wanted.items() if kept.get(name) != text]
    for name in [] if check else stale:
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_text(wanted[name], "utf-8")
    print(f"{'differ' if check else 'written'}: {', '.join(stale)}" if stale else "as published")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
