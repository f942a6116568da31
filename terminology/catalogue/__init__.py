"""The catalogue: which resources there are, and which one a canonical means

==================  =======================================================================================
protocol.py         ``Catalogue``: the questions that operations and ``wire`` ask
content.py          the loaded resources, the built-in code systems and the resources in the store
overlay.py          a catalogue with the resources of a client: sent with a request, or cached
release_view.py     a catalogue for one version of FHIR, with the resources that FHIR itself publishes
remembering.py      a catalogue that remembers its answers
derived_answers.py  the answers that follow from other answers, the same for every catalogue
implied.py          the value sets and maps that code systems imply
wrapper.py          what the wrapping catalogues have in common
resource_index.py   resources by canonical and by id, each compiled once
concept_map.py      a ConceptMap compiled into rows
stored_resource.py  a resource in the store, as the catalogue sees it
stored_map.py       the rows of a map in the store
stored_value_set.py the long lists of a value set in the store
==================  =======================================================================================
"""
