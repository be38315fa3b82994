import { type FormEvent, useEffect, useRef, useState } from 'react'
import { useClient, useVehicle } from 'webhost-sync/react'
import { saveVehicle, useMayEdit, type Vehicle, type VehicleFields } from '../fleet'
import type { OtherPerson } from '../people'
import { Avatars } from './avatar'
import { Icon } from './icon'
import { VehicleForm } from './vehicle-form'

interface Props {
  /** Null for a new one. */
  id: string | null
  others: readonly OtherPerson[]
  hasPosition: boolean
  onShowOnMap: ((id: string) => void) | undefined
  onArchive: (vehicle: Vehicle, archived: boolean) => void
  onSaved: (id: string, name: string) => void
  onClose: () => void
}

/**
 * The form of a vehicle, beside the list or over the whole phone. Holds only what was edited here: all other
 * fields show what the row says, also while somebody else changes it.
 */
export function VehicleSheet({ id, others, hasPosition, onShowOnMap, onArchive, onSaved, onClose }: Props) {
  const client = useClient()
  const dialog = useRef<HTMLDialogElement>(null)
  const vehicle = useVehicle<Vehicle>(id)
  const mayEdit = useMayEdit()
  const [edits, setEdits] = useState<Partial<VehicleFields>>({})
  const editors = others.filter((person) => id !== null && person.editing === id)
  useEffect(() => {
    dialog.current?.showModal()
    // Who adds one wants to type; who opens one may only want to read.
    if (id === null) dialog.current?.querySelector('input')?.focus()
  }, [id])

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const saved = await saveVehicle(client, id, edits)
    onSaved(saved, edits.name ?? vehicle?.name ?? '')
    dialog.current?.close()
  }
  const archive = () => {
    if (vehicle) onArchive(vehicle, !vehicle.archived)
    dialog.current?.close()
  }
  return (
    <dialog ref={dialog} className="sheet" aria-labelledby="sheet-title" onClose={onClose}>
      <form onSubmit={submit}>
        <header className="sheet-head">
          <h2 id="sheet-title">{id === null ? 'New vehicle' : (vehicle?.name ?? 'Vehicle')}</h2>
          <button type="button" className="quiet" aria-label="Close" onClick={() => dialog.current?.close()}>
            <Icon name="close" />
          </button>
        </header>
        <div className="sheet-body">
          {editors.length > 0 && <AlsoEditing people={editors} />}
          {id !== null && hasPosition && onShowOnMap && (
            <button type="button" className="wide" onClick={() => onShowOnMap(id)}>
              <Icon name="map" />
              Show on the map
            </button>
          )}
          <fieldset className="plain" disabled={!mayEdit}>
            <VehicleForm
              values={{ ...vehicle, ...edits }}
              onChange={(change) => setEdits((old) => ({ ...old, ...change }))}
            />
          </fieldset>
        </div>
        {mayEdit && (
          <footer className="sheet-foot">
            {id !== null && (
              <button type="button" onClick={archive}>
                <Icon name={vehicle?.archived ? 'undo' : 'archive'} />
                {vehicle?.archived ? 'Bring back' : 'Archive'}
              </button>
            )}
            <button
              type="submit"
              className="primary"
              disabled={id !== null && Object.keys(edits).length === 0}
            >
              {id === null ? 'Add vehicle' : 'Save'}
            </button>
          </footer>
        )}
      </form>
    </dialog>
  )
}

function AlsoEditing({ people }: { people: readonly OtherPerson[] }) {
  return (
    <p className="also-editing" role="status">
      <Avatars people={people} size={24} />
      <span>
        <strong>{people.map(({ name }) => name).join(' and ')}</strong>
        {people.length === 1 ? ' is' : ' are'} editing this vehicle too. Your changes merge, field by field.
      </span>
    </p>
  )
}
