/** A notebook in the terminal: what you type is added to the document, what others add is shown. Any provider will do. */
import { createInterface } from 'node:readline'
import * as Y from 'yjs'

/** Talk until the input ends. */
export async function talk(connect, name) {
  const doc = new Y.Doc()
  const lines = doc.getArray('lines')
  const provider = await connect(doc)
  provider.awareness.setLocalStateField('name', name)
  lines.observe((event) => {
    if (event.transaction.local) return
    for (const { insert = [] } of event.changes.delta) for (const line of insert) console.log(line)
  })
  console.log(`${name} is here; type lines, and end with Ctrl-D`)
  for await (const line of createInterface({ input: process.stdin })) lines.push([`${name}: ${line}`])
  provider.destroy()
  doc.destroy() // and with it the presence, whose timer would keep this process
}
