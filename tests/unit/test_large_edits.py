"""A large content is made again in memory that grows with it, not with its square."""

from __future__ import annotations

import subprocess
import sys

VALUES = 20_000
MEMORY = 1 << 30
"""Bytes of address space. What runs into it is a process of its own: pycrdt aborts where memory ends."""
PROGRAM = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
from webhost_sync.history.changes import Added, Spliced
from webhost_sync.history.editing import edit_state
from webhost_sync.history.nodes import ListNode, leaf
from webhost_sync.sync.content import RootKind
from webhost_sync.sync.document import Document
from webhost_sync.sync.parts import EMPTY_UPDATE

values = ListNode(tuple(map(leaf, range({VALUES}))))
kinds = {{"list": RootKind.ARRAY}}
added = edit_state(EMPTY_UPDATE, kinds, [Added(("list",), values)], client_id=7)
assert added.content.get("list") == values
middle = Spliced(("list",), {VALUES // 2}, (), values.items)
spliced = edit_state(added.update, kinds, [middle], client_id=8)
half = {VALUES // 2}
assert spliced.content.get("list").items == values.items[:half] + values.items + values.items[half:]
room = Document(client_id=1)
room.apply(added.update)
room.apply(spliced.update)
assert len(room.encode()) < 20 * {VALUES}
"""


def test_an_array_of_20_000_plain_values_is_made_again_within_a_gibibyte() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
