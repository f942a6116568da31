"""Start the service: ``python server.py [--host HOST] [--port PORT] [--config FILE]``."""

import sys

MEND = """\
The service cannot start: {problem}.

Set it up in this folder and start again:

    python3 -m venv .venv && .venv/bin/pip install .
    .venv/bin/python server.py

On Windows: py -m venv .venv && .venv\\Scripts\\pip install .
            .venv\\Scripts\\python server.py
With uv:    uv run server.py
On Debian or Ubuntu, if 'venv' is missing: apt install python3-venv
"""

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(MEND.format(problem=f"it needs Python 3.11 or later, and this is {sys.version.split()[0]}"))
try:
    from terminology.cli.commands import serve
except ModuleNotFoundError as missing:
    sys.exit(MEND.format(problem=f"the package '{missing.name}' is not installed for {sys.executable}"))

if __name__ == "__main__":
    serve()
