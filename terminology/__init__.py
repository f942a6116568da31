"""A FHIR terminology server, library and command line.

Read upwards: a module imports only what stands below it in this list.

================  ==================================================================
__main__.py       ``python -m terminology``
cli/              the command ``terminology``
testing/          for tests of clients and servers: fixtures for pytest, conformance
http/             Flask, the fast path, and the web server that carries them
pages/            what a browser shows at the addresses of FHIR
workbench/        tools for sheets of codes and for maps, over the library
library/          the same answers in Python, without HTTP
opening.py        the parts put together as the settings say
authentication/   who a client is: API keys and access tokens
upstreams/        other terminology servers, asked for content that is missing here
content/          files in: packages, releases, tables; bundles out
wire/             FHIR as it travels, no HTTP: parameters in, resources out, R4 and R5
state/            the state that is kept between requests
operations/       the operations: pure functions of a catalogue and a request
catalogue/        which resources there are, and which one a canonical means
systems/          how one code system behaves
store/            big code systems and maps in SQLite or PostgreSQL
settings.py       the settings
core/             the model, errors, messages, languages, versions, texts
================  ==================================================================

The public names are those of ``__all__``. Each is imported when it is first used, so that the library does not
load Flask, and the import of one exception loads nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from terminology.core.errors import (
        AdapterError,
        BrokenReleaseError,
        IncompleteCopyError,
        NotLoadedError,
        OtherFormatError,
        OverBudgetError,
        PublicationError,
        RefusedError,
        SettingError,
        StoreBusyError,
        StoreError,
        TerminologyError,
        TooFewRowsError,
        TooLargeFileError,
        UnavailableError,
        UndecidedError,
        UnknownImportError,
        UnreadableArtifactError,
        UnreadableFileError,
        UnrecognisedReleaseError,
        UpstreamError,
    )
    from terminology.core.model import Coding, Issue, Typed
    from terminology.http.app import create_app
    from terminology.library.results import (
        BatchTranslateResult,
        BatchValidateResult,
        CacheControlResult,
        ClosureResult,
        ExpandResult,
        FindMatchesResult,
        LookupResult,
        RelatedResult,
        Resource,
        SearchResult,
        SubsumesResult,
        TranslateResult,
        ValidateResult,
        VersionsResult,
    )
    from terminology.library.terminology import Terminology
    from terminology.opening import open_catalogue
    from terminology.settings import Settings

__all__ = [
    "AdapterError",
    "BatchTranslateResult",
    "BatchValidateResult",
    "BrokenReleaseError",
    "CacheControlResult",
    "ClosureResult",
    "Coding",
    "ExpandResult",
    "FindMatchesResult",
    "IncompleteCopyError",
    "Issue",
    "LookupResult",
    "NotLoadedError",
    "OtherFormatError",
    "OverBudgetError",
    "PublicationError",
    "RefusedError",
    "RelatedResult",
    "Resource",
    "SearchResult",
    "SettingError",
    "Settings",
    "StoreBusyError",
    "StoreError",
    "SubsumesResult",
    "Terminology",
    "TerminologyError",
    "TooFewRowsError",
    "TooLargeFileError",
    "TranslateResult",
    "Typed",
    "UnavailableError",
    "UndecidedError",
    "UnreadableArtifactError",
    "UnknownImportError",
    "UnreadableFileError",
    "UnrecognisedReleaseError",
    "UpstreamError",
    "ValidateResult",
    "VersionsResult",
    "create_app",
    "open_catalogue",
]


# The modules of the public names that are not exceptions.
_MODULES = {
    "Coding": "core.model",
    "Issue": "core.model",
    "Settings": "settings",
    "Terminology": "library.terminology",
    "Typed": "core.model",
    "create_app": "http.app",
    "open_catalogue": "opening",
}


def __getattr__(name: str) -> Any:
    """A public name, when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module 'terminology' has no attribute '{name}'")
    usual = "core.errors" if name.endswith("Error") else "library.results"
    value = getattr(import_module(f"terminology.{_MODULES.get(name, usual)}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
