/** Hears of committed writes to a database, in this tab or another, by Dexie's signal. Knows no records. */
import { Dexie } from 'dexie'

/** `wrote`: edits or positions were stored, or taken to be sent. Returns how to stop it. */
export function onMutation(
  database: string,
  stores: readonly string[],
  listener: (wrote: boolean) => void,
): () => void {
  const check = (parts: object) => {
    const touched = (store: string) =>
      'all' in parts || Object.keys(parts).some((part) => part.startsWith(`idb://${database}/${store}/`))
    if (!stores.some(touched)) return
    const wrote = touched('$ops') || touched('$fixes')
    // The signal comes in the zone of the transaction that has just ended; nothing can be stored there.
    Dexie.ignoreTransaction(() => listener(wrote))
  }
  Dexie.on('storagemutated', check)
  return () => Dexie.on.storagemutated.unsubscribe(check)
}
