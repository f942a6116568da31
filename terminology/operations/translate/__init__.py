"""ConceptMap $translate."""
