import type { ReactNode } from 'react'
import { COLORS, KINDS, STATUSES, type VehicleFields } from '../fleet'
import { Icon } from './icon'

interface Props {
  values: Partial<VehicleFields>
  onChange: (change: Partial<VehicleFields>) => void
}

const COLOR_NAMES = ['Teal', 'Blue', 'Violet', 'Pink', 'Orange', 'Ochre', 'Green', 'Grey']

/** The fields of a vehicle. Controlled: shows `values`, and tells each change as the fields that differ. */
export function VehicleForm({ values, onChange }: Props) {
  const text = (field: 'name' | 'plate' | 'driver' | 'group') => ({
    value: values[field] ?? '',
    maxLength: 120,
    onChange: (event: { target: HTMLInputElement }) => onChange({ [field]: event.target.value }),
  })
  return (
    <div className="form">
      <Field label="Name">
        <input {...text('name')} required autoComplete="off" placeholder="Bus 5017" />
      </Field>
      <div className="form-pair">
        <Field label="Plate">
          <input {...text('plate')} autoComplete="off" spellCheck={false} />
        </Field>
        <Field label="Group">
          <input {...text('group')} autoComplete="off" />
        </Field>
      </div>
      <Field label="Driver">
        <input {...text('driver')} autoComplete="off" />
      </Field>
      <Field label="Status">
        <select value={values.status ?? ''} onChange={(event) => onChange({ status: event.target.value })}>
          <option value="" disabled>
            Choose
          </option>
          {statusesWith(values.status).map((status) => (
            <option key={status}>{status}</option>
          ))}
        </select>
      </Field>
      <fieldset className="choice">
        <legend>Kind</legend>
        {KINDS.map((kind) => (
          <label key={kind} className="kind" title={kind}>
            <input
              type="radio"
              name="icon"
              checked={(values.icon ?? 'bus') === kind}
              onChange={() => onChange({ icon: kind })}
            />
            <Icon name={kind} />
            <span className="hidden">{kind}</span>
          </label>
        ))}
      </fieldset>
      <fieldset className="choice">
        <legend>Colour</legend>
        {COLORS.map((color, index) => (
          <label key={color} className="color" style={{ backgroundColor: color }} title={COLOR_NAMES[index]}>
            <input
              type="radio"
              name="color"
              checked={(values.color ?? COLORS[0]) === color}
              onChange={() => onChange({ color })}
            />
            <Icon name="check" />
            <span className="hidden">{COLOR_NAMES[index]}</span>
          </label>
        ))}
      </fieldset>
    </div>
  )
}

/** Another app may have given it a status of its own. */
function statusesWith(status: string | undefined): readonly string[] {
  return !status || STATUSES.some((known) => known === status) ? STATUSES : [status, ...STATUSES]
}

function Field({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is its child
    <label className="field">
      <span>{label}</span>
      {children}
    </label>
  )
}
