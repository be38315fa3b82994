/**
 * A page that does nothing: the tests in `tests/browser` call what it puts in their reach, the built package as
 * an app would import it.
 */
import { Dexie, liveQuery } from 'dexie'
import * as sdk from 'webhost-sync'
import * as Y from 'yjs'

Object.assign(globalThis, { sdk, Dexie, liveQuery, Y })
