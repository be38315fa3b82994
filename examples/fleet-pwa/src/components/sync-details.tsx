import { useState } from 'react'
import type { SyncStatus, WebHostClient } from 'webhost-sync'
import { ago, count } from '../format'
import { LEVELS, type Level, type Wording } from '../sync-wording'
import { useNow } from '../use-now'
import { Icon, type IconName } from './icon'
import { Shelf } from './shelf'

const ICONS: Record<Level, IconName> = { 1: 'device', 2: 'send', 3: 'cloud' }

/** The three levels with the one that the newest work has reached, what waits, and what can be done about it. */
export function SyncDetails(props: { status: SyncStatus; wording: Wording; client: WebHostClient }) {
  const { status, wording, client } = props
  const now = useNow()
  return (
    <>
      <p className="sync-explanation">{wording.explanation}</p>
      <ol className="levels">
        {([1, 2, 3] as const).map((level) => (
          <li
            key={level}
            data-reached={level <= wording.level}
            aria-current={level === wording.level ? 'step' : undefined}
          >
            <Icon name={ICONS[level]} />
            <div>
              <strong>{LEVELS[level].title}</strong>
              <span>{LEVELS[level].meaning}</span>
            </div>
          </li>
        ))}
      </ol>
      <dl className="facts">
        <Fact name="Not confirmed by the server" value={count(status.pending, 'change')} />
        {status.oldestPendingAt && <Fact name="Oldest of them" value={ago(status.oldestPendingAt, now)} />}
        {status.lastDurableAt && <Fact name="Last confirmation" value={ago(status.lastDurableAt, now)} />}
        {status.readOnly.length > 0 && <Fact name="You may only read" value={status.readOnly.join(', ')} />}
        {!status.storage.persisted && <Fact name="Kept by the browser" value="for sure once installed" />}
      </dl>
      {status.rejected > 0 && <Shelf count={status.rejected} />}
      <div className="menu-actions">
        {status.blocked?.code === 'device-lost' && (
          <button type="button" onClick={() => location.reload()}>
            Reload
          </button>
        )}
        {!status.connected && status.blocked?.code !== 'device-lost' && (
          <button type="button" onClick={() => client.syncManager.retryNow()}>
            Try now
          </button>
        )}
        {status.pending > 0 && <ExportButton client={client} />}
      </div>
    </>
  )
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

/** Carry what waits to safety by hand: as a file. */
function ExportButton({ client }: { client: WebHostClient }) {
  const [busy, setBusy] = useState(false)
  const save = async () => {
    setBusy(true)
    const url = URL.createObjectURL(await client.exportPending())
    Object.assign(document.createElement('a'), { href: url, download: 'fleet-pending.json' }).click()
    URL.revokeObjectURL(url)
    setBusy(false)
  }
  return (
    <button type="button" disabled={busy} onClick={save}>
      Keep a copy
    </button>
  )
}
