"""SNOMED CT: a compiled code system with filters, value sets and an expression language of its own

================= =========================================================================
system.py        the code system, and FHIR's filters for SNOMED CT
description.py   what the owner and HL7 define, and what of it is offered
implicit.py      ``?fhir_vs=…``: the value sets that a release implies
release_index.py the sets of a release on which expressions are evaluated
rows.py          inactive descriptions and normal forms in the rows of concepts
identifiers.py   identifiers with a meaning of their own
ecl/             the Expression Constraint Language
postcoordination/ expressions as codes
================= =========================================================================
"""
