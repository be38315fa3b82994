"""What the dashboard's pages look like: templates, static files, and how values become words.

In: answers of `webhost_sync.admin` and what a layout needs. Out: HTML and files. Knows no session, no
store and no routing; `webhost_sync.routes.dashboard` asks it to render.
"""
