"""The service, started by ``python server.py [--host HOST] [--port PORT] [--config FILE]``.

It serves the package that is installed for this Python, as the command ``terminology`` does, and not the files
beside it: after ``pip install .`` those may be newer. After ``pip install -e .`` they are the installed package.
"""

import sys

SETUP = """\
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
    sys.exit(SETUP.format(problem=f"it needs Python 3.11 or later, and this is {sys.version.split()[0]}"))
if sys.path and not sys.flags.safe_path:
    del sys.path[0]  # Python puts the folder of the script first, and would import the files beside it
try:
    from terminology.cli.commands import serve
except ModuleNotFoundError as missing:
    sys.exit(SETUP.format(problem=f"the package '{missing.name}' is not installed for {sys.executable}"))

if __name__ == "__main__":
    serve()
