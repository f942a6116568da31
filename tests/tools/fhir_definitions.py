"""The terminology of FHIR's own elements, from HL7's packages.

    python tests/tools/fhir_definitions.py [--check]

For each release ``fhir_bundles/definitions`` keeps the code systems of FHIR, the value sets made of nothing
else, and those that an element of FHIR is bound to with strength ``required``, with their code systems from
terminology.hl7.org: so the server validates FHIR's own elements without any package at hand. It also keeps
FHIR's list of common units, for whoever picks a unit. Narrative and the marks of the publishing process are left
out; nothing else is changed. Both sources are CC0; a resource with a copyright of somebody else is left out, save
lists of UCUM's codes, which its terms allow. Needs npm; exits with 77 where there is none.
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
THO = "http://terminology.hl7.org/"
# What HL7 itself writes in place of a copyright; the CC0 of the package holds.
OWN_COPYRIGHT = ("", "HL7 International.", "HL7 Inc.", "HL7", "FHIR")
# The code systems that the server has without content.
UCUM = "http://unitsofmeasure.org"
GRAMMARS = ("urn:ietf:bcp:13", "urn:ietf:bcp:47", "urn:iso:std:iso:3166", "urn:iso:std:iso:4217", UCUM)
# The lists of the common codes of a grammar: of UCUM, whose terms allow this with its notice, which they have.
COMMON = ("http://hl7.org/fhir/ValueSet/ucum-common",)
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
    own = {r["url"]: r for r in _resources(folder, "ValueSet") if r["url"].startswith((FHIR, THO))}
    # R4B binds an element to a value set that only HL7's package of terminology has.
    bound = {
        r["url"]: r for r in _resources(_of_hl7(known, cache), "ValueSet") if r["url"].startswith(THO)
    } | own
    required = list(_required(folder, {**systems, **_systems_of_hl7(folder, known, cache)}, bound))
    while strangers := [url for url, r in sets.items() if not _is_of_fhir(r, systems, sets)]:
        for url in strangers:
            del sets[url]
    for resource in [*required, *(bound[url] for url in COMMON)]:
        (systems if resource["resourceType"] == "CodeSystem" else sets)[resource["url"]] = resource
    chosen = [*(systems[url] for url in sorted(systems)), *(sets[url] for url in sorted(sets))]
    return known.version, [{k: v for k, v in r.items() if k not in LEFT_OUT} for r in chosen]


def _of_hl7(release: Any, cache: Path) -> Path:
    """The folder of the package of terminology.hl7.org."""
    name = next(name for name in release.packages if name.startswith("hl7.terminology"))
    folder: Path = validator.package_cache(cache) / name.replace("@", "#") / "package"
    return folder


def _systems_of_hl7(core: Path, release: Any, cache: Path) -> dict[str, Json]:
    """The code systems of terminology.hl7.org, by url: of its package, or else as the release has them."""
    folders = (core, _of_hl7(release, cache))
    found = (system for folder in folders for system in _resources(folder, "CodeSystem"))
    return {r["url"]: r for r in found if r["url"].startswith(THO) and _is_listed(r) and _is_free(r)}


def _is_free(resource: Json) -> bool:
    return _rights(resource) in OWN_COPYRIGHT or "CC0" in _rights(resource)


def _required(folder: Path, systems: dict[str, Json], sets: dict[str, Json]) -> Iterator[Json]:
    """The value sets of required bindings whose code systems are all here, each with its code systems."""
    for url in sorted(_bound(folder) & sets.keys()):
        parts = sets[url].get("compose", {}).get("include", ())
        named = {part.get("system") for part in parts}
        # UCUM's terms allow its codes to be listed with its notice, which the value set has.
        is_free = _is_free(sets[url]) or named == {UCUM}
        if not parts or not is_free or any("valueSet" in part for part in parts):
            continue
        if all(system in systems or system in GRAMMARS for system in named):
            yield sets[url]
            yield from (systems[system] for system in sorted(named - set(GRAMMARS)))


def _bound(folder: Path) -> set[str]:
    """The value sets that elements of FHIR's types are bound to with strength ``required``."""
    bound = set()
    for file in folder.glob("StructureDefinition-*.json"):
        definition: Json = json.loads(file.read_text("utf-8"))
        if definition.get("derivation") == "constraint":
            continue
        for element in definition.get("snapshot", {}).get("element", ()):
            binding = element.get("binding", {})
            if binding.get("strength") == "required":
                bound.add(binding.get("valueSet", "").partition("|")[0])
    return bound


def _resources(folder: Path, kind: str) -> Iterator[Json]:
    for file in folder.glob(f"{kind}-*.json"):
        resource: Json = json.loads(file.read_text("utf-8"))
        if "url" in resource and "status" in resource:  # 4.3.0 has one without, which is not valid
            yield resource


def _rights(resource: Json) -> str:
    return str(resource.get("copyright", "")).strip()


def _is_listed(system: Json) -> bool:
    return system.get("content") == "complete" and bool(system.get("concept"))


def _is_whole(system: Json) -> bool:
    return _is_listed(system) and _rights(system) in OWN_COPYRIGHT


def _is_of_fhir(value_set: Json, systems: dict[str, Json], sets: dict[str, Json]) -> bool:
    """Every part of its definition is here."""
    compose = value_set.get("compose", {})
    parts = [*compose.get("include", ()), *compose.get("exclude", ())]
    imports = [url.partition("|")[0] for part in parts for url in part.get("valueSet", ())]
    named = all(part["system"] in systems for part in parts if "system" in part)
    return (
        _rights(value_set) in OWN_COPYRIGHT and bool(parts) and named and all(url in sets for url in imports)
    )


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
