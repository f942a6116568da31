"""Issues as an OperationOutcome, and their HTTP status."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from terminology.core.issues.severity import SEVERITIES, error
from terminology.core.model import Document, Issue
from terminology.wire.json import whole

TX_ISSUE_TYPE = "http://hl7.org/fhir/tools/CodeSystem/tx-issue-type"
MESSAGE_ID = "http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id"
ISSUE_SERVER = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-server"

# The status that an issue's code stands for, unless the exception has its own.
STATUS = {
    "invalid": 400,
    "structure": 400,
    "required": 400,
    "value": 400,
    "invariant": 400,
    "login": 401,
    "expired": 401,
    "security": 403,
    "forbidden": 403,
    "not-found": 404,
    "code-invalid": 404,
    "conflict": 409,
    "deleted": 410,
    "multiple-matches": 412,
    "too-long": 413,
    "business-rule": 422,
    "processing": 422,
    "not-supported": 422,
    "too-costly": 422,
    "throttled": 429,
    "exception": 500,
    "transient": 503,
    "timeout": 503,
    "no-store": 507,
}
# "exception" is also what HL7's tools call a version that is not allowed; the request is at fault then.
STATUS_OF_TX = {"version-error": 422}
STATUS_OF_MESSAGE = {"INVALID_DISPLAY_NAME": 400}  # displayLanguage is not a language


def operation_outcome(issues: Iterable[Issue]) -> Document:
    """An OperationOutcome, in every release the same."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(issue) for issue in issues]}


def status(issues: Sequence[Issue]) -> int:
    """The HTTP status of the first issue that is an error."""
    worst = next((i for i in issues if i.severity in ("fatal", "error")), issues[0])
    own = STATUS_OF_MESSAGE.get(worst.message_id or "") or STATUS_OF_TX.get(worst.tx or "")
    return own or STATUS.get(worst.code, 500)


def _issue(issue: Issue) -> Document:
    """An issue, whatever its texts repeat: a token or a query may have what JSON and XML cannot."""
    coding = [{"system": TX_ISSUE_TYPE, "code": issue.tx}] if issue.tx else None
    node: Document = {}
    if issue.message_id:
        node["extension"] = [{"url": MESSAGE_ID, "valueString": issue.message_id}]
    if issue.server:
        node.setdefault("extension", []).append({"url": ISSUE_SERVER, "valueUrl": issue.server})
    node |= {"severity": issue.severity, "code": issue.code}
    node["details"] = ({"coding": coding} if coding else {}) | {"text": whole(issue.text)}
    if issue.diagnostics:
        node["diagnostics"] = whole(issue.diagnostics)
    if issue.at:
        # Not issue.location: that is for XML, and deprecated.
        node["expression"] = [whole(at) for at in issue.at]
    return node


def issue_of(node: Document, server: str | None = None) -> Issue:
    """The issue of an OperationOutcome, also of another ``server``, which may write fewer elements than this one."""
    details = node.get("details") or {}
    extensions = {extension.get("url"): extension for extension in node.get("extension", ())}
    codings = details.get("coding", ())
    tx = next((coding.get("code") for coding in codings if coding.get("system") == TX_ISSUE_TYPE), None)
    diagnostics = node.get("diagnostics")
    text = details.get("text") or diagnostics or tx or str(node.get("code", ""))
    return SEVERITIES.get(str(node.get("severity")), error)(
        code=str(node.get("code", "processing")),
        text=text,
        tx=tx,
        message_id=extensions.get(MESSAGE_ID, {}).get("valueString"),
        at=node.get("expression", ()),
        diagnostics=diagnostics if diagnostics != text else None,
        server=extensions.get(ISSUE_SERVER, {}).get("valueUrl", server),
    )
