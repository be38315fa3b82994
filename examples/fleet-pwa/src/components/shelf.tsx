import { useEffect, useState } from 'react'
import type { RejectedEdit } from 'webhost-sync'
import { useClient } from 'webhost-sync/react'
import { refusalInWords } from '../sync-wording'

/** Edits that the server would not take, and that wait here until somebody decides. */
export function Shelf({ count }: { count: number }) {
  const { syncManager } = useClient()
  const [edits, setEdits] = useState<readonly RejectedEdit[]>([])
  // biome-ignore lint/correctness/useExhaustiveDependencies: read again whenever there are more or fewer
  useEffect(() => {
    let wanted = true
    syncManager.rejectedEdits().then((found) => wanted && setEdits(found))
    return () => {
      wanted = false
    }
  }, [syncManager, count])
  const ids = edits.map(({ id }) => id)
  return (
    <section className="shelf" aria-label="Not accepted">
      <h2>Not accepted</h2>
      <ul>
        {edits.slice(0, 3).map((edit) => (
          <li key={edit.id}>
            <strong>{[VERBS[edit.kind], String(edit.fields.name ?? edit.key)].join(' ')}</strong>
            <span>{refusalInWords(edit)}</span>
          </li>
        ))}
        {edits.length > 3 && <li>and {edits.length - 3} more</li>}
      </ul>
      <div className="menu-actions">
        <button type="button" onClick={() => syncManager.retry(ids)}>
          Try again
        </button>
        <button type="button" onClick={() => syncManager.discard(ids)}>
          Discard
        </button>
      </div>
    </section>
  )
}

const VERBS: Record<RejectedEdit['kind'], string> = {
  add: 'Add',
  change: 'Change',
  delete: 'Delete',
}
