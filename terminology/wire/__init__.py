"""FHIR as it travels; no HTTP."""
