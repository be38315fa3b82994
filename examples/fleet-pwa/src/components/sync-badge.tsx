import { useClient, useSyncStatus } from 'webhost-sync/react'
import { wordingOf } from '../sync-wording'
import { Icon, type IconName } from './icon'
import { SyncDetails } from './sync-details'

/** Where the work is, always in view; the whole story behind a click. */
export function SyncBadge() {
  const client = useClient()
  const status = useSyncStatus()
  const wording = wordingOf(status)
  return (
    <>
      <button type="button" className="badge" data-tone={wording.tone} popoverTarget="sync" id="sync-badge">
        <Icon name={iconOf(wording.tone, wording.level, status.connected)} />
        <span className="badge-text" role="status">
          {wording.title}
          {wording.aside && <span className="badge-aside">{wording.aside}</span>}
          {status.pending > 0 && <span className="badge-count">{status.pending}</span>}
        </span>
      </button>
      <div id="sync" popover="auto" className="menu sync-menu">
        <SyncDetails status={status} wording={wording} client={client} />
      </div>
    </>
  )
}

function iconOf(tone: string, level: number, connected: boolean): IconName {
  if (tone === 'bad') return 'alert'
  if (!connected) return level === 1 ? 'device' : 'offline'
  return level === 2 ? 'send' : 'check'
}
