"""Backups: one file that holds a database at one moment, and proves by itself that it is whole.

docs/backups.md describes the format. `frames` and `manifest` are pure; `archive` streams; `shelf` knows where
archives lie; `making`, `restoring` and `verifying` do the work over `store.backup`.
"""
