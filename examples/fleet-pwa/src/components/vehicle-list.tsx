import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react'
import type { Position } from 'webhost-sync'
import { type Motion, motionOf, useMayEdit, type Vehicle } from '../fleet'
import type { OtherPerson } from '../people'
import { useNow } from '../use-now'
import { EmptyList } from './empty-list'
import { type Filter, Filters } from './filters'
import { Icon } from './icon'
import { VehicleRow } from './vehicle-row'

interface Props {
  /** Undefined until they were read from the device. */
  vehicles: readonly Vehicle[] | undefined
  positions: ReadonlyMap<string, Position>
  others: readonly OtherPerson[]
  selected: string | null
  onOpen: (id: string) => void
  onEdit: (id: string) => void
  onAdd: () => void
}

/** All vehicles by name, narrowed down by words and by what they are doing. */
export function VehicleList({ vehicles, positions, others, selected, onOpen, onEdit, onAdd }: Props) {
  const now = useNow()
  const mayEdit = useMayEdit()
  const [filter, setFilter] = useState<Filter>('all')
  const [words, setWords] = useState('')
  const entries = useMemo(
    () => (vehicles ?? []).map((vehicle) => entryOf(vehicle, positions.get(vehicle.id), now)),
    [vehicles, positions, now],
  )
  const shown = entries.filter((entry) => fits(entry, filter) && matches(entry.vehicle, words))
  return (
    <section className="list-pane" aria-label="Vehicles">
      <div className="list-head">
        <SearchField words={words} onChange={setWords} />
        {mayEdit && (
          <button type="button" className="primary add" onClick={onAdd}>
            <Icon name="plus" />
            Add
          </button>
        )}
      </div>
      <Filters chosen={filter} counts={countsOf(entries)} onChoose={setFilter} />
      {vehicles && shown.length === 0 ? (
        <EmptyList reason={emptyReason(entries, filter, words)} onAdd={onAdd} />
      ) : (
        <ul className="rows" onKeyDown={moveBetweenRows}>
          {shown.map(({ vehicle, position, motion }) => (
            <VehicleRow
              key={vehicle.id}
              vehicle={vehicle}
              position={position}
              motion={motion}
              now={now}
              editors={others.filter((person) => person.editing === vehicle.id)}
              selected={vehicle.id === selected}
              onOpen={() => onOpen(vehicle.id)}
              onEdit={() => onEdit(vehicle.id)}
            />
          ))}
        </ul>
      )}
    </section>
  )
}

interface Entry {
  vehicle: Vehicle
  position: Position | undefined
  motion: Motion
}

function entryOf(vehicle: Vehicle, position: Position | undefined, now: number): Entry {
  return { vehicle, position, motion: motionOf(position, now) }
}

function fits({ vehicle, motion }: Entry, filter: Filter): boolean {
  if (filter === 'archived') return vehicle.archived === true
  return !vehicle.archived && (filter === 'all' || filter === motion)
}

function matches(vehicle: Vehicle, words: string): boolean {
  const text = [vehicle.name, vehicle.plate, vehicle.driver, vehicle.group].join(' ').toLowerCase()
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}

function countsOf(entries: readonly Entry[]): Record<Filter, number> {
  const count = (filter: Filter) => entries.filter((entry) => fits(entry, filter)).length
  return {
    all: count('all'),
    moving: count('moving'),
    stopped: count('stopped'),
    quiet: count('quiet'),
    archived: count('archived'),
  }
}

function emptyReason(entries: readonly Entry[], filter: Filter, words: string): 'none' | 'words' | 'filter' {
  if (entries.length === 0) return 'none'
  return words ? 'words' : filter === 'all' ? 'none' : 'filter'
}

/** The arrow keys walk through the rows, as in any list. */
function moveBetweenRows(event: KeyboardEvent<HTMLUListElement>) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (!step) return
  const rows = [...event.currentTarget.querySelectorAll<HTMLButtonElement>('.row-main')]
  const next = rows[rows.indexOf(document.activeElement as HTMLButtonElement) + step]
  if (!next) return
  event.preventDefault()
  next.focus()
}

function SearchField({ words, onChange }: { words: string; onChange: (words: string) => void }) {
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      if (event.key !== '/' || event.target instanceof HTMLInputElement) return
      event.preventDefault()
      input.current?.focus()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
  return (
    <label className="search">
      <Icon name="search" />
      <span className="hidden">Search vehicles</span>
      <input
        ref={input}
        type="search"
        placeholder="Name, plate, driver"
        value={words}
        onChange={(event) => onChange(event.target.value)}
      />
      <span className="key" aria-hidden="true">
        /
      </span>
    </label>
  )
}
