"""Cases as FHIR TestScripts, for other harnesses: https://hl7.org/fhir/testscript.html.

A script has one case: the request as a contained resource that is sent, and assertions about the status, the type and
the content of the answer, as FHIRPath that must be true. The resources that a group of cases needs are fixtures in
files of their own, which the server has to have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from terminology.core.model import Document
from terminology.testing.conformance.server import OPERATIONS
from terminology.testing.conformance.suite import ConformanceCase, ConformanceSuite
from terminology.wire import r4

BASE = "http://terminology.example.org/fhir/TestScript"
_FORBIDDEN = re.compile("[^A-Za-z0-9.-]+")
_STATUS = {"2xx": "200,201", "4xx": "400,404,409,410,412,422"}
_MEDIA = "application/fhir+json"
_LONGEST_ID = 64


def script_url(name: str) -> str:
    """The canonical of the script of a case, or of all cases of a suite."""
    return f"{BASE}/{_id_of(name)}"


def _id_of(name: str) -> str:
    return _FORBIDDEN.sub("-", name).strip("-")[-_LONGEST_ID:].lstrip("-")


def scripts(suite: ConformanceSuite, is_r4: bool) -> Iterator[Document]:
    """The script of each case of our own suite, in the shape of R4 and R4B, or of R5; then the fixtures they name."""
    names = dict[str, None]()
    version = "4.0.1" if is_r4 else "5.0.0"
    for case in suite.cases:
        if case.operation in OPERATIONS and case.reason_to_skip(version) is None:
            yield _script(suite, case, is_r4)
            names.update(dict.fromkeys(case.setup))
    for name in names:
        resource = suite.resource(name)
        yield r4.downgrade(deepcopy(resource)) if is_r4 else resource


def _script(suite: ConformanceSuite, case: ConformanceCase, is_r4: bool) -> Document:
    operation = OPERATIONS[case.operation]
    request = {**suite.resource(case.definition["request"]), "id": "request"}
    expected = suite.resource(case.definition["response"])
    ask = {
        "description": f"POST {operation.path}",
        "method": "post",
        "url": operation.path,
        "accept": _MEDIA,
        "contentType": _MEDIA,
        "encodeRequestUrl": False,
        "sourceId": "request",
    }
    fixtures = [
        {
            "id": _id_of(name),
            "autocreate": False,
            "autodelete": False,
            "resource": {"reference": name},
        }
        for name in case.setup
    ]
    checks = [
        {
            "operator": "in",
            "responseCode": _STATUS[case.status],
            "description": f"the status is {case.status}",
        },
        {"resource": expected["resourceType"], "description": f"the answer is a {expected['resourceType']}"},
        *(
            {"expression": expression, "description": description}
            for expression, description in expressions(expected, is_r4)
        ),
    ]
    strictness: Document = (
        {"warningOnly": False} if is_r4 else {"warningOnly": False, "stopTestOnFail": False}
    )
    own = {"id": "request", "autocreate": False, "autodelete": False, "resource": {"reference": "#request"}}
    return {
        "resourceType": "TestScript",
        "id": _id_of(case.name),
        "contained": [r4.each_resource(request, r4.downgrade) if is_r4 else request],
        "url": script_url(case.name),
        "version": str(suite.document.get("version", "")),
        "name": re.sub("[^A-Za-z0-9]", "_", case.name),
        "title": case.name,
        "status": "active",
        "experimental": False,
        "description": case.description,
        "fixture": [own, *fixtures],
        "test": [
            {
                "name": case.name,
                "description": case.description,
                "action": [{"operation": ask}, *({"assert": {**check, **strictness}} for check in checks)],
            }
        ],
    }


# -- FHIRPath ------------------------------------------------------------------------------------


def expressions(expected: Document, is_r4: bool) -> Iterator[tuple[str, str]]:
    """What an expected answer demands, as FHIRPath that is true of the answer, each with a description."""
    kind = expected["resourceType"]
    if kind == "OperationOutcome":
        yield "issue.where(severity = 'error' or severity = 'fatal').exists()", "there is an error"
    elif kind == "ValueSet":
        yield from _of_expansion(expected["expansion"])
    else:
        for parameter in expected["parameter"]:
            if _is_demanded(parameter, is_r4):
                yield (
                    f"parameter.where({_condition(parameter, is_r4)}).exists()",
                    f"the answer has {parameter['name']}",
                )


def _of_expansion(expansion: Document) -> Iterator[tuple[str, str]]:
    contains = expansion.get("contains", ())
    yield f"expansion.contains.count() = {len(contains)}", f"the expansion has {len(contains)} entries"
    for entry in contains:
        conditions = [f"{name} = {_literal(entry[name])}" for name in ("system", "code", "display")]
        yield (
            f"expansion.contains.where({' and '.join(conditions)}).exists()",
            f"{entry['code']} is one of them",
        )
    if "total" in expansion:
        yield f"expansion.total = {expansion['total']}", f"there are {expansion['total']} codes"


def _is_demanded(parameter: Document, is_r4: bool) -> bool:
    mark = parameter.get("$optional$", False)
    return mark is False or (isinstance(mark, str) and mark == f"version:{'5' if is_r4 else '4'}")


def _condition(parameter: Document, is_r4: bool) -> str:
    """A condition that holds for a parameter, or for a part of one."""
    conditions = [f"name = {_literal(parameter['name'])}"]
    for key, value in parameter.items():
        if key == "part":
            conditions += [
                f"part.where({_condition(p, is_r4)}).exists()" for p in value if _is_demanded(p, is_r4)
            ]
        elif key.startswith("value"):
            # R4 and R5 differ in the type of some: value[x] stands for any.
            conditions += _of_value("value", value)
    return " and ".join(conditions)


def _of_value(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if not name.startswith("$"):
                yield from _of_value(f"{path}.{name}", inner)
    elif isinstance(value, str) and value.startswith("$choice:"):
        choices = (f"{path} = {_literal(each)}" for each in value[len("$choice:") : -1].split("|"))
        yield f"({' or '.join(choices)})"
    elif isinstance(value, str) and value.startswith("$"):
        yield f"{path}.exists()"
    else:
        yield f"{path} = {_literal(value)}"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)
