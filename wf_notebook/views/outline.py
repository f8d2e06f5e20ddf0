"""How the outline of a source is shown: as lines of text, and as a part of a card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wf_notebook.views.card import Markup, element
from wf_notebook.views.words import visible

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wf_notebook.definition.outline import Node, Outline

__all__ = ["outline_html", "outline_text"]

_GLYPHS: Final[Mapping[str, str]] = {
    "step": "●",
    "sleep": "◷",
    "hook": "?",
    "loop": "↻",
    "together": "≡",
}
_COLOURS: Final[Mapping[str, str]] = {"step": "#3b82d6", "sleep": "#8a8f98", "hook": "#c07f17"}
_ASKS: Final = ("step", "sleep", "hook")
_LINE: Final = "rgba(128, 128, 128, 0.35)"
_MUTED: Final = "font-size: 12px; opacity: 0.75"
_INDENT: Final = 20  # pixels


def outline_text(outline: Outline, reached: Collection[int] = ()) -> str:
    """Return an outline as indented lines.

    Args:
        outline: what is shown.
        reached: lines of the source at which a rehearsal asked for something; if there are any,
            what stands there is marked with ✓.
    """
    lines = [outline.entry]
    for depth, node in outline.rows():
        mark = "✓" if _is_reached(node, reached) else " "
        shown = visible(" ".join(_words(node)))
        lines.append(f"{mark} {'  ' * depth}{shown}  line {node.line}")
    return "\n".join(lines)


def outline_html(outline: Outline, reached: Collection[int] = ()) -> Markup:
    """Return an outline as a table: indented by depth, what runs side by side under one head."""
    rows = (_row(depth, node, reached) for depth, node in outline.rows())
    head = element("code", outline.entry, style="font-family: monospace; font-size: 12px")
    style = "table-layout: auto; width: 100%; border-collapse: collapse; "
    style += "font-size: 13px; margin-top: 6px"
    return element("div", head, element("table", element("tbody", *rows), style=style))


def _row(depth: int, node: Node, reached: Collection[int]) -> Markup:
    border = f"border-left: 2px solid {_LINE}; padding-left: 8px" if depth else ""
    what = element("div", *_cells(node), style=f"margin-left: {_INDENT * depth}px; {border}")
    mark = "✓" if _is_reached(node, reached) else ""
    cell = "text-align: left; vertical-align: middle; padding: 2px 12px 2px 0px"
    muted = f"{cell}; {_MUTED}; white-space: nowrap; width: 1%"
    return element(
        "tr",
        element("td", what, style=cell),
        element("td", mark, style=f"{muted}; color: #2e9e5b"),
        element("td", f"line {node.line}", style=muted),
        style="background-color: transparent",
    )


def _cells(node: Node) -> list[str]:
    glyph, *rest = _words(node)
    if node.kind not in _ASKS:
        return [element("span", " ".join([glyph, *rest]), style=_MUTED)]
    mark = element("strong", glyph, style=f"color: {_COLOURS[node.kind]}")
    return [mark, " ", " ".join(rest)]


def _words(node: Node) -> list[str]:
    """Glyph, kind and label, as far as they say something."""
    glyph = [_GLYPHS[node.kind]] if node.kind in _GLYPHS else []
    word = [node.kind] if node.kind in ("sleep", "hook") else []
    return [*glyph, *word, node.label]


def _is_reached(node: Node, reached: Collection[int]) -> bool:
    return node.kind in _ASKS and node.line in reached
