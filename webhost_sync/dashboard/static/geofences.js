/* The pages of geofences: whatever has `data-fence` is drawn, and a form with `data-drawing` can be filled in by
   clicks on the map. Rows are chosen in the list and on the map; events and vehicles of one fence stand there. */

import { colour, createMap } from './map.js'
import { startDrawing } from './geofence-drawing.js'
import { outline, shapeOf } from './geofence-shapes.js'

const page = document.querySelector('[data-fences]')
const rows = [...page.querySelectorAll('[data-fence]')]
const shapes = rows.map((row) => shapeOf(JSON.parse(row.dataset.fence)))
const form = page.querySelector('[data-drawing]')
const events = [...page.querySelectorAll('[data-event]')]
const vehicles = [...page.querySelectorAll('[data-vehicle]')]
const listed = rows.filter((row) => 'row' in row.dataset)
const at = (row) => row.dataset.at.split(',').map(Number)
let chosen = null

const places = JSON.parse(page.dataset.places ?? '[]')
const map = await createMap(document.getElementById('map'), shapes.length ? shapes.flatMap(outline) : places)

function draw() {
  map?.setShapes(shapes.map((shape) => ({ ...shape, selected: !listed.length || shape.id === chosen })))
}

function choose(id, { scroll = false, move = false } = {}) {
  chosen = id
  for (const row of listed) {
    row.classList.toggle('is-selected', row.dataset.id === id)
    if (scroll && row.dataset.id === id) row.scrollIntoView({ block: 'nearest' })
  }
  draw()
  if (move) map?.fit(outline(shapes.find((shape) => shape.id === id)), { animate: true })
}

/** Where the events of the fence happened, below the vehicles that are inside now. */
function drawDoings() {
  const colours = { enter: colour('--good'), exit: colour('--quiet') }
  map.setDots(events.map((row, number) => ({ id: String(number), point: at(row), color: colours[row.dataset.event], radius: 4 })))
  map.setVehicles(vehicles.filter((row) => row.dataset.at).map((row) => {
    const [longitude, latitude] = at(row)
    const { vehicle: id, name, heading, state } = row.dataset
    return { id, name, longitude, latitude, headingDeg: heading ? Number(heading) : null, state }
  }))
}

if (form) {
  map?.setVehicles(places.map(([longitude, latitude], number) => ({ id: String(number), name: '', longitude, latitude, state: 'offline' })))
  startDrawing(form, map, shapes)
} else {
  draw()
}
if (map && !form) {
  if (events.length || vehicles.length) drawDoings()
  map.on('shape', ({ id }) => { if (listed.length) choose(id, { scroll: true }) })
  map.on('ground', ({ over }) => { if (!over && listed.length) choose(null) })
  map.on('vehicle', ({ id }) => vehicles.find((row) => row.dataset.vehicle === id)?.querySelector('a').focus())
  map.on('dot', ({ id }) => {
    const row = events[Number(id)]
    row.scrollIntoView({ block: 'nearest' })
    row.querySelector('a').focus({ preventScroll: true })
  })
}
page.addEventListener('click', (event) => {
  const row = event.target.closest('[data-row]')
  if (!row || event.target.closest('a')) return
  if (row.dataset.event) map?.show(at(row))
  else choose(row.dataset.id, { move: true })
})
// `j` and `k` move the focus from row to row; the map goes along.
page.addEventListener('focusin', (event) => {
  const row = event.target.closest('[data-row][data-id]')
  if (row && event.target.matches(':focus-visible') && row.dataset.id !== chosen) choose(row.dataset.id, { move: true })
})
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && chosen !== null) choose(null)
})
page.dataset.drawn = String(map !== null)
