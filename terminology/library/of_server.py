"""The library with the answers of another server."""

from __future__ import annotations

from collections.abc import Mapping

from terminology.core.model import Document
from terminology.library.terminology import Terminology
from terminology.opening import catalogue_of
from terminology.settings import Settings
from terminology.upstreams.one_server import OneServer
from terminology.wire.exchange import Request
from terminology.wire.fhir_versions import FhirVersion

# Seconds that an answer may take.
PATIENCE = 30.0


class ServerTerminology(Terminology):
    """The terminology of any FHIR server, with the methods and results of ``Terminology``.

    It is asked in its release of FHIR (its CapabilityStatement names it), whatever release the caller wants. Without
    an answer a method raises UpstreamError; what the server refuses is a TerminologyError with its issues.
    """

    def __init__(
        self, base: str, *, credentials: Mapping[str, str] | None = None, seconds: float = PATIENCE
    ) -> None:
        """``base`` is the URL of the server: ``https://tx.fhir.org/r4``.

        ``credentials`` are headers such as ``{"Authorization": "Bearer ..."}``. Raises SettingError.
        """
        server = OneServer(base, credentials or {}, seconds)
        settings = Settings().updated(bundled=False, deadline=round(seconds) + 1)
        super().__init__(settings=settings, catalogue=catalogue_of((), False))
        self._elsewhere = self._server = server

    def _answer(self, release: FhirVersion, request: Request, view: FhirVersion | None = None) -> Document:
        if "$" in request.path:
            return super()._answer(release, request, view)
        return self._server.read(request.path, request.query, release)
