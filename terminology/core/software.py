"""The name, version and release date of this software."""

NAME = "FHIR Terminology Adapter"
VERSION = "0.1.0"
RELEASED = "2026-11-23"
# The version of HL7's terminology ecosystem tests that this version passes; see docs/conformance.md.
TESTS_PASSED = "1.9.3"


def installation_of(extra: str) -> str:
    """The command that installs the packages of an extra."""
    return f"in the checkout, pip install '.[{extra}]'; with a wheel, pip install 'WHEEL[{extra}]'"
