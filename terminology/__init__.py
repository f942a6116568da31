"""A FHIR terminology server, library and command line. Read downwards: a module imports only what is below
it.

===================  ===========================================================================
cli.py               the command ``terminology``
serving.py           the web server that carries the application
console.py           answers as a terminal shows them
web.py               HTTP, no FHIR: Flask
library.py           the same answers without HTTP
reference.py         the pages of docs/ that are written from tables
importing.py         what the command line says of the store
assembly.py          settings, and the catalogue that they make
packages.py          FHIR packages, files and folders: what lies in them, and keeping it
importers/           the files of releases -> neutral rows
publication/         the tables in fhir_bundles/source -> the resources that we publish
wire/                FHIR as it travels, no HTTP: parameters in, resources out, R4 <-> R5
state/               what is kept from one request to the next: SQLite
operations/          what can be asked: pure functions of a catalogue and a request
shelved.py           how a catalogue sees what is in the store
catalogue.py         which resources there are, and which one a canonical means
stored_lists.py        what a value set in the store lists
concept_map.py       what a ConceptMap says, compiled
systems/             what a code system can be
store/               where big code systems and maps lie, compiled
issues.py            every message, under HL7's message id
languages.py         which display, in the language asked for
numbers.py           numbers as filters compare them
texts.py             what a typed text finds
structure.py         is a resource built as we read it
versions.py          which version, when there are several
documents.py         what is kept of a document until it is asked for
patterns.py          regular expressions in linear time
release.py           what a release says: the rows between importers and store
model.py             what questions and answers are made of
cache.py             what was worked out a moment ago
software.py          what this is called, and which version it is
===================  ===========================================================================
"""

from terminology.assembly import Settings, open_catalogue
from terminology.library import Terminology
from terminology.model import TerminologyError
from terminology.web import create_app

__all__ = ["Settings", "Terminology", "TerminologyError", "create_app", "open_catalogue"]
