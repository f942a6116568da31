"""Messages to users: one function for each.

To change a text, open the module of its subject. To add a message, add a function to that module: every
public function is also a name of this package (a test checks that no two modules share a name).

In each module HL7's messages come first. Their ids (``message_id``) and texts are those of HL7's terminology
ecosystem, whose test suite compares them: they stay as they are. A function returns an ``Issue``, or a sentence
that becomes part of one; the caller raises the issue (``TerminologyError``) or returns it in an answer. The HTTP
status of an issue is decided in one other place, ``wire/outcome.py``.

A docstring says which kind of phrase a parameter must be to fit into the sentence. Any other text that a function is
given is a value, of a client or of a resource. Here, in one place, each long value is cut (``cutting``), so that no
message repeats more of a request than helps to find it.
"""

# ruff: noqa: F403
from terminology.core.issues.batch import *
from terminology.core.issues.bodies import *
from terminology.core.issues.closures import *
from terminology.core.issues.code_systems import *
from terminology.core.issues.codes import *
from terminology.core.issues.concept_maps import *
from terminology.core.issues.cpt import *
from terminology.core.issues.cutting import cutting
from terminology.core.issues.displays import *
from terminology.core.issues.expressions import *
from terminology.core.issues.filters import *
from terminology.core.issues.find_matches import *
from terminology.core.issues.formats import *
from terminology.core.issues.http import *
from terminology.core.issues.icd import *
from terminology.core.issues.licences import *
from terminology.core.issues.lint import *
from terminology.core.issues.parameters import *
from terminology.core.issues.related import *
from terminology.core.issues.search import *
from terminology.core.issues.server import *
from terminology.core.issues.subsumption import *
from terminology.core.issues.translate_hints import *
from terminology.core.issues.units import *
from terminology.core.issues.upstreams import *
from terminology.core.issues.users import *
from terminology.core.issues.value_sets import *
from terminology.core.issues.versions import *
from terminology.core.issues.workbench import *
from terminology.core.issues.writes import *

globals().update(cutting(globals()))
