/** What the tests in `tests/browser` call in a page: the built package as an app would import it, and a few helpers. */
import { Dexie, liveQuery } from 'dexie'
import * as sdk from 'webhost-sync'
import * as Y from 'yjs'
import { writeWithoutEnd } from './writer.js'

export const tools = { sdk, Dexie, liveQuery, Y, writeWithoutEnd }
