/* The page of one vehicle: its way on the map, coloured by speed, and a replay of it. The page brings the
   points (seconds since the first, longitude, latitude, m/s) and a list of segments, whose data attributes say
   from when to when they last; map, slider and list always show one moment. */

import { colour, createMap } from './map.js'

const vehicle = document.querySelector('.vehicle')
const points = JSON.parse(vehicle.dataset.points)
const start = Number(vehicle.dataset.start)
const slider = document.querySelector('[data-replay]')
const BOUNDS_KMH = [10, 30, 50, 80]
const DRAW_MS = 40
const HIDDEN_BELOW_PX = 160
const WORDS = { trip: 'driving', stop: 'standing', gap: 'no signal' }

const segments = [...document.querySelectorAll('[data-segment]')].map((row) => ({
  row,
  kind: row.dataset.segment,
  from: Number(row.dataset.from),
  to: Number(row.dataset.to),
  at: row.dataset.at.split(',').map(Number),
}))
let now = slider ? Number(slider.max) : 0
let chosen = null
let map = null

/** The number of the last point that isn't later. */
function before(time) {
  let [low, high] = [0, points.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (points[middle][0] <= time) low = middle
    else high = middle - 1
  }
  return low
}

const segmentAt = (time) => segments.findLast(({ from }) => from <= time) ?? segments[0]

/** Where the vehicle was: on the line between two points, but never between two ends of a silence. */
function placeAt(time) {
  const index = before(time)
  const [from, longitude, latitude, speed] = points[index]
  const next = points[index + 1]
  if (!next || segmentAt(time)?.kind !== 'trip') return { longitude, latitude, speed: speed ?? 0, heading: heading(index) }
  const part = Math.min(1, (time - from) / (next[0] - from))
  const between = (a, b) => a + (b - a) * part
  return { longitude: between(longitude, next[1]), latitude: between(latitude, next[2]), speed: between(speed ?? 0, next[3] ?? speed ?? 0), heading: heading(index) }
}

function heading(index) {
  const [from, to] = index < points.length - 1 ? [points[index], points[index + 1]] : [points[index - 1] ?? points[index], points[index]]
  const east = (to[1] - from[1]) * Math.cos((from[2] * Math.PI) / 180)
  return ((Math.atan2(east, to[2] - from[2]) * 180) / Math.PI + 360) % 360
}

// The map
/** Stretches of one speed, as lines; those that aren't chosen stand back. */
function tracks() {
  const colours = [0, 1, 2, 3, 4].map((number) => colour(`--speed-${number}`))
  const silent = colour('--map-offline')
  const lines = []
  for (const [number, { kind, from, to }] of segments.entries()) {
    if (kind === 'stop') continue
    const opacity = (chosen === null || chosen === number ? 1 : 0.2) * (kind === 'gap' ? 0.35 : 1)
    for (let index = before(from); index < points.length - 1 && points[index][0] < to; index += 1) {
      const ends = [points[index], points[index + 1]]
      const kmh = Math.max(...ends.map((point) => point[3] ?? 0)) * 3.6
      const color = kind === 'gap' ? silent : colours[BOUNDS_KMH.filter((bound) => kmh >= bound).length]
      const last = lines.at(-1)
      if (last?.number === number && last.color === color) last.points.push(ends[1].slice(1, 3))
      else lines.push({ id: `${lines.length}`, number, color, opacity, points: ends.map((point) => point.slice(1, 3)) })
    }
  }
  return lines.sort((one, other) => one.opacity - other.opacity) // what stands back lies below
}

function dots() {
  const [stop, strong] = [colour('--map-stopped'), colour('--map-chosen')]
  return segments.flatMap(({ kind, at, from, to }, number) => kind === 'stop'
    ? [{ id: String(number), point: at, color: number === chosen ? strong : stop, radius: number === chosen ? 9 : Math.min(8, 4 + (to - from) / 1800) }]
    : [])
}

function drawWay() {
  map?.setTracks(tracks())
  map?.setDots(dots())
}

const pointsOf = ({ kind, from, to, at }) => kind === 'stop' ? [at] : points.filter(([time]) => time >= from && time <= to).map(([, longitude, latitude]) => [longitude, latitude])

function drawVehicle() {
  if (!map || !points.length) return
  const { longitude, latitude, heading: headingDeg } = placeAt(now)
  const kind = segmentAt(now)?.kind
  const state = kind === 'trip' ? 'moving' : kind === 'gap' ? 'offline' : 'stopped'
  map.setVehicles([{ id: 'it', name: vehicle.dataset.vehicle, longitude, latitude, headingDeg, state }])
}

