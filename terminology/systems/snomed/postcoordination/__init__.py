"""Post-coordinated expressions: codes of SNOMED CT that are made of concepts (compositional grammar, 2.4)

===============  =========================================================================
grammar.py       from a text to its parts, with the place of a mistake
parts.py         the parts, and the texts that they are written as
meaning.py       the parts as concepts of a release, with their faults
reasoning.py     normal forms, and whether one expression subsumes another
membership.py    whether an expression is a member of an expression constraint, or passes a filter
codes.py         expressions as codes: located, described, compared
===============  =========================================================================
"""
