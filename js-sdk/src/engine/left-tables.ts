/**
 * Tables that the schema has no more, and that still have edits on the way. They must be synced all the same, or these
 * would be pending for ever. Inside a transaction that the caller has opened; knows no database.
 */
import { tableDocument } from '../names.js'
import type { Stores } from './stores.js'

type Schema = Readonly<Record<string, string>>

/** Note the schema of now; returns that of the tables which are left behind, as it was. */
export async function leftTables(tx: Stores, schema: Schema): Promise<Schema> {
  const noted = (await tx.state.get('schemas')) as Schema | undefined
  const known: Schema = { ...noted, ...schema }
  // Nothing is taken out: an older tab may still write to what this one has no more.
  if (Object.keys(known).some((name) => known[name] !== noted?.[name])) await tx.state.put('schemas', known)
  const waiting = new Set(await tx.edits.tables())
  const local = new Set(await tx.updates.localDocuments('tables/'))
  const isLeft = (name: string) =>
    !Object.hasOwn(schema, name) && (waiting.has(name) || local.has(tableDocument(name)))
  return Object.fromEntries(Object.entries(known).filter(([name]) => isLeft(name)))
}
