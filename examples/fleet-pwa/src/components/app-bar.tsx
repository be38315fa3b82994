import type { OtherPerson, usePeople } from '../people'
import { Avatar, Avatars } from './avatar'
import { DemoMenu } from './demo-menu'
import { SyncBadge } from './sync-badge'

/** The bar on top: what this is, who is here, and where the work is. */
export function AppBar({ people }: { people: ReturnType<typeof usePeople> }) {
  return (
    <header className="app-bar">
      <h1 className="brand">
        <img src="/icons/icon.svg" alt="" width="28" height="28" />
        Fleet
      </h1>
      <div className="app-bar-end">
        <Others people={people.others} />
        <SyncBadge />
        <button type="button" className="me" popoverTarget="me" aria-label={`You are ${people.me.name}`}>
          <Avatar person={people.me} size={30} />
        </button>
      </div>
      <div id="me" popover="auto" className="menu">
        <label className="field">
          <span>Your name, as others see it</span>
          <input
            value={people.me.name}
            maxLength={40}
            autoComplete="nickname"
            onChange={(event) => people.rename(event.target.value)}
          />
        </label>
        <DemoMenu />
      </div>
    </header>
  )
}

function Others({ people }: { people: readonly OtherPerson[] }) {
  return (
    <div className="others">
      <Avatars people={people} />
    </div>
  )
}
