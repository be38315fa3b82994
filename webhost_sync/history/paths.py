"""Where something lies in a document, as a tuple of keys and as text.

    ("rows", "bus-7", "name")   <->   /rows/bus-7/name

The text is a JSON Pointer (RFC 6901): `~1` stands for a slash within a key and `~0` for a tilde, and the
empty text for the whole document. The first key names a root. An index into an array is a number in the
tuple and its digits in the text. Pure.
"""

from __future__ import annotations

from webhost_sync.errors import InvalidRequest

Path = tuple[str | int, ...]
MAX_POINTER_CHARACTERS = 2000


def pointer_of(path: Path) -> str:
    return "".join(f"/{_escaped(str(key))}" for key in path)


def path_of(pointer: str) -> tuple[str, ...]:
    """The keys of a pointer, indices as their digits. Raises: InvalidRequest."""
    if not pointer:
        return ()
    if len(pointer) > MAX_POINTER_CHARACTERS:
        raise InvalidRequest(f"a path has at most {MAX_POINTER_CHARACTERS} characters")
    first, *keys = pointer.split("/")
    if first:
        raise InvalidRequest(f"path {pointer!r}: it begins with a slash, as in /rows/bus-7/name")
    return tuple(_unescaped(key, pointer) for key in keys)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _unescaped(key: str, pointer: str) -> str:
    if "~" in key.replace("~0", "").replace("~1", ""):
        raise InvalidRequest(f"path {pointer!r}: within a key, ~ is written ~0 and / is written ~1")
    return key.replace("~1", "/").replace("~0", "~")
