"""Hypothesis strategies for contents of documents, as trees of nodes."""

from __future__ import annotations

from hypothesis import strategies as st

from webhost_sync.history.nodes import (
    ElementNode,
    ListNode,
    MapNode,
    Node,
    Run,
    formats_of,
    is_empty,
    leaf,
    map_node,
    text_node,
)

letters = st.text(alphabet="ab \nż😀", max_size=8)
keys = st.sampled_from(["a", "b", "c/d", "~"])
plain_values = st.none() | st.booleans() | st.integers(-3, 3) | st.just(0.5) | st.binary(max_size=2) | letters
leaves = st.builds(leaf, plain_values | st.lists(plain_values, max_size=2) | st.just({"x": [1, True]}))
formats = st.dictionaries(st.sampled_from(["bold", "link"]), st.booleans() | letters, max_size=2).map(
    formats_of
)
embeds = st.dictionaries(keys, st.booleans() | letters, max_size=1).map(leaf)
runs = st.builds(Run, letters | embeds, formats)
texts = st.lists(runs, max_size=5).map(text_node)
xml_texts = st.lists(runs, max_size=4).map(lambda given: text_node(given, is_xml=True))


def _containers(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.one_of(
        st.dictionaries(keys, inner, max_size=3).map(map_node),
        st.lists(inner, max_size=4).map(lambda items: ListNode(tuple(items))),
    )


elements: st.SearchStrategy[Node] = st.recursive(
    xml_texts,
    lambda inner: st.builds(
        ElementNode, st.sampled_from(["p", "li"]), formats, st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=5,
)
fragments = st.lists(elements, max_size=3).map(lambda children: ElementNode(None, (), tuple(children)))
nodes: st.SearchStrategy[Node] = st.recursive(leaves | texts | fragments, _containers, max_leaves=12)


@st.composite
def contents(draw: st.DrawFn) -> MapNode:
    """What a document can hold: each root of the kind that its name says, so that two can be compared."""
    roots: dict[str, st.SearchStrategy[Node]] = {
        "list": st.lists(nodes, max_size=4).map(lambda items: ListNode(tuple(items))),
        "map": st.dictionaries(keys, nodes, max_size=4).map(map_node),
        "page": fragments,
        "text": texts,
    }
    drawn = {name: draw(strategy) for name, strategy in roots.items()}
    return map_node({name: node for name, node in drawn.items() if not is_empty(node)})
