/**
 * The entry `webhost-sync`: what an app imports.
 *
 * @packageDocumentation
 */

export { type ClientEvents, type ConnectOptions, type Inspection, WebHostClient } from './client.js'
export type { BlockCode, Refusal } from './contract.js'
export type { RejectedEdit } from './engine/rejected.js'
export type { ConflictEvent } from './engine/shell.js'
export {
  LayoutError,
  NotDurable,
  type Place,
  ServerError,
  StorageUnavailable,
  StoreDeleted,
  UnstorableValue,
  WebHostConfigError,
  WebHostError,
} from './errors.js'
export { generateId } from './ids.js'
export type { Key } from './layout/keys.js'
export type { WebHostClientOptions } from './options.js'
export type { LatestListener } from './positions/latest.js'
export type { NewPosition, Position } from './positions/position.js'
export type { Positions } from './positions/positions.js'
export type { Other, Presence } from './presence.js'
export { table } from './schema.js'
export type { StoresSchema, TableDef } from './schema-rows.js'
export type { TablesOf, WebHostDb } from './schema-types.js'
export type { Blocked, Phase, StorageStatus, SyncStatus } from './status.js'
export type { SyncManager } from './sync-manager.js'
