import { useClient } from 'webhost-sync/react'
import { addExampleFleet } from '../demo/example-fleet'
import { Icon } from './icon'

/** Why there is nothing in the list, and what to do about it. */
export function EmptyList({ reason, onAdd }: { reason: 'none' | 'words' | 'filter'; onAdd: () => void }) {
  const client = useClient()
  if (reason === 'words') return <p className="empty">No vehicle matches these words.</p>
  if (reason === 'filter') return <p className="empty">No vehicle is here right now.</p>
  return (
    <div className="empty">
      <span className="empty-picture">
        <Icon name="bus" />
      </span>
      <h2>No vehicles yet</h2>
      <p>Add your own, or look around with sixteen city buses.</p>
      <div className="empty-actions">
        <button type="button" className="primary" onClick={onAdd}>
          Add a vehicle
        </button>
        <button type="button" onClick={() => addExampleFleet(client)}>
          Add the example fleet
        </button>
      </div>
    </div>
  )
}
