"""The golden file is what its script writes, so that neither changes unseen."""

from __future__ import annotations

import json

from tests.golden.make_layout import vectors
from tests.golden.read import golden


def test_the_golden_file_is_what_its_script_writes() -> None:
    assert json.loads(json.dumps(vectors())) == golden("layout.json")
