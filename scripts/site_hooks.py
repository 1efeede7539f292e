"""For mkdocs: the site has pages and files from outside of docs/, and every page is in its navigation.

Documents link to each other, and to sources, by their places in the repository, so that they can be read on a code
host. Here links are led to where the site has the same. What is linked to and is no page is copied to ``source/``.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File, InclusionLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PLACES = {
    "README.md": "getting-started.md",
    "ARCHITECTURE.md": "explanation/architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "releases.md",
    "changelog.d/README.md": "changelog.md",
    "examples/tracer-hello/README.md": "tutorial/example.md",
    **{f"plugins/{path.name}/README.md": f"reference/collectors/{path.name}.md" for path in ROOT.glob("plugins/*")},
}
"""Documents outside of docs/, and where the site has them."""

_DOCS, _SOURCE = "docs/", "source/"
_TABLE_ROW = re.compile(r"^\|.*$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\]\(([^)#\s]+)((?:#[^)]*)?)\)")


def place(path: str) -> str:
    """Where the site has a file of the repository."""
    if path in PLACES:
        return PLACES[path]
    return path.removeprefix(_DOCS) if path.startswith(_DOCS) else _SOURCE + path


def origin(uri: str) -> str:
    """Where the repository has what the site has there."""
    return next((path for path, placed in PLACES.items() if placed == uri), _DOCS + uri)


def target(path: str, link: str) -> str | None:
    """The file of the repository that a link in one of its documents leads to, if it leads to one."""
    found = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    return found if "://" not in link and (ROOT / found).is_file() else None


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is outside of docs/, and name all pages in the navigation."""
    for path, uri in PLACES.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / path)))
    for page in list(files.documentation_pages()):
        for link, _ in _LINK.findall(page.content_string):
            found = target(origin(page.src_uri), link)
            uri = place(found) if found else ""
            if found and uri.startswith(_SOURCE) and files.get_file_from_path(uri) is None:
                files.append(File.generated(config, uri, abs_src_path=str(ROOT / found)))
    nav = config.nav or []
    named = set(_named(nav))
    for page in sorted(files.documentation_pages(), key=lambda page: page.src_uri):
        if page.src_uri not in named and page.inclusion != InclusionLevel.NOT_IN_NAV:
            _section(nav, posixpath.dirname(page.src_uri)).append(page.src_uri)
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Lead links to where the site has what they lead to, and have code in tables as code hosts show it."""
    here = page.file.src_uri

    def led(match: re.Match[str]) -> str:
        found = target(origin(here), match[1])
        if found is None:
            return match[0]
        return f"]({posixpath.relpath(place(found), posixpath.dirname(here) or '.')}{match[2]})"

    return _TABLE_ROW.sub(_without_escapes, _LINK.sub(led, markdown))


def _without_escapes(row: re.Match[str]) -> str:
    # code hosts need "\|" for a bar in code; here it is no end of a cell, and the backslash would be shown
    return _CODE.sub(lambda code: code[0].replace(r"\|", "|"), row[0])


def _named(nav: list[Any] | dict[str, Any] | str) -> Iterator[str]:
    """Pages in a piece of the navigation."""
    if isinstance(nav, str):
        yield nav
    else:
        for item in nav.values() if isinstance(nav, dict) else nav:
            yield from _named(item)


def _section(nav: list[Any], folder: str) -> list[Any]:
    """The list of pages whose first one is in a folder; all of the navigation, if there is none."""
    for item in nav:
        for inner in item.values() if isinstance(item, dict) else ():
            if isinstance(inner, list):
                first = next(_named(inner), "")
                if posixpath.dirname(first) == folder:
                    return inner
                found = _section(inner, folder)
                if found is not inner:
                    return found
    return nav
