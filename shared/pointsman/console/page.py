"""One page of HTML that needs nothing else: no script, no address, every word of others escaped."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from pointsman.console.pictures import STYLE
from pointsman.core.values import one_line

_PAGE = """
  body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
         font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: break-word }
  h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem } h3 { font-size: 1rem; margin-bottom: .2rem }
  p, ul { margin: .3rem 0 } small, th { color: var(--dim); font-weight: 400 } .critical, .error { color: var(--over) } .warning { color: var(--busy) }
  table { border-collapse: collapse; width: 100%; display: block; overflow-x: auto } th, td { text-align: left; padding: .25rem .8rem .25rem 0; vertical-align: top }
  tr + tr td { border-top: 1px solid var(--rule) } td:first-child { white-space: nowrap } svg { max-width: 100%; height: auto }
"""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def safe(words: object) -> Html:
    """Escape whatever is no HTML yet, and leave out what is not printed."""
    return words if isinstance(words, Html) else Html(escape(one_line(str(words))))


def element(name: str, *inside: object, kind: str = "") -> Html:
    """Put something into an element, of a class if ``kind`` names one."""
    told = f' class="{escape(kind)}"' if kind else ""
    return Html(f"<{name}{told}>{''.join(safe(one) for one in inside)}</{name}>")


def listed(items: Iterable[object]) -> Html:
    """Make a list; nothing of none."""
    found = [element("li", item) for item in items]
    return element("ul", *found) if found else Html()


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """Make a table; nothing without rows."""
    found = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    return element("table", element("tr", *(element("th", name) for name in head)), *found) if found else Html()


def section(title: str, *inside: Html) -> Html:
    """Put something under a title; nothing without anything."""
    return Html("".join((element("h2", title), *inside))) if any(inside) else Html()


def page(title: str, *inside: Html) -> str:
    """Write the whole page. Readable on light and on dark paper, and it loads nothing, whatever its words hold."""
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">""",
        f"<title>{safe(title)}</title>",
        f"<style>{STYLE}{_PAGE}</style>\n</head>\n<body>",
    )
    return "\n".join((*head, *(one for one in inside if one), "</body>\n</html>\n"))


def at(instant: datetime | None) -> str:
    """Write an instant, UTC to the second; "" for none."""
    return "" if instant is None else f"{instant:%FT%TZ}"
