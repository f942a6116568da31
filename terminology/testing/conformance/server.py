"""A server that is tested, asked over HTTP as HL7's runner asks it.

A request without an answer, or with one that is not FHIR, raises ConnectionError.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from terminology.core.errors import SettingError, TerminologyError, reason_of
from terminology.core.model import Document
from terminology.testing.conformance.elements import read_elements
from terminology.upstreams.configuration import base_of
from terminology.wire import json, r4

# Seconds for which an answer may be awaited.
PATIENCE = 120
OUTCOME = "OperationOutcome"


@dataclass(frozen=True, slots=True)
class CaseOperation:
    """An operation of the cases: its path, the type of its answer, and whether simple requests are sent by GET."""

    path: str
    answer: str = "Parameters"
    is_get_when_simple: bool = False


OPERATIONS = {
    "expand": CaseOperation("ValueSet/$expand", "ValueSet"),
    "validate-code": CaseOperation("ValueSet/$validate-code", is_get_when_simple=True),
    "cs-validate-code": CaseOperation("CodeSystem/$validate-code", is_get_when_simple=True),
    "batch-validate": CaseOperation("ValueSet/$batch-validate-code", is_get_when_simple=True),
    "lookup": CaseOperation("CodeSystem/$lookup"),
    "translate": CaseOperation("ConceptMap/$translate"),
    "compare": CaseOperation("ValueSet/$compare"),
    "subsumes": CaseOperation("CodeSystem/$subsumes"),
}


class ServerUnderTest:
    """The root of one release of a server, over one connection. Its answers are given in R5's shape."""

    def __init__(self, url: str, authorization: str = "") -> None:
        """Raises SettingError for another text than a URL, and a server that cannot be reached or has no metadata."""
        try:
            self.url = base_of(url)
        except ValueError:
            expected = "such as http://127.0.0.1:8080/fhir/r5, without a password"
            raise SettingError(f"this is not the URL of a FHIR server, {expected}") from None
        parts = urlsplit(self.url)
        host = str(parts.hostname)
        self._connection = (
            HTTPSConnection(host, parts.port, timeout=PATIENCE, context=ssl.create_default_context())
            if parts.scheme == "https"
            else HTTPConnection(host, parts.port, timeout=PATIENCE)
        )
        self._root, self._headers = parts.path, {"Authorization": authorization} if authorization else {}
        self._media = "application/fhir+json"
        self.is_r4 = False
        try:
            _, statement = self._sent("GET", "metadata?_format=json")
            self.version = str(statement["fhirVersion"])
        except ConnectionError as problem:
            raise SettingError(f"{url} cannot be tested: {problem}") from None
        except KeyError:
            raise SettingError(f"{url} cannot be tested: its /metadata says no fhirVersion") from None
        if not self.version.startswith(("4.", "5.", "6.")):
            raise SettingError(f"{url} is a server of FHIR {self.version}, not of R4 or later")
        self.is_r4 = self.version.startswith(("4.0", "4.1", "4.3"))
        self._media += f"; fhirVersion={'4.0' if self.is_r4 else '5.0'}"
        try:
            self.capabilities = self.described("metadata")
        except ConnectionError as problem:
            raise SettingError(f"{url} cannot be tested: {problem}") from None
        rests: Sequence[Document] = self.capabilities.get("rest", ())
        names = {operation.get("name") for rest in rests for operation in rest.get("operation", ())}
        self.has_caches = "cache-control" in names

    @property
    def software(self) -> str:
        """The name and version of the software."""
        software = self.capabilities.get("software") or {}
        return f"{software.get('name', 'a server without a name')} {software.get('version', '')}".strip()

    def described(self, path: str) -> Document:
        """A CapabilityStatement or TerminologyCapabilities. Raises ConnectionError."""
        status, resource = self._sent("GET", path)
        expected = "TerminologyCapabilities" if "terminology" in path else "CapabilityStatement"
        if status >= 300 or resource["resourceType"] != expected:
            raise ConnectionError(f"status {status} with a {resource['resourceType']}, not a {expected}")
        return resource

    def start_cache(self, resources: Sequence[Document]) -> str | None:
        """The id of a cache with some resources; None if the server refuses."""
        body = [{"name": "tx-resource", "resource": resource} for resource in resources]
        try:
            status, answer = self._sent("POST", "$cache-control?mode=start", body)
        except ConnectionError:
            return None
        parameters = [p for p in answer.get("parameter", ()) if p.get("name") == "cache-id"]
        values = (str(v) for p in parameters for name, v in p.items() if name.startswith("value"))
        return next(values, None) if status < 300 else None

    def end_cache(self, cache: str) -> None:
        """Tell the server that a cache is not needed. It would find out by itself."""
        try:
            self._sent("POST", "$cache-control?mode=end", [], {"X-Cache-Id": cache})
        except ConnectionError:
            return

    def ask(
        self, operation: CaseOperation, parameters: Sequence[Document], headers: Mapping[str, str]
    ) -> tuple[int, Document]:
        """The status of an answer, and the answer: of the type of the operation, or an OperationOutcome with an error.

        Raises ConnectionError for any other.
        """
        if operation.is_get_when_simple and all(map(_is_simple, parameters)):
            pairs = [(str(p["name"]), _text_of(p)) for p in parameters]
            status, answer = self._sent("GET", f"{operation.path}?{urlencode(pairs)}", None, headers)
        else:
            status, answer = self._sent("POST", operation.path, parameters, headers)
        kind = answer["resourceType"]
        if kind == OUTCOME:
            if not any(issue.get("severity") in ("error", "fatal") for issue in answer.get("issue", ())):
                raise ConnectionError(f"status {status} with an {OUTCOME} without an error")
        elif status >= 400:
            raise ConnectionError(f"status {status} with a {kind}, not an {OUTCOME}")
        elif kind != operation.answer:
            raise ConnectionError(f"a {kind}, not a {operation.answer}")
        return status, answer

    def in_release(self, parameters: Sequence[Document]) -> Document:
        """The body of a request, in the release of the server."""
        body: Document = {"resourceType": "Parameters"}
        if parameters:
            body["parameter"] = deepcopy(list(parameters))
        body = read_elements(body, is_r4=False)
        return read_elements(r4.each_resource(body, r4.downgrade), is_r4=True) if self.is_r4 else body

    def _sent(
        self,
        method: str,
        path: str,
        parameters: Sequence[Document] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Document]:
        """The status and the resource of an answer. Raises ConnectionError."""
        body = None if parameters is None else json.write(self.in_release(parameters))
        fields = {"Accept": self._media, **self._headers, **(headers or {})}
        if body is not None:
            fields["Content-Type"] = self._media
        for attempt in range(2):
            try:
                self._connection.request(method, f"{self._root}/{path}", body, fields)
                reply = self._connection.getresponse()
                content, media = reply.read(), reply.headers.get_content_type()
                break
            except (HTTPException, OSError) as problem:
                # A server may end a connection that has been idle; a second time it is an answer.
                self._connection.close()
                if attempt:
                    reason = reason_of(problem) if isinstance(problem, OSError) else problem
                    raise ConnectionError(f"no answer: {reason}") from None
        return reply.status, self._read(reply.status, media, content)

    def _read(self, status: int, media: str, content: bytes) -> Document:
        if not content:
            raise ConnectionError(f"status {status} without a body")
        if media not in ("application/fhir+json", "application/json"):
            raise ConnectionError(f"status {status} with {media}, not JSON")
        try:
            resource = read_elements(json.read(content), self.is_r4)
            if not self.is_r4:
                return resource
            # The parts of a Parameters resource are those that the release names.
            is_parameters = resource["resourceType"] == "Parameters"
            changed = r4.each_resource(resource, r4.upgrade) if is_parameters else r4.upgrade(resource)
            return read_elements(changed, is_r4=False)
        except (TerminologyError, ValueError) as problem:
            raise ConnectionError(f"status {status} with a body that cannot be read: {problem}") from None


def _is_simple(parameter: Document) -> bool:
    value = next((v for name, v in parameter.items() if name.startswith("value")), None)
    return isinstance(value, str | int | Decimal)


def _text_of(parameter: Document) -> str:
    value: Any = next(v for name, v in parameter.items() if name.startswith("value"))
    return str(value).lower() if isinstance(value, bool) else str(value)
