"""Conformance: the suite of HL7's terminology ecosystem, and our own cases, run against a server without Java."""
