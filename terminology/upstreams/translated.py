"""Questions and answers between the client's release of FHIR and that of an upstream.

Within a family of releases (R4 and R4B) what the client wrote goes out as it is. Between families the parameters of
``$translate`` have other names, and resources other shapes; translations in reverse are asked for as the upstream's
release does it (``reverse_translation``). Nothing of a question but its parameters goes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from terminology.catalogue.overlay import Overlay
from terminology.catalogue.protocol import KINDS, Catalogue
from terminology.core import issues
from terminology.core.model import Document, Issue, Typed, split_canonical
from terminology.operations.value_set.relation import RelationCode
from terminology.upstreams import reverse_translation
from terminology.upstreams.gaps import Gap
from terminology.wire import r4
from terminology.wire.cache_control import CACHE_ID, RESOURCES
from terminology.wire.elsewhere import ForeignQuestion
from terminology.wire.fhir_versions import FhirVersion
from terminology.wire.outcome import ISSUE_SERVER, issue_of
from terminology.wire.parameters import Argument, named
from terminology.wire.search import RESULT

# The names that the parameters of $translate have in R5, by those of R4.
_TRANSLATE = {
    "code": "sourceCode",
    "coding": "sourceCoding",
    "codeableConcept": "sourceCodeableConcept",
    "source": "sourceScope",
    "target": "targetScope",
    "targetsystem": "targetSystem",
}
_TRANSLATE_DOWN = {new: old for old, new in _TRANSLATE.items()}
_DEPENDENCY = {"element": "attribute", "concept": "value"}
_DEPENDENCY_DOWN = {new: old for old, new in _DEPENDENCY.items()}
# The types of parameters as FHIR has them, where the table of operations has another word.
_TYPES = {"languages": "code", "whole CodeableConcept": "CodeableConcept"}
_TEXTS = ("code", "string", "uri", "canonical", "dateTime", "languages")
# Parameters about the form of an answer, and those that name resources of this server.
_NEVER_SENT = frozenset(name.casefold() for name in (*RESULT, *RESOURCES.names, *CACHE_ID.names))
# The result of a $related that the upstream cannot decide.
_UNDECIDED = RelationCode.INDETERMINATE.value

Node = dict[str, Any]


def question_for(release: FhirVersion, question: ForeignQuestion, gap: Gap) -> Document:
    """The Parameters of a question as an upstream of a release reads them."""
    return {"resourceType": "Parameters", "parameter": list(_nodes(release, question, gap))}


def parameters_of(path: str, nodes: Sequence[Node], release: FhirVersion) -> Document:
    """A Parameters resource of R5-shaped parameters of an operation, as an upstream of a release reads them."""
    names = _TRANSLATE_DOWN if release.is_r4 and path.endswith("$translate") else {}

    def shaped(node: Node) -> Node:
        resource = {"resource": release.downgrade(node["resource"])} if "resource" in node else {}
        return {**node, **resource, "name": names.get(node["name"], node["name"])}

    return {"resourceType": "Parameters", "parameter": list(map(shaped, nodes))}


def r5_answer(path: str, document: Document, release: FhirVersion) -> Document:
    """The answer of an upstream to an operation in the shape of R5."""
    if release.is_r4 and path.endswith("$translate"):
        return r4.upgrade_translation(document)
    return release.upgrade(document)


def _nodes(release: FhirVersion, question: ForeignQuestion, gap: Gap) -> Iterator[Node]:
    rows = named(tuple(question.operation.parameters))
    is_same_family = release.is_r4 == question.release.is_r4
    is_turned = _is_turned(release, question)
    for argument in question.arguments:
        row = rows.get(argument.name) or rows.get(argument.name.casefold())
        field = None if row is None else row.field
        is_empty = isinstance(argument.value, str) and not argument.value.strip()
        if is_empty or argument.name.casefold() in _NEVER_SENT:
            continue
        if gap.value_set is not None and field in ("url", "value_set", "value_set_version", "context"):
            continue
        if is_turned and field in reverse_translation.FIELDS:
            continue
        node = _node(argument, None if row is None else row.type)
        yield node if is_same_family else _in_release(node, question, release)
    if is_turned:
        yield from reverse_translation.nodes_for(release, question.request)
    if gap.value_set is not None:
        yield {"name": "valueSet", "resource": release.downgrade(question.catalogue.whole(gap.value_set))}
    else:
        yield from _instance(question)
    for resource in (*map(question.catalogue.whole, gap.imports), *_brought(question.catalogue)):
        yield {"name": RESOURCES.names[0], "resource": release.downgrade(resource)}


def _is_turned(release: FhirVersion, question: ForeignQuestion) -> bool:
    """Whether an upstream of a release is asked for a translation in reverse in another way than the client asks."""
    return question.path.endswith("$translate") and reverse_translation.is_other_way(
        release, question.request
    )


def is_in_reverse(release: FhirVersion, question: ForeignQuestion) -> bool:
    """Whether the answer of an upstream of R4 is one in reverse that does not reach the client as it is."""
    if not (release.is_r4 and question.path.endswith("$translate")):
        return False
    is_reverse = question.request.reverse or question.request.finds_sources
    return is_reverse and (_is_turned(release, question) or not question.release.is_r4)


def _node(argument: Argument, type_: str | None) -> Node:
    """A parameter as a node of Parameters: one of a URL gets the type that it has in the table of operations."""
    if isinstance(argument.value, Mapping):
        return dict(argument.value)
    text, name = argument.value.strip(), argument.name
    if type_ == "boolean":
        return {"name": name, "valueBoolean": text == "true"}
    if type_ == "integer":
        return {"name": name, "valueInteger": int(text)}
    if type_ == "Coding":
        system, _, code = text.rpartition("|")
        return {"name": name, "valueCoding": {"system": system, "code": code} if system else {"code": code}}
    kind = type_ if type_ in _TEXTS else "string"
    return {"name": name, Typed(_TYPES.get(kind, kind), text).key: text}


def _instance(question: ForeignQuestion) -> Iterator[Node]:
    """The code system of the URL ``CodeSystem/[id]``, by its canonical: an upstream has other ids."""
    rows = {row.field: row.names[0] for row in question.operation.parameters}
    fields: Any = question.request
    instance = fields.instance if question.operation.is_for_instances else None
    if instance is None:
        return
    name = "url" if "url" in rows else "system"
    yield {"name": name, "valueUri": instance["url"]}
    if instance.get("version"):
        yield {"name": "version", "valueString": instance["version"]}


def _brought(catalogue: Catalogue) -> Iterator[Document]:
    """The resources that the client sent with its request, or before it."""
    while isinstance(catalogue, Overlay):
        for kind in KINDS:
            yield from map(catalogue.whole, catalogue.resources.headers(kind))
        catalogue = catalogue.base


def _in_release(node: Node, question: ForeignQuestion, release: FhirVersion) -> Node:
    """A parameter in the other family of releases."""
    if "resource" in node:
        return {**node, "resource": release.downgrade(question.release.upgrade(node["resource"]))}
    if not question.path.endswith("$translate"):
        return node
    names = _TRANSLATE_DOWN if release.is_r4 else _TRANSLATE
    node = {**node, "name": names.get(node["name"], node["name"])}
    if node["name"] == "dependency" and isinstance(node.get("part"), list):
        parts = _DEPENDENCY_DOWN if release.is_r4 else _DEPENDENCY
        node["part"] = [{**part, "name": parts.get(part["name"], part["name"])} for part in node["part"]]
    return node


# -- answers -------------------------------------------------------------------------------------


def answer_from(release: FhirVersion, question: ForeignQuestion, document: Document, base: str) -> Document:
    """The answer of an upstream as the client reads it, with the upstream named in each issue."""
    is_turned = _is_turned(release, question)
    if is_turned or release.is_r4 != question.release.is_r4:
        if release.is_r4:
            is_translation = question.path.endswith("$translate")
            document = r4.upgrade_translation(document) if is_translation else r4.upgrade(document)
        if is_turned:
            document = reverse_translation.answer_as_asked(question.catalogue, question.request, document)
        if question.release.is_r4:
            document = question.operation.downgrade(question.request, None, document)
    if not any(node.get("name") == "issues" for node in document.get("parameter", ())):
        return document
    return {**document, "parameter": [_with_server(node, base) for node in document["parameter"]]}


def _with_server(node: Node, base: str) -> Node:
    outcome = node.get("resource")
    if node.get("name") != "issues" or not isinstance(outcome, dict):
        return node
    return {**node, "resource": {**outcome, "issue": [_of_server(i, base) for i in outcome.get("issue", ())]}}


def _of_server(issue: Node, base: str) -> Node:
    """An issue with the server that it is from, unless it names one."""
    extensions = issue.get("extension", [])
    if any(extension.get("url") == ISSUE_SERVER for extension in extensions):
        return issue
    return {**issue, "extension": [*extensions, {"url": ISSUE_SERVER, "valueUrl": base}]}


def issues_of(document: Document, name: str, status: int, base: str) -> list[Issue]:
    """The issues of an OperationOutcome, at least one of them an error; ``name`` and ``base`` are the upstream's."""
    read = [issue_of(node, base) for node in document.get("issue", ()) if isinstance(node, dict)]
    if any(issue.severity in ("error", "fatal") for issue in read):
        return read
    return [*read, issues.upstream_outcome_empty(name, status, base)]


def is_negative(document: Document) -> bool:
    """Whether an answer of $validate-code or $translate is no, or one of $related undecided."""
    results = (node for node in document.get("parameter", ()) if node.get("name") == "result")
    return any(node.get("valueBoolean") is False or node.get("valueCode") == _UNDECIDED for node in results)


def lacks_content(document: Document, gap: Gap) -> bool:
    """Whether a negative answer is so because the upstream lacks the content, too."""
    if any(node.get("valueCode") == _UNDECIDED for node in document.get("parameter", ())):
        return True
    urls = {canonical.url for canonical in (*gap.all_of, *gap.any_of)}
    for node in document.get("parameter", ()):
        if node.get("name") in ("x-unknown-system", "x-caused-by-unknown-system"):
            return split_canonical(str(node.get("valueCanonical", "")))[0] in urls
        if node.get("name") == "issues":
            errors = (i for i in issues_of(node.get("resource") or {}, "", 200, "") if i.severity == "error")
            if any("not-found" in (issue.code, issue.tx) for issue in errors):
                return True
    return False
