import type { Position } from 'webhost-sync'
import { colorOf, kindOf, MOTIONS, motionOf, type Vehicle } from '../fleet'
import { ago, speed } from '../format'
import type { OtherPerson } from '../people'
import { useNow } from '../use-now'
import { Avatars } from './avatar'
import { Icon } from './icon'

interface Props {
  vehicle: Vehicle
  position: Position | undefined
  others: readonly OtherPerson[]
  onEdit: () => void
  onClose: () => void
}

/** The chosen vehicle, over the map. */
export function VehicleCard({ vehicle, position, others, onEdit, onClose }: Props) {
  const now = useNow()
  const motion = motionOf(position, now)
  const editors = others.filter((person) => person.editing === vehicle.id)
  return (
    <article className="card" aria-label={vehicle.name}>
      <header>
        <span className="puck" style={{ backgroundColor: colorOf(vehicle) }}>
          <Icon name={kindOf(vehicle)} />
        </span>
        <div className="card-title">
          <h2>{vehicle.name}</h2>
          <p>{[vehicle.plate, vehicle.driver].filter(Boolean).join(' · ')}</p>
        </div>
        <Avatars people={editors} most={2} size={24} />
        <button type="button" className="quiet" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <dl className="card-facts">
        <div>
          <dt>{MOTIONS[motion]}</dt>
          <dd>{position?.speedMps !== undefined && motion !== 'quiet' ? speed(position.speedMps) : '–'}</dd>
        </div>
        <div>
          <dt>Last seen</dt>
          <dd>{position ? ago(position.at, now) : 'never'}</dd>
        </div>
        <div>
          <dt>Status</dt>
          <dd>{vehicle.status ?? '–'}</dd>
        </div>
      </dl>
      <button type="button" className="card-edit" onClick={onEdit}>
        <Icon name="pencil" />
        Edit
      </button>
    </article>
  )
}
