"""The sections of the dashboard, in the order of its navigation. A page says which one it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from store.users import MemberRole


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the navigation; `key` is pressed after `g`, `path` is within the space."""

    name: str
    title: str
    icon: str
    key: str
    path: str
    role: MemberRole = MemberRole.VIEWER


OVERVIEW = Section("overview", "Overview", "pulse", "o", "/overview")
FLEET = Section("fleet", "Fleet", "bus", "f", "/fleet")
DOCUMENTS = Section("documents", "Documents", "document", "d", "/documents")
KEYS = Section("keys", "Keys", "key", "k", "/keys")
CONNECTIONS = Section("connections", "Connections", "plug", "c", "/connections")
MEMBERS = Section("members", "Members", "people", "m", "/members", MemberRole.ADMIN)
AUDIT = Section("audit", "Audit", "list", "a", "/audit", MemberRole.ADMIN)
SETTINGS = Section("settings", "Settings", "sliders", "e", "/settings", MemberRole.ADMIN)

SECTIONS = (OVERVIEW, FLEET, DOCUMENTS, KEYS, CONNECTIONS, MEMBERS, AUDIT, SETTINGS)
