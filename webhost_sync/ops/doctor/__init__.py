"""What is wrong, and what to do about it: `webhost-sync doctor`.

Facts are gathered (`examination`, `client`), judged by pure functions (`database`, `configuration`,
`machine`), and come out as findings (`report`).
"""
