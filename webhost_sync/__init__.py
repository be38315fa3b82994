"""A Yjs-compatible room server that keeps documents in Postgres and turns them into SQL rows."""

__version__ = "0.1.0"
