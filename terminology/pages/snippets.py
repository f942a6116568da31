"""A request as people write it: for curl, in Python and in JavaScript."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from terminology.pages.road import AskedRequest

_FHIR = "application/fhir+json"
_KEY = "X-API-Key"


@dataclass(slots=True, frozen=True)
class Snippet:
    """A request in one language, ready to copy."""

    language: str
    text: str


def snippets(base: str, question: AskedRequest, needs_key: bool) -> list[Snippet]:
    """The request below a base. ``needs_key``: the service asks who its clients are."""
    return [
        Snippet("curl", _curl(base, question, needs_key)),
        Snippet("Python", _python(base, question, needs_key)),
        Snippet("JavaScript", _javascript(base, question, needs_key)),
    ]


def _headers(question: AskedRequest, needs_key: bool) -> dict[str, str]:
    headers = {"Accept": _FHIR}
    if question.body is not None:
        headers["Content-Type"] = _FHIR
    return headers | ({_KEY: "your key"} if needs_key else {})


def _curl(base: str, question: AskedRequest, needs_key: bool) -> str:
    lines = [f"curl {shlex.quote(f'{base}/{question.target}'.rstrip('/'))}"]
    lines += [
        f"-H {shlex.quote(f'{name}: {value}')}" for name, value in _headers(question, needs_key).items()
    ]
    if question.body is not None:
        lines.append(f"-d {shlex.quote(json.dumps(question.body, ensure_ascii=False))}")
    return " \\\n  ".join(lines)


def _python(base: str, question: AskedRequest, needs_key: bool) -> str:
    call = "get" if question.body is None else "post"
    lines = [
        "import requests",
        "",
        f"answer = requests.{call}(",
        f"    {f'{base}/{question.path}'.rstrip('/')!r},",
    ]
    if question.query:
        pairs = [f"        {pair!r}," for pair in question.query]
        lines += ["    params=[", *pairs, "    ],"]
    if question.body is not None:
        lines.append(f"    json={question.body!r},")
    lines.append(f"    headers={_headers(question, needs_key)!r},")
    return "\n".join([*lines, ")", "print(answer.json())"])


def _javascript(base: str, question: AskedRequest, needs_key: bool) -> str:
    url = f"{base}/{question.path}".rstrip("/")
    options = {"headers": _headers(question, needs_key)}
    lines = []
    where = json.dumps(url, ensure_ascii=False)
    if question.query:
        query = json.dumps([list(pair) for pair in question.query], ensure_ascii=False)
        lines.append(f"const query = new URLSearchParams({query});")
        where = f"{json.dumps(url + '?', ensure_ascii=False)} + query"
    parts = []
    if question.body is not None:
        parts.append('method: "POST"')
        parts.append(f"body: JSON.stringify({json.dumps(question.body, ensure_ascii=False)})")
    parts.append(f"headers: {json.dumps(options['headers'])}")
    inside = ",\n  ".join(parts)
    lines += [
        f"const answer = await fetch({where}, {{\n  {inside},\n}});",
        "console.log(await answer.json());",
    ]
    return "\n".join(lines)
