import { lazy, Suspense, useCallback, useEffect, useState } from 'react'
import { useClient, useLatestPositions, useLiveQuery } from 'webhost-sync/react'
import { AppBar } from './components/app-bar'
import { Icon } from './components/icon'
import { Tabs, type View } from './components/tabs'
import { type Toast, Toasts } from './components/toasts'
import { VehicleCard } from './components/vehicle-card'
import { VehicleList } from './components/vehicle-list'
import { VehicleSheet } from './components/vehicle-sheet'
import { listVehicles, setArchived, useMayEdit, type Vehicle } from './fleet'
import { usePeople } from './people'
import { keepOnDevice } from './updates'
import { useWide } from './use-wide'

/** The largest part of the app, and the list needs none of it. */
const FleetMap = lazy(() => import('./map/fleet-map'))

/** What the form is open for: a vehicle's id, or a new one. */
type Editing = { id: string | null } | null

export function App() {
  const client = useClient()
  const vehicles = useLiveQuery(() => listVehicles(client), [client])
  const positions = useLatestPositions()
  const wide = useWide()
  const mayEdit = useMayEdit()
  const [view, setView] = useState<View>('list')
  const [selected, setSelected] = useState<string | null>(null)
  const [editing, setEditing] = useState<Editing>(null)
  const [toast, setToast] = useState<Toast | null>(null)
  const people = usePeople(editing?.id ?? null)

  useEffect(() => {
    keepOnDevice((takeOver) =>
      setToast({ text: 'A new version is ready', action: { label: 'Reload', run: takeOver }, stays: true }),
    )
  }, [])

  const archive = useCallback(
    async (vehicle: Vehicle, archived: boolean) => {
      await setArchived(client, vehicle.id, archived)
      const text = `${vehicle.name} is ${archived ? 'archived' : 'back in the list'}`
      const undo = () => void setArchived(client, vehicle.id, !archived)
      setToast({ text, action: { label: 'Undo', run: undo } })
    },
    [client],
  )

  const open = (id: string) => {
    setSelected(id)
    if (!wide) setEditing({ id })
  }
  const showOnMap = (id: string) => {
    setSelected(id)
    setEditing(null)
    setView('map')
  }

  const current = vehicles?.find((vehicle) => vehicle.id === selected)
  const shown = (vehicles ?? []).filter((vehicle) => !vehicle.archived)
  return (
    <div className="app" data-view={view}>
      <AppBar people={people} />
      <main className="panes">
        {(wide || view === 'list') && (
          <VehicleList
            vehicles={vehicles}
            positions={positions}
            others={people.others}
            selected={selected}
            onOpen={open}
            onEdit={(id) => setEditing({ id })}
            onAdd={() => setEditing({ id: null })}
          />
        )}
        {(wide || view === 'map') && (
          <div className="map-pane">
            <Suspense fallback={<div className="map-loading">Drawing the map…</div>}>
              <FleetMap vehicles={shown} positions={positions} selected={selected} onSelect={setSelected} />
            </Suspense>
            {current && (
              <VehicleCard
                vehicle={current}
                position={positions.get(current.id)}
                others={people.others}
                onEdit={() => setEditing({ id: current.id })}
                onClose={() => setSelected(null)}
              />
            )}
          </div>
        )}
      </main>
      {!wide && (
        <>
          {view === 'list' && mayEdit && (
            <button
              type="button"
              className="floating primary"
              aria-label="Add a vehicle"
              onClick={() => setEditing({ id: null })}
            >
              <Icon name="plus" />
            </button>
          )}
          <Tabs view={view} onChange={setView} />
        </>
      )}
      {editing && (
        <VehicleSheet
          key={editing.id ?? 'new'}
          id={editing.id}
          others={people.others}
          hasPosition={editing.id !== null && positions.has(editing.id)}
          onShowOnMap={wide ? undefined : showOnMap}
          onArchive={archive}
          onSaved={(id, name) => {
            setSelected(id)
            setToast({ text: `${name} is saved on this device` })
          }}
          onClose={() => setEditing(null)}
        />
      )}
      <Toasts toast={toast} onDone={() => setToast(null)} />
    </div>
  )
}
