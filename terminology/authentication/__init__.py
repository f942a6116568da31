"""Authentication: which user credentials belong to. It knows texts and files, and neither HTTP nor FHIR."""
