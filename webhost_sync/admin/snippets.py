"""Lines to copy that do something with a token: one set for each way to reach this server. Pure."""

from __future__ import annotations

import json
import shlex
from urllib.parse import quote

from webhost_sync.admin.models import Snippet


def snippets(server_url: str, token: str, pattern: str) -> list[Snippet]:
    """`server_url` has no slash at its end; the document is one that fits the pattern."""
    document = pattern.replace("*", "notes") if pattern != "*" else "notes"
    sockets = f"{server_url.replace('http', 'ws', 1)}/sync"
    return [
        Snippet(name="y-websocket", text=_y_websocket(sockets, document, token)),
        Snippet(name="SDK", text=_sdk(server_url, token)),
        Snippet(name="curl", text=_curl(server_url, document, token)),
    ]


def _y_websocket(sockets: str, document: str, token: str) -> str:
    return f"""\
import * as Y from 'yjs'
import {{ WebsocketProvider }} from 'y-websocket'

const doc = new Y.Doc()
const provider = new WebsocketProvider({_literal(sockets)}, {_literal(document)}, doc, {{
  params: {{ token: {_literal(token)} }},
}})
provider.on('sync', () => console.log(doc.getMap('notes').toJSON()))"""


def _sdk(server_url: str, token: str) -> str:
    return f"""\
import {{ WebHostClient }} from 'webhost-sync'

const client = new WebHostClient({{
  apiUrl: {_literal(server_url)},
  getToken: async () => {_literal(token)},
}})
await client.connect({{ vehicles: '++id, name' }})
await client.db.vehicles.add({{ name: 'Bus 7' }})"""


def _curl(server_url: str, document: str, token: str) -> str:
    return f"""\
curl -H 'Authorization: Bearer {token}' \\
  {shlex.quote(f"{server_url}/api/documents/{quote(document)}")}"""


def _literal(text: str) -> str:
    """A string of JavaScript in single quotes."""
    return "'" + json.dumps(text)[1:-1].replace("'", "\\'").replace('\\"', '"') + "'"
