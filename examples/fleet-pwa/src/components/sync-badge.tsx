import { useClient } from 'webhost-sync/react'
import { type Level, type Tone, wordingOf } from '../sync-wording'
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
        <Icon name={iconOf(wording.tone, wording.level, status.connected)} />
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

function iconOf(tone: Tone, level: Level, connected: boolean): IconName {
  if (tone === 'bad') return 'alert'
  if (!connected) return level === 3 ? 'offline' : 'device'
  return tone === 'good' ? 'check' : 'send'
}
