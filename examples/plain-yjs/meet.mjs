/**
 * Anna comes with y-websocket, Ben with Hocuspocus. They write into one document at the same moment, see each other,
 * and end with the same text. Run by `npm start`.
 */
import * as Y from 'yjs'
import { connect as connectBen } from './hocuspocus.mjs'
import { connect as connectAnna } from './y-websocket.mjs'

const [anna, ben] = [await enter('anna', connectAnna), await enter('ben', connectBen)]

await until(() => namesSeenBy(anna).includes('ben') && namesSeenBy(ben).includes('anna'))
console.log(`anna sees ${namesSeenBy(anna).join(', ')}; ben sees ${namesSeenBy(ben).join(', ')}`)

// Neither waits for the other: Yjs merges, whoever's edit is first on the server.
const now = new Date().toISOString()
for (const { name, lines } of [anna, ben]) lines.push([`${now} ${name} was here`])

await until(() => written(anna) === 2 && written(ben) === 2)
// Hocuspocus also says what is saved: this server acknowledges after the commit in Postgres, not before.
await until(() => ben.provider.unsyncedChanges === 0)
console.log(`both have ${anna.lines.length} lines, the last of them:`)
for (const line of anna.lines.toArray().slice(-2)) console.log(`  ${line}`)
console.log(JSON.stringify(anna.lines) === JSON.stringify(ben.lines) ? 'The same for both.' : 'NOT the same!')
for (const { provider, doc } of [anna, ben]) {
  provider.destroy()
  doc.destroy() // and with it the presence, whose timer would keep this process
}

async function enter(name, connect) {
  const doc = new Y.Doc()
  const provider = await connect(doc)
  provider.awareness.setLocalStateField('name', name)
  await until(() => provider.synced)
  console.log(`${name} is synced, with ${doc.getArray('lines').length} lines from before`)
  return { name, doc, provider, lines: doc.getArray('lines') }
}

function namesSeenBy({ provider }) {
  return [...provider.awareness.getStates().values()].map((state) => state.name).sort()
}

function written({ lines }) {
  return lines.toArray().filter((line) => line.startsWith(now)).length
}

/** Resolves when the condition holds. Real apps would rather listen to events of document and provider. */
async function until(holds) {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20))
}
