/**
 * React hooks of webhost-sync: tables, status, positions and presence as values that re-render by
 * themselves. Nothing here opens a database while it is imported, so pages can be rendered on a server.
 */

export { useClient, WebHostProvider } from './client.js'
export { useLatestPositions, useVehicle } from './fleet.js'
export { useLiveQuery } from './live-query.js'
export { type PresenceHook, usePresence } from './presence.js'
export { useSyncStatus } from './status.js'
