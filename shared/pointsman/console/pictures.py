"""What the drawings have in common: colours for light and for dark paper, the frame, and text in it."""

from collections.abc import Iterable
from html import escape

from pointsman.core.values import one_line

WIDTH = 960
"""Width of a drawing in pixels."""
STYLE = """
  :root { --paper: #ffffff; --ink: #1f2933; --dim: #5f6b7a; --rule: #c3cbd6; --box: #eef1f5; --fill: #2f6fb7; --busy: #b7791f; --over: #c53030 }
  @media (prefers-color-scheme: dark) {
    :root { --paper: #14181d; --ink: #e6eaf0; --dim: #9aa6b5; --rule: #46505d; --box: #232a33; --fill: #6aa5ea; --busy: #e0a94a; --over: #f27474 }
  }
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--ink) }
  .paper { fill: var(--paper) } .title { font-size: 17px; font-weight: 600 } .name { font-weight: 600 } .dim { fill: var(--dim); font-size: 12px }
  .site { fill: var(--box); stroke: var(--rule) } .track { fill: var(--box); stroke: var(--rule) } .wire { fill: none; stroke: var(--rule); stroke-width: 2 }
  .fill { fill: var(--fill) } .busy { fill: var(--busy) } .over { fill: var(--over) } .failed { stroke: var(--over) }
  .wire.failed { stroke-dasharray: 6 5 } .cross { fill: none; stroke: var(--over); stroke-width: 3 } .bad { fill: var(--over); font-weight: 600 }
"""
"""Colours and kinds of text, of drawings and of pages."""


def picture(title: str, height: int, parts: Iterable[str], more: str = "") -> str:
    """Frame an SVG drawing of ``height`` pixels; ``more`` are styles of its own."""
    framed = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(one_line(title))}</title>",
        f"<style>{STYLE}{more}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        *parts,
        "</svg>",
    )
    return "\n".join(framed) + "\n"


def text(x: int, y: int, words: str, kind: str, *, end: bool = False) -> str:
    """Write words that begin, or with ``end`` end, at a place."""
    anchor = ' text-anchor="end"' if end else ""
    return f'<text class="{kind}" x="{x}" y="{y}"{anchor}>{escape(one_line(words))}</text>'
