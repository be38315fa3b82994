/** Where the server is, and how one gets a short-lived token for the key. Nothing here knows Yjs. */

const { WEBHOST_URL, WEBHOST_KEY } = process.env
if (!WEBHOST_URL || !WEBHOST_KEY) {
  console.error('Set WEBHOST_URL (http://127.0.0.1:8000) and WEBHOST_KEY (a key that may read and write).')
  process.exit(2)
}

/** The document that all of this example is about. Free names are synced and kept, and make no SQL rows. */
export const NAME = process.env.DOCUMENT ?? 'notes/plain-yjs'
export const SOCKETS = WEBHOST_URL.replace(/^http/, 'ws')

/** In an app your own server does this and the key stays there. */
export async function newToken() {
  const response = await fetch(`${WEBHOST_URL}/api/tokens`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${WEBHOST_KEY}`, 'Content-Type': 'application/json' },
    body: '{}',
  })
  if (!response.ok) throw new Error(`no token: HTTP ${response.status} ${await response.text()}`)
  return (await response.json()).token
}
