"""The library: the answers of the service in Python, without HTTP."""

from terminology.library.terminology import Terminology

__all__ = ["Terminology"]
