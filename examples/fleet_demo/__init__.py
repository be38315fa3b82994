"""A real fleet, replayed: 183 buses with a device each, some of which lose their network for hours.

It shows what a fleet's whole way looks like, from a device's own SQLite file over the network and the
log in Postgres to SQL rows, and that stopping anything at any time loses and doubles nothing. Start it
with `make demo` or `python -m examples.fleet_demo`.
"""
