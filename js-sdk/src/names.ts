/**
 * Document names: which are allowed, and which say what the document holds.
 *
 * In comes a name, out goes what it means; or ids go in and a name comes out. Knows no document.
 *
 *     name   = 1 to 255 bytes of UTF-8, without NUL ? #, and without a segment . or ..
 *     table  = "tables/" id
 *     track  = "track/" id "/" yyyy-mm-dd "/" id
 *     id     = text with / % ? # NUL written as %2F %25 %3F %23 %00; the ids . and .. as %2E and %2E%2E
 *
 * Every other name is a free document. One id has one spelling, so one identity has one document.
 */

import { LayoutError } from './errors.js'
import { requireWholeCharacters } from './layout/layout.js'

const MAX_NAME_BYTES = 255

/** What a document holds. `misfit` says why a name that starts like a table's or a track's is none. */
export type DocumentName =
  | { readonly kind: 'table'; readonly table: string }
  | { readonly kind: 'track'; readonly vehicle: string; readonly day: string; readonly device: string }
  | { readonly kind: 'free'; readonly misfit: string | null }

/** Give the name back if it is allowed. Throws LayoutError, saying what is wrong with it. */
export function validateName(name: string): string {
  const path = `document name '${name}'`
  if (!name) throw new LayoutError(path, 'must not be empty')
  const length = new TextEncoder().encode(requireWholeCharacters(name, path)).length
  if (length > MAX_NAME_BYTES) {
    throw new LayoutError(path, `has at most ${MAX_NAME_BYTES} bytes of UTF-8, this one has ${length}`)
  }
  const forbidden = /[\0?#]/.exec(name)?.[0]
  if (forbidden) {
    const what = forbidden === '\0' ? 'NUL character' : `'${forbidden}'`
    throw new LayoutError(path, `holds a ${what}; inside an id write it percent-encoded`)
  }
  if (/(^|\/)\.\.?(\/|$)/.test(name)) {
    throw new LayoutError(path, "has a segment '.' or '..'; write its dots as %2E")
  }
  return name
}

/** The name of the document that holds the rows of a table. */
export function tableDocument(table: string): string {
  return validateName(`tables/${encodeId(table)}`)
}

/**
 * The name of the document for the fixes of one vehicle, UTC day (yyyy-mm-dd) and device.
 * `vehicleKey` is the row's key in `tables/vehicles` as `layout/keys` spells it.
 */
export function trackDocument(vehicleKey: string, day: string, device: string): string {
  return validateName(`track/${encodeId(vehicleKey)}/${requireDay(day)}/${encodeId(device)}`)
}

/** Say what a document of this name holds. Throws LayoutError for a name that is not allowed at all. */
export function parseName(name: string): DocumentName {
  const [prefix, ...ids] = validateName(name).split('/')
  try {
    if (prefix === 'tables' && ids.length) return parseTable(ids)
    if (prefix === 'track' && ids.length) return parseTrack(ids)
  } catch (error) {
    if (error instanceof LayoutError) return { kind: 'free', misfit: error.message }
    throw error
  }
  return { kind: 'free', misfit: null }
}

function parseTable([table, ...more]: readonly string[]): DocumentName {
  if (table === undefined || more.length) throw new LayoutError("a table's name", 'is tables/{table}')
  return { kind: 'table', table: decodeId(table) }
}

function parseTrack([vehicle, day, device, ...more]: readonly string[]): DocumentName {
  if (vehicle === undefined || day === undefined || device === undefined || more.length) {
    throw new LayoutError("a track's name", 'is track/{vehicle}/{yyyy-mm-dd}/{device}')
  }
  return { kind: 'track', vehicle: decodeId(vehicle), day: requireDay(day), device: decodeId(device) }
}

/** Write any text so that it can be one segment of a name or of a path, and tell it from all others. */
export function percentEncode(text: string): string {
  return text.replace(/^\.{1,2}$|[/%?#\0]/g, (found) => found.replace(/./gs, escapeOf))
}

function escapeOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

function encodeId(text: string): string {
  if (!text) throw new LayoutError('an id inside a document name', 'must not be empty')
  return percentEncode(text)
}

function decodeId(segment: string): string {
  if (!segment) throw new LayoutError('an id in the name', 'is empty')
  const text = segment.replace(/%(2F|25|3F|23|00|2E)/g, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  )
  const spelling = percentEncode(text)
  if (spelling !== segment) {
    throw new LayoutError(`'${segment}'`, `is not how an id is percent-encoded; it would be '${spelling}'`)
  }
  return text
}

function requireDay(text: string): string {
  const time = Date.parse(`${text}T00:00Z`)
  // Dates that the calendar lacks may come back as others; year 0 is none for the server.
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== text || text < '0001') {
    throw new LayoutError(`'${text}'`, 'is no day yyyy-mm-dd')
  }
  return text
}
