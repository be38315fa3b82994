"""Webhooks: other systems are told what happened, signed, in order, at least once (docs/webhooks.md)."""
