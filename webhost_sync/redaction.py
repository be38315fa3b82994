"""Takes credentials out of text that is about to be written somewhere.

In: a string or a named value, and the secrets of this process. Out: the same without API keys, tokens,
`Authorization` and cookie values, and passwords. Knows no logging. It recognises a credential by what
it looks like, by the name before it, or by being one of the given secrets; any of the three is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

REDACTED = "[redacted]"

# Every pattern takes time in proportion to the text: what it repeats, it starts only where a run begins,
# or repeats a bounded number of times. Clients choose some of the text, such as the paths.
_NAMES = r"(?:\w*token|api[_-]?key|\w*secret|\w*password|passwd)"
_PATTERNS = (
    # Our API keys, also cut short or percent-encoded; the eight digits of a key's public prefix may stay.
    (re.compile(r"whs(?:_|%5f)(?:live|test)(?:_|%5f)[0-9a-f]{9,}", re.IGNORECASE), REDACTED),
    # itsdangerous with a time: payload (compressed ones begin with a dot), six characters, signature.
    (re.compile(r"(?<![\w-])\.?[\w-]{8,}={0,2}\.[\w-]{6}\.[\w-]{27,}"), REDACTED),
    # Any other signed JSON: base64url of '{"' is 'eyJ', and of what zlib begins with 'eJ'.
    (re.compile(r"(?<![\w-])\.?e[yJ][\w-]{6,}(?:\.[\w-]+)+"), REDACTED),
    (re.compile(r"\b(bearer|basic)(\s+|%20|\+)[\w.~+/=%-]{8,}", re.IGNORECASE), rf"\1\2{REDACTED}"),
    # token=..., 'token': '...', ('token', '...'), also inside JSON inside JSON, or in a URL inside a URL.
    (
        re.compile(rf"""\b({_NAMES}(?:=|%3d|\\*["']\s*[:,]\s*b?\\*["']))[^\s"'&\\]+""", re.IGNORECASE),
        rf"\1{REDACTED}",
    ),
    (
        re.compile(
            r"""\b((?:authorization|(?:set-)?cookie)\\*["']?\s*[:=,]\s*b?\\*["']?)[^\r\n"'\\]+""", re.I
        ),
        rf"\1{REDACTED}",
    ),
    # The password of a URL with a login. It may hold any character but blanks; the last @ ends it.
    # What begins like a port with a path behind it is one, and the @ is part of the path.
    (re.compile(r"""(\w://[^\s:/@"']*:)(?!\d{1,5}[/?])[^\s"']{1,1024}@"""), rf"\1{REDACTED}@"),
)
_SECRET_NAME = re.compile(rf"(?:{_NAMES}|authorization|(?:set_)?cookie)", re.IGNORECASE)


class Redactor:
    """Redacts by pattern, and the given secrets by their text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        longest_first = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._known = re.compile("|".join(map(_exactly, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """Return `text` with every credential replaced; text without one comes back as it is."""
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def value(self, name: str, value: object) -> object:
        """Redact a field; anything but plain data becomes the redacted text of its `repr`."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if _SECRET_NAME.fullmatch(name.replace("-", "_")):
            return REDACTED
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(str(key), item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value("", item) for item in value]
        return self.text(repr(value))


def _exactly(secret: str) -> str:
    """A pattern for the secret; one shorter than eight characters counts only as a word of its own."""
    pattern = re.escape(secret)
    return pattern if len(secret) >= 8 else rf"(?<!\w){pattern}(?!\w)"
