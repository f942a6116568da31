"""A FHIR terminology server, library and command line.

Read upwards: a module imports only what stands below it in this list.

================  ==================================================================
cli/              the command ``terminology``
http/             Flask, the fast path, and the web server that carries them
library.py        the same answers without HTTP
opening.py        the parts put together as the settings say
content/          files in: packages, releases, tables; bundles out
wire/             FHIR as it travels, no HTTP: parameters in, resources out, R4 and R5
state/            what is kept from request to request
operations/       what can be asked: pure functions of a catalogue and a request
catalogue/        which resources there are, and which one a canonical means
systems/          how one code system behaves
store/            big code systems and maps in SQLite or PostgreSQL
settings.py       the settings
core/             the model, errors, messages, languages, versions, texts
================  ==================================================================
"""

from terminology.core.errors import TerminologyError
from terminology.http.app import create_app
from terminology.library import Terminology
from terminology.opening import open_catalogue
from terminology.settings import Settings

__all__ = ["Settings", "Terminology", "TerminologyError", "create_app", "open_catalogue"]
