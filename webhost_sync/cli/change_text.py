"""Changes of a document as lines for people, with colours where there is a terminal.

~ /rows/bus-7/status  "active" -> "in repair"
+ /rows/bus-8  {"name": "Bus 8"}
- /rows/bus-9  {"name": "Bus 9"}
~ /notes  Brakes [-checked-]{+renewed+}
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from rich.text import Text

from webhost_sync.history.changes import (
    Added,
    AttributeChanged,
    Change,
    Removed,
    Replaced,
    Spliced,
    TextEdited,
)
from webhost_sync.history.json_form import node_json
from webhost_sync.history.nodes import Node
from webhost_sync.history.paths import pointer_of
from webhost_sync.history.texts import Piece, PieceKind

LONGEST_VALUE = 120
CONTEXT = 40
"""Characters of unchanged text that are shown on either side of a change."""


def change_lines(change: Change) -> list[Text]:
    """One change as one line, or one for each item that went or came."""
    path = pointer_of(change.path)
    match change:
        case Added(_, value):
            return [_line("+", path, _value(value), "green")]
        case Removed(_, value):
            return [_line("-", path, _value(value), "red")]
        case Replaced(_, before, after):
            return [_line("~", path, f"{_value(before)} -> {_value(after)}", "yellow")]
        case Spliced(_, index, removed, added):
            gone = [_line("-", f"{path}/{index}", _value(item), "red") for item in removed]
            new = [
                _line("+", f"{path}/{place}", _value(item), "green")
                for place, item in enumerate(added, index)
            ]
            return gone + new
        case TextEdited(_, pieces):
            return [_line("~", path, "", "yellow").append_text(_text(pieces))]
        case AttributeChanged(_, name, before_leaf, after_leaf):
            was, became = ("nothing" if leaf is None else _value(leaf) for leaf in (before_leaf, after_leaf))
            return [_line("~", f"{path} {name}", f"{was} -> {became}", "yellow")]


def _line(sign: str, path: str, text: str, style: str) -> Text:
    return Text.assemble((f"{sign} {path}", style), "  ", text)


def _value(node: Node) -> str:
    text = json.dumps(node_json(node), ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _text(pieces: Iterable[Piece]) -> Text:
    shown = Text()
    for piece in pieces:
        content = "".join(
            run.content if isinstance(run.content, str) else _value(run.content) for run in piece.runs
        )
        match piece.kind:
            case PieceKind.DELETED:
                shown.append(f"[-{content}-]", "red")
            case PieceKind.INSERTED:
                shown.append(f"{{+{content}+}}", "green")
            case PieceKind.FORMATTED:
                shown.append(f"{{~{content}~}}", "yellow")
            case PieceKind.KEPT:
                shown.append(_shortened(content))
    return shown


def _shortened(content: str) -> str:
    if len(content) <= 2 * CONTEXT + 1:
        return content
    return f"{content[:CONTEXT]}…{content[-CONTEXT:]}"
