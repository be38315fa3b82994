import { useClient, useSyncStatus } from 'webhost-sync/react'
import { startDriving } from '../demo/drive'
import { addExampleFleet } from '../demo/example-fleet'
import { useMayEdit } from '../fleet'
import { wordingOf } from '../sync-wording'
import { Icon } from './icon'

interface Props {
  reason: 'none' | 'words' | 'filter'
  onAdd: () => void
}

/** Why there is nothing in the list, and what to do about it. */
export function EmptyList({ reason, onAdd }: Props) {
  const status = useSyncStatus()
  if (reason === 'words') return <p className="empty">No vehicle matches these words.</p>
  if (reason === 'filter') return <p className="empty">No vehicle is here right now.</p>
  return status.synced ? <NoVehicles onAdd={onAdd} /> : <NothingYet />
}

/** What the fleet holds is not known: nothing has reached this device so far. */
function NothingYet() {
  const status = useSyncStatus()
  const { title, explanation } = wordingOf(status)
  const waits = status.connected || status.phase === 'connecting' || status.phase === 'opening'
  return (
    <div className="empty">
      <span className="empty-picture" data-waits={waits}>
        <Icon name={waits ? 'cloud' : 'offline'} />
      </span>
      <h2>{waits ? 'Fetching the fleet' : title}</h2>
      <p>{waits ? 'For the first time on this device.' : status.blocked ? explanation : FIRST}</p>
    </div>
  )
}

const FIRST = 'Nothing is on this device yet. The fleet comes with the first connection.'

function NoVehicles({ onAdd }: { onAdd: () => void }) {
  const client = useClient()
  const mayEdit = useMayEdit()
  return (
    <div className="empty">
      <span className="empty-picture">
        <Icon name="bus" />
      </span>
      <h2>No vehicles yet</h2>
      {mayEdit && (
        <>
          <p>Add your own, or watch sixteen city buses.</p>
          <div className="empty-actions">
            <button type="button" className="primary" onClick={onAdd}>
              Add a vehicle
            </button>
            <button type="button" onClick={() => addExampleFleet(client).then(() => startDriving(client))}>
              Drive the example fleet
            </button>
          </div>
        </>
      )}
    </div>
  )
}
