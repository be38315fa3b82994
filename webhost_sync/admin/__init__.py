"""What admins see and do in one tenant's space: for the dashboard's pages and the API alike.

In: who asks, and the space. Out: models (`models.py`) that a page shows and JSON carries. Knows no
HTTP and no HTML; who may ask is decided before.
"""
