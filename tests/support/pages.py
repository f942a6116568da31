"""Pages as a test asks for them and reads them."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from werkzeug.test import TestResponse

from terminology import Settings, Terminology, create_app
from terminology.core.model import Document

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


class Reader:
    """A browser without a window: it asks for pages, and reads their text, links and fields."""

    def __init__(self, client: FlaskClient, headers: dict[str, str] | None = None) -> None:
        self.client = client
        self._headers = {"Accept": BROWSER, **(headers or {})}

    def answer(self, address: str, **headers: str) -> TestResponse:
        return self.client.get(address, headers={**self._headers, **headers})

    def page(self, address: str, status: int = 200, **headers: str) -> Any:
        """The document of a page, which has this status."""
        response = self.answer(address, **headers)
        assert response.status_code == status, response.get_data(as_text=True)[:2000]
        assert response.content_type == "text/html; charset=utf-8"
        return html.fromstring(response.get_data(as_text=True))

    def text(self, address: str, status: int = 200, **headers: str) -> str:
        """The words of the content of a page, with single blanks."""
        return words(self.page(address, status, **headers).get_element_by_id("main"))


def words(element: Any) -> str:
    """The text of an element with single blanks."""
    return " ".join(str(element.text_content()).split())


def links(document: Any) -> list[str]:
    """The addresses that a page leads to."""
    return [str(address) for address in document.xpath("//a/@href")]


def application(*resources: Document, bundled: bool = False, **settings: Any) -> Flask:
    """The application over some resources, with the bundled ones or without."""
    content = Terminology(list(resources), bundled=bundled)
    return create_app(Settings(environment={}, **settings), catalogue=content.catalogue)
