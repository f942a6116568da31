"""For those who test a client of a terminology server, or a server: fixtures for pytest, and assertions.

The names are imported when they are first used: pytest loads ``pytest_plugin`` in each of its runs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from terminology.testing.assertions import assert_translates, assert_valid
    from terminology.testing.harnessed import TerminologyApp, TerminologyServer, open_app

__all__ = ["TerminologyApp", "TerminologyServer", "assert_translates", "assert_valid", "open_app"]


def __getattr__(name: str) -> Any:
    """A public name, when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module 'terminology.testing' has no attribute '{name}'")
    module = "assertions" if name.startswith("assert_") else "harnessed"
    return getattr(import_module(f"terminology.testing.{module}"), name)
