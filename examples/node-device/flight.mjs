/** The recorded flight: reads the CSV beside it into positions, in the order in which they were made. */
import { readFile } from 'node:fs/promises'

const FILE = new URL('rescue-flight.csv', import.meta.url)

/** @returns {Promise<import('webhost-sync/node').NewPosition[]>} */
export async function readFlight() {
  const [, ...lines] = (await readFile(FILE, 'utf8')).trim().split('\n')
  return lines.map((line) => {
    const [vehicleId, time, latitude, longitude, speed, heading] = line.split(',')
    return {
      vehicleId,
      at: new Date(time),
      latitude: Number(latitude),
      longitude: Number(longitude),
      speedMps: Number(speed),
      headingDeg: Number(heading),
    }
  })
}
