"""Messages to users: one function for each, under HL7's message id where HL7 has one.

To change a text, open the module of its subject. To add a message, add a function to that module: every
public function is also ``issues.NAME`` (a test sees that no two modules share a name).

The ids and wordings are those of HL7's terminology ecosystem where it has one, and stay HL7's. A function
returns an ``Issue``; whether it is raised (``TerminologyError``) or returned in an answer is for the caller to
say. The HTTP status of an issue is decided in one other place, ``wire/outcome.py``.
"""

# ruff: noqa: F403
from terminology.core.issues.batch import *
from terminology.core.issues.bodies import *
from terminology.core.issues.closures import *
from terminology.core.issues.code_systems import *
from terminology.core.issues.codes import *
from terminology.core.issues.concept_maps import *
from terminology.core.issues.displays import *
from terminology.core.issues.expressions import *
from terminology.core.issues.filters import *
from terminology.core.issues.http import *
from terminology.core.issues.parameters import *
from terminology.core.issues.search import *
from terminology.core.issues.server import *
from terminology.core.issues.subsumption import *
from terminology.core.issues.value_sets import *
from terminology.core.issues.versions import *
