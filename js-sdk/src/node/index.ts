/**
 * The entry `webhost-sync/node`: devices and servers, with everything kept in a directory.
 *
 * @packageDocumentation
 */

export type { BlockCode, Refusal } from '../contract.js'
export type { RejectedEdit } from '../engine/rejected.js'
export type { ConflictEvent } from '../engine/shell.js'
export type { Row } from '../engine/stores.js'
export {
  ConstraintError,
  DeviceBusy,
  DeviceDamaged,
  LayoutError,
  NotDurable,
  ServerError,
  StorageUnavailable,
  UnstorableValue,
  WebHostConfigError,
  WebHostError,
} from '../errors.js'
export { generateId } from '../ids.js'
export type { Key } from '../layout/keys.js'
export type { ServerOptions } from '../options.js'
export type { LatestListener } from '../positions/latest.js'
export type { NewPosition, Position } from '../positions/position.js'
export type { Positions } from '../positions/positions.js'
export { table } from '../schema.js'
export type { StoresSchema, TableDef } from '../schema-rows.js'
export type { Blocked, Phase, StorageStatus, SyncStatus } from '../status.js'
export type { WebSocketConstructor, WebSocketLike } from '../wire/socket.js'
export { type DeviceEvents, type DeviceTables, WebHostDevice } from './device.js'
export type { WebHostDeviceOptions } from './device-options.js'
export type { Changes, DeviceTable } from './device-table.js'
