"""What this software is called, and which version it is."""

NAME = "FHIR Terminology Adapter"
VERSION = "0.1.0"
RELEASED = "2026-11-23"
