"""Constructors of an issue, one for each severity. They take the other fields of ``Issue`` by name."""

from __future__ import annotations

from functools import partial

from terminology.core.model import Issue

# The server failed.
fatal = partial(Issue, "fatal")
# The request has no answer, or a negative one.
error = partial(Issue, "error")
# The answer may not be the one that the user expects.
warning = partial(Issue, "warning")
# Something worth knowing about the answer.
information = partial(Issue, "information")

# The constructor of each severity, the worst first.
SEVERITIES = {"fatal": fatal, "error": error, "warning": warning, "information": information}
