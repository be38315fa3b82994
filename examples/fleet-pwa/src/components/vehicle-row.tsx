import { useEffect, useRef } from 'react'
import type { Position } from 'webhost-sync'
import { colorOf, kindOf, MOTIONS, type Motion, type Vehicle } from '../fleet'
import { ago, speed } from '../format'
import type { OtherPerson } from '../people'
import { Avatars } from './avatar'
import { Icon } from './icon'

interface Props {
  vehicle: Vehicle
  position: Position | undefined
  motion: Motion
  now: number
  editors: readonly OtherPerson[]
  selected: boolean
  onOpen: () => void
  onEdit: () => void
}

/** One vehicle of the list: who it is, what it is doing, and who is editing it. */
export function VehicleRow({ vehicle, position, motion, now, editors, selected, onOpen, onEdit }: Props) {
  const row = useRef<HTMLLIElement>(null)
  useEffect(() => {
    if (selected) row.current?.scrollIntoView({ block: 'nearest' })
  }, [selected])
  const about = [vehicle.plate, vehicle.driver].filter(Boolean).join(' · ')
  return (
    <li ref={row} className="row" data-selected={selected}>
      <button type="button" className="row-main" aria-pressed={selected} onClick={onOpen}>
        <span className="puck" style={{ backgroundColor: colorOf(vehicle) }}>
          <Icon name={kindOf(vehicle)} />
        </span>
        <span className="row-text">
          <span className="row-name">{vehicle.name || 'Without a name'}</span>
          <span className="row-about">{about || vehicle.group || vehicle.status || 'No details yet'}</span>
        </span>
        <span className="row-state">
          <span className="motion" data-motion={motion}>
            {motion === 'moving' && position?.speedMps ? speed(position.speedMps) : MOTIONS[motion]}
          </span>
          <span className="row-age">{position ? ago(position.at, now) : 'no position yet'}</span>
        </span>
      </button>
      <span className="row-end">
        {editors.length > 0 ? (
          <span className="editors" title={`${editors.map(({ name }) => name).join(', ')} editing`}>
            <Avatars people={editors} most={2} size={24} />
          </span>
        ) : null}
        <button type="button" className="quiet" aria-label={`Edit ${vehicle.name}`} onClick={onEdit}>
          <Icon name="pencil" />
        </button>
      </span>
    </li>
  )
}
