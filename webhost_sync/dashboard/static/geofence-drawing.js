/* The form of a fence and its draft on the map, which always say the same. The fields are all that is known:
   clicks are written into them, and what they say is drawn, also while it is typed.

     circle    click the centre, then the edge
     polygon   click the corners; the first one again, or Finish, closes it */

import { circle, colour, distanceM } from './map.js'

const DIGITS = 6
const DRAFT = 'the draft'
const FEW = 3

/** Begin with what the form says; `map` may be null, and `others` are shapes that are there already. */
export function startDrawing(form, map, others) {
  new Drawing(form, map, others).begin()
}

class Drawing {
  #form
  #map
  #others
  #active = false
  #pointer = null

  constructor(form, map, others) {
    this.#form = form
    this.#map = map
    this.#others = others
  }

  begin() {
    const form = this.#form
    form.addEventListener('input', (event) => {
      if (event.target.name === 'kind') this.#pointer = null
      this.#draw()
    })
    form.addEventListener('change', (event) => {
      if (event.target.name === 'kind' && this.#map) this.#turn(this.#isEmpty)
      else if (!this.#active) this.#look()
    })
    if (!this.#map) return
    form.querySelector('[data-tools]').hidden = false
    this.#on('draw', () => (this.#active ? this.#turn(false) : this.#anew()))
    this.#on('undo', () => this.#undo())
    this.#on('finish', () => this.#turn(false))
    this.#map.on('ground', ({ at, over }) => this.#click(wrapped(at), over))
    this.#map.on('dot', ({ id }) => { if (id === '0' && this.#corners.length >= FEW) this.#turn(false) })
    this.#map.gl.on('mousemove', ({ lngLat }) => this.#point([lngLat.lng, lngLat.lat]))
    this.#map.gl.on('mouseout', () => this.#point(null))
    document.addEventListener('keydown', (event) => { if (event.key === 'Escape' && this.#active) this.#turn(false) })
    this.#look()
    this.#turn(this.#isEmpty)
  }

  #on(name, listener) {
    this.#form.querySelector(`[data-${name}]`).addEventListener('click', listener)
  }

  // What the fields say
  get #kind() {
    return this.#form.elements.kind.value
  }

  #number(name, most) {
    const { value } = this.#form.elements[name]
    const number = Number(value)
    return value.trim() === '' || !(Math.abs(number) <= most) ? null : number
  }

  get #center() {
    const [longitude, latitude] = [this.#number('longitude', 180), this.#number('latitude', 90)]
    return longitude === null || latitude === null ? null : [longitude, latitude]
  }

  get #radius() {
    const radius = this.#number('radius_m', 1_000_000)
    return radius > 0 ? radius : null
  }

  get #corners() {
    const lines = this.#form.elements.corners.value.split('\n').filter((line) => line.trim())
    const corners = lines.map((line) => line.trim().split(/[,;\s]\s*/).map(Number))
    return corners.filter(([latitude, longitude, more]) => more === undefined && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)
      .map(([latitude, longitude]) => [longitude, latitude])
  }

  get #isEmpty() {
    return this.#kind === 'circle' ? this.#center === null && this.#radius === null : !this.#corners.length
  }

