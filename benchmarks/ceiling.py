"""An empty Flask view for each operation, which returns as many bytes: the most that any server could reach.

``python benchmarks/ceiling.py '{"options": {…of Granian…}, "sizes": {"lookup": 1200, …}}'``
"""

from __future__ import annotations

import json
import sys

from flask import Flask, Response


def empty_app(sizes: dict[str, int]) -> Flask:
    """``/NAME`` answers with so many bytes. Stock Flask, nothing taken away."""
    app = Flask("ceiling")
    for name, size in sizes.items():
        app.add_url_rule(f"/{name}", name, _view(b"x" * size), methods=["GET", "POST"])
    return app


def _view(body: bytes):
    return lambda: Response(body, mimetype="application/fhir+json")


def main() -> None:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    arguments = json.loads(sys.argv[1])
    options = arguments["options"]
    options["interface"] = Interfaces(options["interface"])
    options["http"] = HTTPModes(options["http"])
    options["http1_settings"] = HTTP1Settings(**options["http1_settings"])
    options["log_level"] = LogLevels(options["log_level"])
    app = empty_app(arguments["sizes"])
    Granian("ceiling", **options).serve(target_loader=lambda: app, wrap_loader=False)


if __name__ == "__main__":
    main()
