"""The tables that FHIR XML is read and written by: terminology/wire/xml_elements_r4.txt and _r5.txt.

They have the elements of each FHIR type in their order, from HL7's StructureDefinitions.

    python tests/tools/xml_elements.py
    python tests/tools/xml_elements.py --check

The definitions come from npm, once, into the cache of tests/validator/run.py. Exits 1 when ``--check`` finds
a table that differs, 77 when the definitions cannot be had.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parents[1]
TABLES = HERE.parent / "terminology" / "wire"
PACKAGES = {"r4": "hl7.fhir.r4b.core@4.3.0", "r5": "hl7.fhir.r5.core@5.0.0"}
OPEN = "Extension.value[x]"  # its types are what * stands for
INLINE = (["BackboneElement"], ["Element"], ["BackboneType"])
KINDS = ("resource", "complex-type")

Json = dict[str, Any]


def _validator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("validator_run", HERE / "validator" / "run.py")
    assert spec and spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def package(release: str) -> Path:
    """The folder of a release's core package. Raises RuntimeError when it cannot be had."""
    validator = _validator()
    try:
        found: Path = validator.npm_package(PACKAGES[release], validator.cache_folder())
    except validator.MissingToolError as problem:
        raise RuntimeError(str(problem)) from None
    return found / "package"


def table(folder: Path) -> str:
    """The table of one release, a line for each type and each group of elements below a type."""
    groups: dict[str, list[Json]] = {}
    parents: dict[str, str] = {}
    for definition in _definitions(folder):
        groups[definition["type"]] = []
        parents[definition["type"]] = _base(definition)
        for element in definition["snapshot"]["element"][1:]:
            if element["max"] != "0":
                groups.setdefault(element["path"].rpartition(".")[0], []).append(element)
                if _codes(element)[:1] in INLINE:
                    parents[element["path"]] = _codes(element)[0]
    open_types = next("|".join(_codes(e)) for e in groups["Extension"] if e["path"] == OPEN)
    written = {path: [_row(e, groups, open_types) for e in elements] for path, elements in groups.items()}
    lines = [_line(path, rows, parents, written) for path, rows in sorted(written.items())]
    return "\n".join([_heading(folder), f"*: {open_types}", *lines]) + "\n"


def _definitions(folder: Path) -> list[Json]:
    """The types that there are: no profiles, and no interfaces that nothing is derived from."""
    files = sorted(folder.glob("StructureDefinition-*.json"))
    every = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    types = [d for d in every if d["kind"] in KINDS and d.get("derivation") != "constraint"]
    bases = {_base(definition) for definition in types}
    return [d for d in types if d["kind"] != "resource" or not d["abstract"] or d["type"] in bases]


def _base(definition: Json) -> str:
    return str(definition.get("baseDefinition", "")).rpartition("/")[2]


def _codes(element: Json) -> list[str]:
    return [type_["code"].rpartition("/")[2] for type_ in element.get("type", ())]


def _row(element: Json, groups: dict[str, list[Json]], open_types: str) -> str:
    """``@id=string`` is an attribute, ``line=string*`` repeats, ``value[x]=*`` may have any type."""
    path = element["path"]
    types = "|".join(_codes(element)) or element["contentReference"].rpartition("#")[2]
    if path in groups:
        types = path
    elif types.startswith("System."):
        types = "string"
    elif types == open_types:
        types = "*"
    attribute = "@" if "xmlAttr" in element.get("representation", ()) else ""
    return f"{attribute}{path.rpartition('.')[2]}={types}{'' if element['max'] == '1' else '*'}"


def _line(path: str, rows: list[str], parents: dict[str, str], written: dict[str, list[str]]) -> str:
    parent = parents.get(path, "")
    inherited = written.get(parent, [])
    if inherited and rows[: len(inherited)] == inherited:
        return f"{path} < {parent}: {' '.join(rows[len(inherited) :])}".rstrip()
    return f"{path}: {' '.join(rows)}".rstrip()


def _heading(folder: Path) -> str:
    stated = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    return f"# From {stated['name']} {stated['version']} by tests/xml_elements.py: do not edit."


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args().check
    different = False
    for release in PACKAGES:
        target = TABLES / f"xml_elements_{release}.txt"
        try:
            made = table(package(release))
        except RuntimeError as problem:
            print(problem, file=sys.stderr)
            return 77
        if not check:
            target.write_text(made, encoding="utf-8")
        elif target.read_text(encoding="utf-8") != made:
            print(f"{target.name} is not what the definitions say", file=sys.stderr)
            different = True
    return int(different)


if __name__ == "__main__":
    sys.exit(main())