// One moment everywhere
let drawn = 0
function show(time, { late = false } = {}) {
  now = Math.min(Math.max(time, 0), Number(slider.max))
  slider.value = now
  const moment = new Date((start + now) * 1000).toISOString()
  const segment = segmentAt(now)
  const { speed } = placeAt(now)
  const words = segment?.kind === 'trip' ? `${Math.round(speed * 3.6)} km/h` : WORDS[segment?.kind]
  slider.setAttribute('aria-valuetext', `${moment.slice(0, 10)} ${moment.slice(11, 19)} UTC, ${words}`)
  const clock = document.createElement('b')
  clock.textContent = moment.slice(11, 19)
  document.querySelector('[data-now]').replaceChildren(`${moment.slice(0, 10)} `, clock, ` UTC · ${words}`)
  for (const one of segments) one.row.classList.toggle('is-now', one === segment)
  if (late && performance.now() - drawn < DRAW_MS) return
  drawn = performance.now()
  drawVehicle()
}

function choose(number) {
  chosen = number
  for (const [index, { row }] of segments.entries()) row.querySelector('button').setAttribute('aria-pressed', String(index === number))
  drawWay()
  if (number === null) return
  const place = document.getElementById('map') // on a phone it may be far above the list
  if (place.getBoundingClientRect().bottom < HIDDEN_BELOW_PX) place.scrollIntoView({ block: 'center' })
  if (slider) show(segments[number].from)
  if (segments[number].kind === 'stop') map?.show(segments[number].at)
  else map?.fit(pointsOf(segments[number]), { animate: true })
}

// Playing
const play = document.querySelector('[data-play]')
const pace = document.querySelector('[data-pace]')
let frame = 0
function stop() {
  cancelAnimationFrame(frame)
  frame = 0
  play.setAttribute('aria-pressed', 'false')
  drawVehicle()
}
function begin() {
  if (now >= Number(slider.max)) show(0)
  play.setAttribute('aria-pressed', 'true')
  let last = performance.now()
  const step = (time) => {
    show(now + (Math.max(0, time - last) / 1000) * Number(pace.value), { late: true })
    last = time
    frame = requestAnimationFrame(step)
    if (now >= Number(slider.max)) stop()
  }
  frame = requestAnimationFrame(step)
}
function jump(step) {
  const index = segments.indexOf(segmentAt(now))
  const within = now - segments[index].from > 2
  const target = segments[step < 0 && within ? index : index + step]
  show(target ? target.from : step < 0 ? 0 : Number(slider.max))
}
function changePace(step) {
  pace.selectedIndex = Math.min(Math.max(pace.selectedIndex + step, 0), pace.options.length - 1)
}

if (slider) {
  slider.addEventListener('input', () => show(Number(slider.value)))
  play.addEventListener('click', () => (frame ? stop() : begin()))
  for (const button of document.querySelectorAll('[data-jump]')) button.addEventListener('click', () => jump(Number(button.dataset.jump)))
  const KEYS = { p: () => play.click(), '[': () => jump(-1), ']': () => jump(1), ',': () => changePace(-1), '.': () => changePace(1) }
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest?.('input:not([type=range]), select, textarea, dialog')
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return
    KEYS[event.key]?.()
  })
  show(now)
}
for (const [number, { row }] of segments.entries()) row.querySelector('button').addEventListener('click', () => choose(chosen === number ? null : number))

const latest = vehicle.dataset.latest?.split(',').map(Number)
const way = points.map(([, longitude, latitude]) => [longitude, latitude])
map = await createMap(document.getElementById('map'), way.length || !latest ? way : [latest])
if (map) {
  map.choose('it')
  drawWay()
  drawVehicle()
  if (!points.length && latest)
    map.setVehicles([{ id: 'it', name: vehicle.dataset.vehicle, longitude: latest[0], latitude: latest[1], state: 'offline' }])
  map.on('dot', ({ id }) => {
    choose(Number(id))
    segments[Number(id)].row.scrollIntoView({ block: 'nearest' })
  })
  map.on('vehicle', () => segments.length && choose(segments.indexOf(segmentAt(now)))) // it hides the stop below it
  const again = () => drawWay()
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again)
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ['data-theme'] })
}
