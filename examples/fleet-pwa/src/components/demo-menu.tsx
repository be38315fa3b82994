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
      <h2>Sixteen buses that drive for as long as this tab is open</h2>
      <button
        type="button"
        className="wide"
        onClick={() => (driving ? stopDriving() : addExampleFleet(client).then(() => startDriving(client)))}
      >
        <Icon name={driving ? 'pause' : 'play'} />
        {driving ? 'Park the example fleet' : 'Drive the example fleet'}
      </button>
    </div>
  )
}
