/**
 * The entry `webhost-sync`: what an app imports.
 *
 * @packageDocumentation
 */

export type {
  Attachment,
  BlockCode,
  DocumentHandler,
  Link,
  LinkState,
  LocalUpdate,
  Refusal,
  Replica,
  RowEdit,
  Stored,
} from './contract.js'
