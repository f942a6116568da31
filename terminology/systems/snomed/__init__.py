"""SNOMED CT: what the store's code system answers, and besides

===============  =============================================================================
system.py        the code system: FHIR's filters for SNOMED CT, implicit value sets
implicit.py      ``?fhir_vs=…``: which value sets a release implies
parser.py        the Expression Constraint Language, read; filters.py: what stands in ``{{ }}``
reader.py        where a reader is in a text, and what it says when it cannot go on
expression.py    what was read
evaluation.py    which concepts an expression means, as sets of numbers
refinements.py   … attributes, groups and cardinalities
descriptions.py  … and the filters on descriptions; wanted.py: the texts that they look for
substrate.py     what a release has, as the store keeps it
identifiers.py   identifiers that have a meaning of their own
===============  =============================================================================
"""
