// Keeps peers for the tests. Commands come in as lines of JSON, {"id", "do", "peer", ...arguments};
// each is answered by {"id", "result"} or {"id", "error"}. Commands run side by side, so a slow wait
// holds up nobody. Ends when its input ends. Knows no protocol: that is the providers' part.

import { createInterface } from 'node:readline'

import { CollabPeer } from './collab.mjs'
import { Peer } from './peer.mjs'

const peers = new Map()

const commands = {
  open: ({ peer, ...options }) => void peers.set(peer, new Peer(options)),
  openCollab: ({ peer, ...options }) => void peers.set(peer, new CollabPeer(options)),
  edit: ({ peer, source }) => peers.get(peer).edit(source),
  read: ({ peer, source }) => peers.get(peer).read(source),
  sees: ({ peer, source, expected, within }) => peers.get(peer).sees(source, expected, within),
  synced: ({ peer, within }) => peers.get(peer).synced(within),
  closes: ({ peer, count, within }) => peers.get(peer).closes(count, within),
  receives: ({ peer, pattern, within }) => peers.get(peer).receives(pattern, within),
  frames: ({ peer }) => peers.get(peer).frames,
  connection: ({ peer }) => peers.get(peer).connection(),
  connect: ({ peer }) => peers.get(peer).connect(),
  disconnect: ({ peer }) => peers.get(peer).disconnect(),
  vanish: ({ peer }) => peers.get(peer).vanish(),
  destroy: ({ peer }) => {
    peers.get(peer).destroy()
    peers.delete(peer)
  },
}

async function answer({ id, do: name, ...options }) {
  try {
    return { id, result: (await commands[name](options)) ?? null }
  } catch (error) {
    return { id, error: error.message }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  answer(JSON.parse(line)).then((result) => process.stdout.write(`${JSON.stringify(result)}\n`))
}
process.exit(0)
