// Turns values of Yjs into JSON and back without losing what JSON has no word for.
// `{"$bytes": base64}` is a Uint8Array, `{"$bigint": digits}` a BigInt, `{"$undefined": true}` is
// undefined. `peers.py` knows the same three.

export function toJson(value) {
  if (value === undefined) return { $undefined: true }
  if (typeof value === 'bigint') return { $bigint: value.toString() }
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (Array.isArray(value)) return value.map(toJson)
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]))
  }
  return value
}
