import { Icon } from './icon'

export type View = 'list' | 'map'

/** The switch between list and map, where there is no room for both. */
export function Tabs({ view, onChange }: { view: View; onChange: (view: View) => void }) {
  const tab = (name: View, label: string) => (
    <button
      type="button"
      className="tab"
      aria-current={view === name ? 'page' : undefined}
      onClick={() => onChange(name)}
    >
      <Icon name={name} />
      {label}
    </button>
  )
  return (
    <nav className="tabs" aria-label="Views">
      {tab('list', 'Vehicles')}
      {tab('map', 'Map')}
    </nav>
  )
}
