/* The live map of the fleet. The rows of the list are all that is known: their data attributes hold each
   vehicle's place and state, new positions are written into them, and the map shows what they say. */

import { createMap } from './map.js'
import { shapeOf } from './geofence-shapes.js'

const fleet = document.querySelector('.fleet')
const offlineAfter = Number(fleet.dataset.offlineAfter)
const movingMps = Number(fleet.dataset.movingMps)
const rows = () => [...fleet.querySelectorAll('[data-row]')]
const rowOf = (id) => fleet.querySelector(`[data-row][data-id="${CSS.escape(id)}"]`)
const at = (row) => row.dataset.at?.split(',').map(Number)

let chosen = null
let missing = false
const drawing = createMap(document.getElementById('map'), rows().map(at).filter(Boolean))
const source = new EventSource(fleet.dataset.positions)
source.addEventListener('latest', (event) => { for (const position of JSON.parse(event.data)) take(position); soon() })
source.addEventListener('gone', (event) => { for (const id of JSON.parse(event.data)) forget(id); soon() })
source.addEventListener('ready', () => { say('live'); soon() })
source.addEventListener('end', (event) => {
  const { error } = JSON.parse(event.data)
  say('stale')
  if (error.retry === 'never' || /auth|allowed|session/.test(error.code)) { source.close(); location.reload() }
})
source.onerror = () => say(source.readyState === EventSource.CLOSED ? 'over' : 'stale')
addEventListener('pagehide', () => source.close())

function say(state) {
  const words = { live: 'live', stale: 'not up to date', over: 'ended' }
  for (const line of document.querySelectorAll('[data-live-state]')) {
    line.dataset.liveState = state
    line.querySelector('[data-live-text]').textContent = words[state]
  }
}

function take(position) {
  const row = rowOf(position.vehicle_id)
  if (!row) return
  row.dataset.time = String(Date.parse(position.time) / 1000)
  row.dataset.at = `${position.longitude},${position.latitude}`
  row.dataset.speed = position.speed_mps ?? ''
  row.dataset.heading = position.heading_deg ?? ''
}

function forget(id) {
  const row = rowOf(id)
  if (row) for (const name of ['time', 'at', 'speed', 'heading']) delete row.dataset[name]
}

function stateOf({ time, speed }) {
  if (!time || Date.now() / 1000 - Number(time) > offlineAfter) return 'offline'
  return Number(speed || 0) >= movingMps ? 'moving' : 'stopped'
}

function ago(time) {
  const age = Date.now() / 1000 - Number(time)
  if (age < 5) return 'just now'
  const [size, unit] = age < 60 ? [1, 's'] : age < 3600 ? [60, 'min'] : age < 86400 ? [3600, 'h'] : [86400, 'd']
  // As the server writes it: the date, where it is longer than 30 days.
  return age > 30 * 86400 ? new Date(time * 1000).toISOString().slice(0, 10) : `${Math.floor(age / size)} ${unit} ago`
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text
}

/** Say in every row what it is now, count, and draw. */
async function refresh() {
  const found = rows()
  const counts = { moving: 0, stopped: 0, offline: 0 }
  for (const row of found) {
    const state = stateOf(row.dataset)
    counts[state]++
    if (row.dataset.state !== state) row.dataset.state = state
    write(row.querySelector('[data-word]'), state === 'moving' ? `${Math.round(Number(row.dataset.speed) * 3.6)} km/h` : state)
    if (row.dataset.time) write(row.querySelector('[data-age]'), ago(row.dataset.time))
  }
  // With a state chosen, the list has that state alone; what the server counted of the others stands.
  const listed = document.querySelector('input[name=state]:checked')?.value
  const served = (document.getElementById('vehicles').dataset.counts ?? '0 0 0').split(' ')
  for (const [index, state] of ['moving', 'stopped', 'offline'].entries())
    write(document.querySelector(`[data-count=${state}]`), String(listed ? served[index] : counts[state]))
  const map = await drawing
  map?.setVehicles(found.filter((row) => row.dataset.at).map((row) => {
    const [longitude, latitude] = at(row)
    const { id, state, heading } = row.dataset
    const known = heading !== undefined && heading !== ''
    return { id, name: row.querySelector('a').textContent, longitude, latitude, headingDeg: known ? Number(heading) : null, state }
  }))
}

function soon() {
  if (missing) return
  missing = true
  requestAnimationFrame(() => { missing = false; void refresh() })
}

async function choose(id, { scroll = false, move = false } = {}) {
  chosen = id
  for (const row of rows()) row.classList.toggle('is-selected', row.dataset.id === id)
  const row = id === null ? null : rowOf(id)
  if (scroll) row?.scrollIntoView({ block: 'nearest', behavior: 'smooth' })
  const map = await drawing
  if (!map || chosen !== id) return
  map.choose(id)
  if (move && row && at(row)) map.show(at(row))
}

async function fitAll() {
  const map = await drawing
  map?.fit(rows().map(at).filter(Boolean))
}

/** The fences, below everything else; the page's list doesn't wait for them. */
async function drawFences() {
  if (!fleet.dataset.geofences) return
  const answer = await fetch(fleet.dataset.geofences, { headers: { Accept: 'application/json' } })
  if (!answer.ok) return
  const { items } = await answer.json()
  const within = document.querySelector('select[name=geofence]')
  const map = await drawing
  const draw = () => map?.setShapes(items.map(({ fence }) => ({ ...shapeOf(fence), selected: fence.id === within?.value })))
  draw()
  within?.addEventListener('change', draw)
}

fleet.addEventListener('click', (event) => {
  const row = event.target.closest('[data-row]')
  if (row && !event.target.closest('a')) void choose(row.dataset.id, { move: true })
})
// `j` and `k` move the focus from row to row; the map goes along.
fleet.addEventListener('focusin', (event) => {
  const row = event.target.closest('[data-row]')
  if (row && event.target.matches(':focus-visible') && row.dataset.id !== chosen) void choose(row.dataset.id, { move: true })
})
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && chosen !== null) void choose(null)
})
document.addEventListener('htmx:afterSettle', async () => {
  await refresh()
  await choose(chosen !== null && rowOf(chosen) ? chosen : null)
  await fitAll()
})

setInterval(refresh, 5000)
const map = await drawing
map?.on('vehicle', ({ id }) => void choose(id, { scroll: true }))
map?.on('ground', ({ over }) => { if (!over) void choose(null) })
await refresh()
await drawFences()
fleet.dataset.drawn = String(map !== null)
