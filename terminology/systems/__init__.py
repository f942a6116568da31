"""Code systems: how each kind behaves, behind one protocol (``protocol.py``)

===================  ======================================================================================
protocol.py          the questions that every code system answers
document.py          the concepts of a CodeSystem resource
indexed.py           the concepts of a compiled code system in the store
filters.py           the operators of ``include.filter``, written once for both;
                     document_filters.py and indexed_filters.py: the sets that they work on
description.py       what the owner of a code system defines, and what of it is offered: cpt.py, loinc.py, rxnorm.py,
                     ucum.py, omop.py, ndc.py, cvx.py, in the list of described.py, from which docs/systems.md is
supplement.py        a code system seen through its supplements
implicit.py          the value sets that a code system implies
grammar.py           codes that are read and not listed: bcp13.py, bcp47.py, ucum.py
listed.py            codes that a library lists: iso.py
snomed/              SNOMED CT: its filters, its value sets, and ECL (snomed/ecl)
===================  ======================================================================================
"""
