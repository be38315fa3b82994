import { useSyncExternalStore } from 'react'
import { useClient } from 'webhost-sync/react'
import { isDriving, onDriving, startDriving, stopDriving } from '../demo/drive'
import { addExampleFleet } from '../demo/example-fleet'
import { Icon } from './icon'

/** Something to look at, without a fleet of your own. */
export function DemoMenu() {
  const client = useClient()
  const driving = useSyncExternalStore(onDriving, isDriving)
  return (
    <div className="demo">
      <h2>Example fleet</h2>
      <div className="menu-actions">
        <button type="button" onClick={() => addExampleFleet(client)}>
          <Icon name="plus" />
          Add its vehicles
        </button>
        <button
          type="button"
          aria-pressed={driving}
          onClick={() => (driving ? stopDriving() : startDriving(client))}
        >
          <Icon name="play" />
          {driving ? 'Stop driving' : 'Drive'}
        </button>
      </div>
    </div>
  )
}
