/* What the pages of documents do beyond links and forms: walking through values with the arrow keys, telling
   who wrote the one that is pointed at, and moving through time. Values come with their writer in data
   attributes, whether the page brought them or htmx. */
'use strict' // or the functions of the block below would replace those of the same names in dashboard.js

{
  const one = (selector, within = document) => within.querySelector(selector)
  const all = (selector, within = document) => [...within.querySelectorAll(selector)]

  // Who wrote it
  const since = (seconds) => {
    const age = Date.now() / 1000 - seconds
    const [size, unit] = age < 60 ? [1, 's'] : age < 3600 ? [60, 'min'] : age < 86400 ? [3600, 'h'] : [86400, 'd']
    return age < 5 ? 'just now' : age > 30 * 86400 ? '' : `${Math.round(age / size)} ${unit} ago`
  }
  const moment = (seconds) => `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`
  function part(tag, text, attributes = {}) {
    const made = document.createElement(tag)
    made.textContent = text
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
    return made
  }
  function nameOf({ w, d }) {
    const name = w.replace(/^restore:/, '').replace(/^user:/, '')
    return `${name}${d ? ` on ${d}` : ''}${w.startsWith('restore:') ? ', restoring' : ''}`
  }
  function inspect(field) {
    const state = field.closest('#state')
    const line = state && one('[data-inspector]', state)
    if (!line) return
    const { p, s, t, w } = field.dataset
    const parts = [part('code', p)]
    if (w) parts.push(part('span', `${nameOf(field.dataset)}, ${since(+t) || moment(+t)}`, { title: moment(+t) }))
    else if (s !== undefined) parts.push(part('span', 'older than the log', { class: 'quiet' }))
    const { content, restore, seq } = state.dataset
    if (+s > 0) parts.push(part('a', `as of update ${s}`, { href: `${content}?at=${s}` }))
    if (restore) parts.push(part('a', 'Restore this…', { href: `${restore}?at=${seq}&path=${encodeURIComponent(p)}` }))
    line.replaceChildren(...parts)
  }
  const fieldAt = (event) => event.target.closest?.('[data-field]')
  document.addEventListener('mouseover', (event) => fieldAt(event) && inspect(fieldAt(event)))
  document.addEventListener('click', (event) => fieldAt(event) && inspect(fieldAt(event)))
  document.addEventListener('focusin', (event) => fieldAt(event) && inspect(fieldAt(event)))

  // One tab stop for all values; arrow keys walk, within a table also up and down.
  function rove() {
    const state = one('#state')
    if (!state || !one('[data-inspector]', state)) return
    const fields = all('[data-field]', state)
    for (const field of fields) field.tabIndex = -1
    for (const link of all('[data-field] a', state)) link.tabIndex = -1
    if (fields[0]) fields[0].tabIndex = 0
  }
  function above(field, step) {
    const row = field.parentElement
    const rows = field.closest('table') ? all('tbody tr', field.closest('table')) : []
    return rows[rows.indexOf(row) + step]?.children[[...row.children].indexOf(field)]
  }
  function walk(event) {
    const field = fieldAt(event)
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
    if (event.key === 'Enter' && field && event.target === field) return one('a', field)?.click()
    if (!field || !step) return
    const fields = all('[data-field]', field.closest('#state'))
    const vertical = event.key === 'ArrowDown' || event.key === 'ArrowUp'
    let next = vertical ? above(field, step) : undefined
    if (!next?.matches('[data-field]')) next = fields[fields.indexOf(field) + step]
    if (!next) return
    field.tabIndex = -1
    next.tabIndex = 0
    next.focus()
    event.preventDefault()
  }
  document.addEventListener('keydown', walk)

  // Through time
  const slider = () => one('[data-slider]')
  function goTo(seq) {
    const range = slider()
    const before = range.value
    range.value = seq
    if (range.value !== before) range.dispatchEvent(new Event('input', { bubbles: true }))
  }
  let playing = 0
  function play(button) {
    const stop = () => {
      clearInterval(playing)
      playing = 0
      button.setAttribute('aria-pressed', 'false')
    }
    if (playing) return stop()
    const range = slider()
    if (range.value === range.max) goTo(range.min)
    const stride = Math.max(1, Math.round((range.max - range.min) / 150))
    button.setAttribute('aria-pressed', 'true')
    playing = setInterval(() => {
      goTo(+range.value + stride)
      if (range.value === range.max) stop()
    }, 100)
  }
  document.addEventListener('click', (event) => {
    const button = event.target.closest('button, a')
    if (!button) return
    const range = slider()
    const { step, goes, keep } = button.dataset
    if (step) goTo(step === 'first' ? range.min : step === 'last' ? range.max : +range.value + +step)
    else if ('play' in button.dataset) play(button)
    else if (keep) one('#keep-version [name=at]').value = one('#state').dataset.seq
    else if (goes && range && !event.ctrlKey && !event.metaKey) {
      event.preventDefault()
      goTo(goes)
    }
  })
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest?.('input:not([type=range]), select, textarea, dialog')
    if (!slider() || typing || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === '[') goTo(+slider().value - 1)
    else if (event.key === ']') goTo(+slider().value + 1)
    else if (event.key === 'p') one('[data-play]').click()
  })
  // Once the state has come, the address and the slider say which it is.
  document.addEventListener('htmx:afterSwap', () => {
    const range = slider()
    const state = one('#state')
    if (range && state) {
      range.setAttribute('aria-valuetext', one('.state-head h2', state).textContent.trim())
      const query = new URLSearchParams(location.search)
      if (state.dataset.seq === range.max) query.delete('at')
      else query.set('at', state.dataset.seq)
      history.replaceState(history.state, '', range.dataset.slider + (query.size ? `?${query}` : ''))
    }
    rove()
  })
  rove()
}
