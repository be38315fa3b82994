"""Keeps templates as they were compiled, where Python keeps its own modules, for the processes to come.

Compiling all of them takes 0.3 s, in which whoever looks at a page of a new process waits; reading them
back takes a tenth of that. Where the folder can't be written, each process compiles them anew.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from importlib.util import cache_from_source
from io import BytesIO
from pathlib import Path
from threading import get_ident

from jinja2.bccache import Bucket, BytecodeCache


class Compiled(BytecodeCache):
    """A file for each template. Invariant: what is read back is what compiling would give now.

    What is compiled depends on the filters and options too, since constants are worked out: `makers` are the
    modules that say which these are.
    """

    def __init__(self, makers: Path) -> None:
        """`makers` is the folder of those modules."""
        self._folder = Path(cache_from_source(str(makers / "template"))).parent
        said = sha256(version("jinja2").encode())
        for path in sorted(makers.glob("*.py")):
            said.update(path.read_bytes())
        self._makers = said.hexdigest()

    def get_source_checksum(self, source: str) -> str:
        return sha256(f"{self._makers}\n{source}".encode()).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            bucket.load_bytecode(BytesIO(self._path(bucket).read_bytes()))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        path = self._path(bucket)
        # In one go: another process may read it meanwhile, another thread write it.
        written = path.with_suffix(f".{os.getpid()}-{get_ident()}")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            written.write_bytes(bucket.bytecode_to_string())
            written.replace(path)

    def _path(self, bucket: Bucket) -> Path:
        return self._folder / f"template-{bucket.key}.{sys.implementation.cache_tag}"
