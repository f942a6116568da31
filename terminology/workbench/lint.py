"""A check of code systems, value sets and maps against themselves, each other and the loaded code systems.

Each finding is an issue with the FHIRPath of the element at fault, in the shape of FHIR that the resource itself has.
The findings can be written as an OperationOutcome, as JUnit XML, and as SARIF 2.1.0 for code scanning.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from terminology.catalogue.content import Content
from terminology.catalogue.protocol import Catalogue
from terminology.content.packages import resources_of
from terminology.core import issues
from terminology.core.errors import TerminologyError
from terminology.core.issues.severity import SEVERITIES
from terminology.core.model import Document, Issue
from terminology.core.software import NAME, VERSION
from terminology.core.structure import RELATIONSHIPS
from terminology.core.texts import folded
from terminology.library import Terminology
from terminology.operations.spelling import code_hint
from terminology.operations.translate.hints import successors_of
from terminology.systems.code_shapes import may_be_elsewhere
from terminology.systems.protocol import CodeSystem

# The words of R4 for relationships: https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html
_EQUIVALENCES = (
    "relatedto equivalent equal wider subsumes narrower specializes inexact unmatched disjoint".split()
)
_CODES_OF_SEVERITY = {"error": "error", "warning": "warning", "information": "note"}
# The rules, with what each is about. Their names are those of findings in SARIF and JUnit.
RULES = {
    "missing-element": "An element that the resource needs is missing.",
    "unknown-code": "A code is not one of its code system.",
    "inactive-code": "A code is not active in its code system.",
    "wrong-display": "A display is not a name of its code.",
    "duplicate-code": "A code comes twice.",
    "unknown-system": "A code system is not loaded, so its codes were not checked.",
    "unknown-word": "A word is not one that FHIR has.",
    "no-target": "An element of a map has no target, and does not say that there is none, or says both.",
    "undeclared-attribute": "An attribute of a map is not declared.",
    "undeclared-property": "A property of a code system is not declared.",
    "unknown-parent": "A parent is not in the code system.",
    "wrong-count": "The number of concepts is another one.",
}


@dataclass(slots=True, frozen=True)
class LintFinding:
    """A fault at one place. ``rule`` is one of ``RULES``; ``severity`` is error, warning or information."""

    rule: str
    severity: str
    path: str
    text: str

    @property
    def issue(self) -> Issue:
        """The issue of an OperationOutcome."""
        make = SEVERITIES[self.severity]
        return make(code="business-rule", text=self.text, at=[self.path])


def content_of(resources: Iterable[Document]) -> Catalogue:
    """The content of resources and Bundles that are checked together. One that cannot be read is not in it."""
    documents: list[Document] = []
    for resource in resources:
        try:
            documents += resources_of(deepcopy(resource))
        except TerminologyError:  # its own findings say more
            continue
    return Content(documents)


def lint(
    terminology: Terminology, resource: Document, path: str | None = None, beside: Catalogue | None = None
) -> Iterator[LintFinding]:
    """The findings about a resource, or about each one in a Bundle; nothing for resources of other types.

    ``path`` is the FHIRPath of the resource, if it is not its type. ``beside`` has the resources that are
    checked together, and comes before the loaded content; the resource or Bundle alone, unless it is given.
    """
    beside = content_of([resource]) if beside is None else beside
    kind = str(resource.get("resourceType"))
    place = path or kind
    if kind == "Bundle":
        for number, entry in enumerate(_objects(resource, "entry")):
            inner = entry.get("resource")
            if isinstance(inner, dict):
                yield from lint(terminology, inner, f"{place}.entry[{number}].resource", beside)
        return
    checks = {"ConceptMap": _concept_map, "CodeSystem": _code_system, "ValueSet": _value_set}
    if kind in checks:
        for name in ("url", "status"):
            if not resource.get(name):
                yield LintFinding("missing-element", "error", place, issues.element_is_missing(name))
        yield from checks[kind](_Codes(terminology, beside), resource, place)


def _objects(node: Document, name: str) -> list[Document]:
    """The objects in a list of a node; others are left out."""
    nodes = node.get(name)
    return [each for each in nodes if isinstance(each, dict)] if isinstance(nodes, list) else []


class _Codes:
    """Checks codes against the code systems that are checked too, and then against the loaded ones."""

    def __init__(self, terminology: Terminology, beside: Catalogue) -> None:
        self._catalogues = (beside, terminology.visible_catalogue)
        self._systems: dict[tuple[str, str | None], CodeSystem | None] = {}

    def system(self, url: str | None, version: str | None) -> CodeSystem | None:
        key = url or "", version
        if key not in self._systems:
            self._systems[key] = self._usable_system(url, version) if url else None
        return self._systems[key]

    def _usable_system(self, url: str, version: str | None) -> CodeSystem | None:
        for catalogue in self._catalogues:
            system = catalogue.find_system(url, version)
            if system is not None and not (system.about.is_absent or system.about.is_example):
                for each in self._catalogues:
                    system = each.supplemented(system)
                return system
        return None

    def check(
        self, system: CodeSystem | None, code: object, display: object, path: str
    ) -> Iterator[LintFinding]:
        """The findings about a code and its display, at ``path``."""
        if system is None or not isinstance(code, str):
            return
        about, concept = system.about, system.locate(code)
        if concept is None:
            severity = "information" if may_be_elsewhere(about, code) else "error"
            text = issues.code_not_in_its_system(code, about.canonical, code_hint(system, code))
            yield LintFinding("unknown-code", severity, f"{path}.code", text)
            return
        if concept.inactive:
            text = issues.code_is_inactive(code, about.canonical, successors_of(system, concept.code))
            yield LintFinding("inactive-code", "warning", f"{path}.code", text)
        if isinstance(display, str) and concept.display and not _is_name(system, concept.code, display):
            text = issues.display_is_not_of_code(code, display, concept.display)
            yield LintFinding("wrong-display", "warning", f"{path}.display", text)


def _is_name(system: CodeSystem, code: str, display: str) -> bool:
    """Is a display one of the texts of a concept? Case, marks and accents do not count."""
    concept = system.locate(code)
    detail = system.describe([code]).get(code)
    texts = (
        [concept.display or "" if concept else "", *(d.value for d in detail.designations)] if detail else []
    )
    return folded(display) in map(folded, texts)


# -- maps ----------------------------------------------------------------------------------------


def _concept_map(codes: _Codes, resource: Document, path: str) -> Iterator[LintFinding]:
    declared = {node.get("code") for node in _objects(resource, "additionalAttribute")}
    for number, group in enumerate(_objects(resource, "group")):
        place = f"{path}.group[{number}]"
        ends = []
        for name in ("source", "target"):
            url, _, version = str(group.get(name) or "").partition("|")
            if not url:
                yield LintFinding("missing-element", "warning", place, issues.element_is_missing(name))
            system = codes.system(url, version or group.get(f"{name}Version"))
            if url and system is None:
                text = issues.system_is_not_here(url)
                yield LintFinding("unknown-system", "information", f"{place}.{name}", text)
            ends.append(system)
        codes_before: set[str] = set()
        for index, element in enumerate(_objects(group, "element")):
            yield from _element(
                codes, element, f"{place}.element[{index}]", ends[0], ends[1], declared, codes_before
            )


def _element(
    codes: _Codes,
    element: Document,
    path: str,
    source: CodeSystem | None,
    target: CodeSystem | None,
    declared: set[Any],
    codes_before: set[str],
) -> Iterator[LintFinding]:
    code = str(element.get("code") or "")
    if not code and "valueSet" not in element:
        yield LintFinding("missing-element", "error", path, issues.element_is_missing("code"))
    if code in codes_before:
        yield LintFinding("duplicate-code", "warning", f"{path}.code", issues.code_comes_twice(code))
    codes_before.add(code)
    yield from codes.check(source, element.get("code"), element.get("display"), path)
    targets = _objects(element, "target")
    if targets and element.get("noMap"):
        yield LintFinding("no-target", "error", path, issues.target_beside_no_map(code))
    if not targets and not element.get("noMap"):
        yield LintFinding("no-target", "warning", path, issues.target_without_code(code))
    pairs: set[str] = set()
    for number, node in enumerate(targets):
        place = f"{path}.target[{number}]"
        yield from _relationship(node, place)
        yield from codes.check(target, node.get("code"), node.get("display"), place)
        pair = json.dumps(
            [node.get("code"), node.get("dependsOn"), node.get("product")], sort_keys=True, default=str
        )
        if node.get("code") and pair in pairs:
            text = issues.code_comes_twice(str(node["code"]))
            yield LintFinding("duplicate-code", "warning", f"{place}.code", text)
        pairs.add(pair)
        for name in ("dependsOn", "product"):
            for index, attribute in enumerate(_objects(node, name)):
                attribute_name = attribute.get(
                    "attribute"
                )  # R4 has a uri in 'property', which needs no declaration
                if isinstance(attribute_name, str) and attribute_name not in declared:
                    text = issues.attribute_is_not_declared(attribute_name)
                    yield LintFinding(
                        "undeclared-attribute", "error", f"{place}.{name}[{index}].attribute", text
                    )


def _relationship(target: Document, path: str) -> Iterator[LintFinding]:
    name, known = ("relationship", sorted(RELATIONSHIPS))
    if "equivalence" in target and "relationship" not in target:
        name, known = "equivalence", _EQUIVALENCES
    word = target.get(name)
    if word is None:
        yield LintFinding("missing-element", "error", path, issues.element_is_missing("relationship"))
    elif word not in known:
        yield LintFinding("unknown-word", "error", f"{path}.{name}", issues.unknown_word(str(word), known))


# -- code systems --------------------------------------------------------------------------------


def _code_system(codes: _Codes, resource: Document, path: str) -> Iterator[LintFinding]:
    if not resource.get("content"):
        yield LintFinding("missing-element", "error", path, issues.element_is_missing("content"))
    declared = {node.get("code") for node in _objects(resource, "property")}
    own = list(_concepts(resource, path))
    known: set[str] = set()
    for place, concept in own:
        code = concept.get("code")
        if not isinstance(code, str) or not code:
            yield LintFinding("missing-element", "error", place, issues.element_is_missing("code"))
        elif code in known:
            yield LintFinding("duplicate-code", "error", f"{place}.code", issues.code_comes_twice(code))
        known.add(str(code))
        if not concept.get("display") and resource.get("content") != "supplement":
            yield LintFinding("missing-element", "information", place, issues.element_is_missing("display"))
    for place, concept in own:
        for index, node in enumerate(_objects(concept, "property")):
            name = str(node.get("code") or "")
            if name not in declared:
                text = issues.property_is_not_declared(name)
                yield LintFinding("undeclared-property", "error", f"{place}.property[{index}].code", text)
            if (
                name == "parent"
                and resource.get("content") == "complete"
                and node.get("valueCode") not in known
            ):
                text = issues.parent_is_unknown(str(concept.get("code")), str(node.get("valueCode")))
                yield LintFinding("unknown-parent", "error", f"{place}.property[{index}].valueCode", text)
    count = resource.get("count")
    if isinstance(count, int) and resource.get("content") == "complete" and count != len(own):
        yield LintFinding("wrong-count", "warning", f"{path}.count", issues.count_is_wrong(count, len(own)))


def _concepts(node: Document, path: str) -> Iterator[tuple[str, Document]]:
    """Each concept below a node with its place, the upper one first."""
    waiting = [(f"{path}.concept[{n}]", each) for n, each in enumerate(_objects(node, "concept"))][::-1]
    while waiting:
        place, concept = waiting.pop()
        yield place, concept
        below = [(f"{place}.concept[{n}]", each) for n, each in enumerate(_objects(concept, "concept"))]
        waiting += below[::-1]


# -- value sets ----------------------------------------------------------------------------------


def _value_set(codes: _Codes, resource: Document, path: str) -> Iterator[LintFinding]:
    compose = resource.get("compose")
    for name in ("include", "exclude"):
        blocks = _objects(compose, name) if isinstance(compose, dict) else []
        for number, block in enumerate(blocks):
            place = f"{path}.compose.{name}[{number}]"
            url, version = block.get("system"), block.get("version")
            if not url and not block.get("valueSet"):
                yield LintFinding("missing-element", "error", place, issues.element_is_missing("system"))
            system = codes.system(url, version)
            if url and system is None:
                text = issues.system_is_not_here(str(url))
                yield LintFinding("unknown-system", "information", f"{place}.system", text)
            codes_before: set[str] = set()
            for index, concept in enumerate(_objects(block, "concept")):
                inner = f"{place}.concept[{index}]"
                code = str(concept.get("code") or "")
                if code in codes_before:
                    yield LintFinding(
                        "duplicate-code", "warning", f"{inner}.code", issues.code_comes_twice(code)
                    )
                codes_before.add(code)
                yield from codes.check(system, concept.get("code"), concept.get("display"), inner)


# -- reports -------------------------------------------------------------------------------------

Findings = Sequence[tuple[str, LintFinding]]


def junit(files: Iterable[str], findings: Findings) -> str:
    """JUnit XML: a test case for each file, which fails for each error."""
    by_file: dict[str, list[LintFinding]] = {file: [] for file in files}
    for file, finding in findings:
        if finding.severity == "error":
            by_file.setdefault(file, []).append(finding)
    failures = sum(map(bool, by_file.values()))
    suite = ElementTree.Element(
        "testsuite", name="terminology lint", tests=str(len(by_file)), failures=str(failures), errors="0"
    )
    for file, own in by_file.items():
        case = ElementTree.SubElement(suite, "testcase", classname="terminology.lint", name=file)
        if own:
            failure = ElementTree.SubElement(case, "failure", type=own[0].rule, message=own[0].text)
            failure.text = "\n".join(f"{each.path}: {each.text} ({each.rule})" for each in own)
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"
    )


def sarif(findings: Findings) -> str:
    """SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""
    rules = [{"id": rule, "shortDescription": {"text": text}} for rule, text in RULES.items()]
    results = [
        {
            "ruleId": finding.rule,
            "level": _CODES_OF_SEVERITY[finding.severity],
            "message": {"text": finding.text},
            "locations": [
                {
                    "physicalLocation": {"artifactLocation": {"uri": file}},
                    "logicalLocations": [{"fullyQualifiedName": finding.path}],
                }
            ],
        }
        for file, finding in findings
    ]
    driver = {"name": NAME, "version": VERSION, "rules": rules}
    log = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"
