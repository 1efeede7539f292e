"""The documentation as a site: ``make site``."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}


class Loads(HTMLParser):
    """Addresses of what a page has a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if address := dict(attrs).get(LOADED.get(tag, "")):
            self.found.append(address)


def loads(page: Path) -> Iterator[str]:
    parser = Loads()
    parser.feed(page.read_text())
    yield from parser.found


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    found = {address for page in site.rglob("*.html") for address in loads(page)}
    assert len(found) > 5
    assert [address for address in found if "//" in address] == []
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    assert re.findall(r"url\([\"']?(?:https?:)?//|@import", styles) == []


def test_documents_and_sources_from_outside_of_docs_are_there(site: Path) -> None:
    for page in ("getting-started", "explanation/architecture", "contributing", "reference/collectors/ovs"):
        assert (site / f"{page}.html").is_file(), page
    exit_codes = (site / "reference/exit-codes.html").read_text()
    assert 'href="../source/core/src/tracer_core/errors.py"' in exit_codes
    assert (site / "source/core/src/tracer_core/errors.py").read_text() == (
        ROOT / "core/src/tracer_core/errors.py"
    ).read_text()


def test_a_page_that_the_navigation_does_not_name_is_at_the_end_of_its_section(site: Path) -> None:
    """Decision records are none that it names, and collectors but the first."""
    home = (site / "index.html").read_text()
    records = sorted(path.stem for path in (ROOT / "docs/adr").glob("[0-9]*.md"))
    assert records == re.findall(r'href="adr/([0-9][\w.-]*)\.html" class="md-nav__link"', home)
    assert "reference/collectors/skb_drop.html" in home
