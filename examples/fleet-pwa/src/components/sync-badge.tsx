import type { SyncStatus } from 'webhost-sync'
import { useClient } from 'webhost-sync/react'
import { type Wording, wordingOf } from '../sync-wording'
import { useCalmStatus } from '../use-calm-status'
import { Icon, type IconName } from './icon'
import { SyncDetails } from './sync-details'

/** Where the work is, always in view; the whole story behind a click. */
export function SyncBadge() {
  const client = useClient()
  const status = useCalmStatus()
  const wording = wordingOf(status)
  return (
    <>
      <button type="button" className="badge" data-tone={wording.tone} popoverTarget="sync" id="sync-badge">
        <Icon name={iconOf(wording, status)} />
        <span className="badge-text">
          <span className="badge-title">{wording.title}</span>
          {wording.aside && <span className="badge-aside">{wording.aside}</span>}
          {wording.aside && <span className="badge-count">{status.pending || status.rejected}</span>}
        </span>
      </button>
      {/* Each number read aloud would drown all else. */}
      <span role="status" className="hidden">
        {status.connected && wording.tone !== 'bad' ? 'Connected' : wording.title}
      </span>
      <div id="sync" popover="auto" className="menu sync-menu">
        <SyncDetails status={status} wording={wording} client={client} />
      </div>
    </>
  )
}

function iconOf({ tone, level }: Wording, { connected, phase }: SyncStatus): IconName {
  if (tone === 'bad') return 'alert'
  if (tone === 'good') return 'check'
  if (connected) return 'send'
  if (level < 3) return 'device'
  return phase === 'connecting' ? 'cloud' : 'offline'
}
