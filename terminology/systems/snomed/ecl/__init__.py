"""The Expression Constraint Language (ECL) of SNOMED CT

===============  =========================================================================
parser.py        from a text to its parts: operators (``<<``), ``^``, refinements
filters.py       the parser of ``{{ … }}``: filters and history supplements
text_reader.py   the place in a text, and the errors that name it
expression.py    the parts: ``MemberOf`` (``^``), ``Wildcard`` (``*``), ``Refined`` (``:``), …
evaluation.py    from the parts to the concepts: hierarchy, ``^``, filters, history
members.py       … the rows of reference sets (``{{ M … }}``)
refinements.py   … attributes, groups and cardinalities
descriptions.py  … description filters (``{{ D … }}``)
term_search.py   … search texts
===============  =========================================================================
"""