  get #isWhole() {
    return this.#kind === 'circle' ? this.#center !== null && this.#radius !== null : this.#corners.length >= FEW
  }

  #write(name, value) {
    this.#form.elements[name].value = value
  }

  #writeCorners(corners) {
    this.#write('corners', corners.map(([longitude, latitude]) => `${degrees(latitude)}, ${degrees(longitude)}`).join('\n'))
  }

  // Clicks
  #anew() {
    if (this.#kind === 'circle') for (const name of ['latitude', 'longitude', 'radius_m']) this.#write(name, '')
    else this.#write('corners', '')
    this.#turn(true)
  }

  #undo() {
    this.#writeCorners(this.#corners.slice(0, -1))
    this.#turn(true)
  }

  #click(at, over) {
    if (!this.#active || over === 'dot') return
    if (this.#kind === 'polygon') {
      this.#writeCorners([...this.#corners, at])
    } else if (this.#center === null) {
      this.#write('longitude', degrees(at[0]))
      this.#write('latitude', degrees(at[1]))
    } else {
      this.#write('radius_m', metres(distanceM(this.#center, at)))
    }
    if (this.#kind === 'circle' && this.#isWhole) this.#turn(false)
    else this.#draw()
  }

  #point(at) {
    if (!this.#active) return
    this.#pointer = at
    this.#draw()
  }

  /** Whether clicks draw from now on. */
  #turn(active) {
    this.#active = active
    this.#pointer = null
    this.#map.setDrawing(active)
    this.#draw()
  }

  // Drawing
  #draw() {
    this.#say()
    if (!this.#map) return
    const { name, color } = this.#form.elements
    const look = { id: DRAFT, name: name.value, color: color.value || undefined, selected: true }
    const draft = this.#draft()
    this.#map.setShapes([...this.#others, ...(draft ? [{ ...look, ...draft }] : [])])
    const dots = this.#kind === 'polygon' ? (this.#active ? this.#corners : []) : [this.#center].filter(Boolean)
    this.#map.setDots(dots.map((point, number) => ({ id: String(number), point, color: colour('--map-fence'), radius: this.#active && !number ? 7 : 5 })))
  }

  #draft() {
    if (this.#kind === 'circle') {
      const radiusM = this.#radius ?? this.#reach
      return this.#center && radiusM ? { center: this.#center, radiusM } : null
    }
    const points = this.#active && this.#pointer ? [...this.#corners, this.#pointer] : this.#corners
    return points.length > 1 ? { points, open: this.#active } : null
  }

  /** How far the pointer is from the centre, while the edge is wanted. */
  get #reach() {
    const wanted = this.#kind === 'circle' && this.#active && this.#center && this.#pointer
    return wanted ? distanceM(this.#center, this.#pointer) : null
  }

  #look() {
    if (!this.#map || !this.#isWhole) return
    this.#map.fit(this.#kind === 'circle' ? circle(this.#center, this.#radius, 8) : this.#corners, { maxZoom: 17 })
  }

  #say() {
    const part = (name) => this.#form.querySelector(`[data-${name}]`)
    const write = (node, text) => { if (node.textContent !== text) node.textContent = text }
    write(part('hint'), this.#hint())
    write(part('preview'), this.#reach ? length(this.#reach) : '')
    write(part('draw-text'), this.#active ? 'Stop drawing' : this.#isEmpty ? 'Draw on the map' : 'Draw it anew')
    part('undo').disabled = !this.#corners.length
    part('finish').disabled = !this.#active || !this.#isWhole
  }

  #hint() {
    const corners = this.#corners.length
    if (this.#kind === 'circle') {
      if (this.#active) return this.#center ? 'Click where its edge shall be.' : 'Click its centre on the map.'
      return this.#isWhole ? `A radius of ${length(this.#radius)}.` : ''
    }
    const count = corners === 1 ? '1 corner' : `${corners} corners`
    if (!this.#active) return corners ? `${count}.` : ''
    if (!corners) return 'Click its corners on the map, one after the other.'
    return corners < FEW ? `${count}.` : `${count}; click the first one again to finish.`
  }
}

/** The same place on the world that lies in the middle. */
function wrapped([longitude, latitude]) {
  return [((((longitude + 180) % 360) + 360) % 360) - 180, latitude]
}

const degrees = (value) => String(Number(value.toFixed(DIGITS)))
const metres = (value) => String(value < 10 ? Number(value.toFixed(1)) : Math.round(value))
const length = (value) => (value < 1000 ? `${metres(value)} m` : `${(value / 1000).toFixed(value < 100_000 ? 1 : 0)} km`)
