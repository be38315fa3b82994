"""How a command fails on its own account. What is said of this and of all other errors: `explanations`."""

from __future__ import annotations

FAILED = 1


class CommandFailed(Exception):
    """The command can't do what it was asked; the message says why and what to do."""
