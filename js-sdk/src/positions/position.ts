/** A position as apps see it, and how it is read from the server's JSON. Pure. */

/** What an app records; units are in the names. */
export interface NewPosition {
  /** The vehicle's key in the table `vehicles`. */
  readonly vehicleId: string
  /** When the receiver fixed it; now where it is left out. */
  readonly at?: Date | number
  /** Degrees, north is positive. */
  readonly latitude: number
  /** Degrees, east is positive. */
  readonly longitude: number
  readonly altitudeM?: number
  readonly speedMps?: number
  /** Degrees clockwise from north. */
  readonly headingDeg?: number
  /** Radius in metres within which the true position lies. */
  readonly accuracyM?: number
  /** What the receiver itself thinks of the fix. */
  readonly valid?: boolean
  /** Anything else, as JSON. */
  readonly attributes?: Readonly<Record<string, unknown>>
}

export interface Position extends Omit<NewPosition, 'at'> {
  readonly deviceId: string
  readonly at: Date
}

/** Read one item of `GET /api/positions/latest` or `/api/vehicles/{id}/positions`. */
export function fixOf(item: unknown): Position {
  const json = item as Record<string, unknown>
  const optional = (name: string) => (json[name] == null ? undefined : json[name])
  const position: Record<string, unknown> = {
    vehicleId: json['vehicle_id'],
    deviceId: json['device_id'],
    at: new Date(json['time'] as string),
    latitude: json['latitude'],
    longitude: json['longitude'],
    altitudeM: optional('altitude_m'),
    speedMps: optional('speed_mps'),
    headingDeg: optional('heading_deg'),
    accuracyM: optional('accuracy_m'),
    valid: optional('valid'),
    attributes: optional('attributes'),
  }
  for (const name of Object.keys(position)) if (position[name] === undefined) delete position[name]
  return position as unknown as Position
}
