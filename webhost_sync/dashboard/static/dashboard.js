/* What the pages do beyond links and forms: keyboard, dialogs, copying, theme, toasts, live parts.
   Everything hangs on data attributes, so that it also works for what htmx puts in later; without this
   file the pages still work, but for dialogs. Knows no page by name. */

const one = (selector, within = document) => within.querySelector(selector)
const all = (selector, within = document) => [...within.querySelectorAll(selector)]

// Theme: the system's wish, or one that is kept in a cookie, so that the server sends the page in it.
function toggleTheme() {
  const root = document.documentElement
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
  root.dataset.theme = dark ? 'light' : 'dark'
  document.cookie = `whs_theme=${root.dataset.theme}; path=/dashboard; max-age=31536000; samesite=lax`
}

// Toasts
function fade(toast) {
  setTimeout(() => toast.classList.add('is-leaving'), 4000)
  setTimeout(() => toast.remove(), 4400)
}
function toast(text) {
  const line = document.createElement('p')
  line.className = 'toast'
  line.textContent = text
  one('#toasts').append(line)
  fade(line)
}
all('.toast').forEach(fade)

// Copying: what stands in the box beside the button.
async function copy(button) {
  const code = one('code', button.closest('.copyable'))
  try {
    await navigator.clipboard.writeText(code.textContent)
    toast('Copied')
  } catch {
    getSelection().selectAllChildren(code)
    toast('Selected: copy it with Ctrl C')
  }
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('button')
  if (button?.dataset.opens) one(`#${CSS.escape(button.dataset.opens)}`)?.showModal()
  else if (button && 'closes' in button.dataset) button.closest('dialog').close()
  else if (button && 'copy' in button.dataset) void copy(button)
  else if (button && 'themeToggle' in button.dataset) toggleTheme()
  else if (button && 'help' in button.dataset) one('#shortcuts')?.showModal()
  else if (event.target instanceof HTMLDialogElement) event.target.close() // the backdrop
  for (const menu of all('details.menu[open]')) if (!menu.contains(event.target)) menu.open = false
})

// On a phone the sections are a bar that is wider than the screen.
one('.side [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })

// Keyboard: single keys outside of inputs; `g` waits a moment for the next one.
let leading = 0
let cursor = ''
// Rows that are replaced, by a search that answers late or by what is live, keep the cursor on its row.
function keepCursor() {
  if (!cursor || one('[data-row].is-selected')) return
  const row = one(`[data-row="${CSS.escape(cursor)}"]`)
  if (!row) return
  row.classList.add('is-selected')
  if (document.activeElement === document.body) one('a, button', row)?.focus({ preventScroll: true })
}
document.addEventListener('htmx:afterSwap', keepCursor)
function selectRow(step) {
  const rows = all('[data-row]')
  if (!rows.length) return
  const now = rows.findIndex((row) => row.classList.contains('is-selected'))
  const next = rows[Math.min(Math.max(now + step, 0), rows.length - 1)]
  for (const row of rows) row.classList.toggle('is-selected', row === next)
  cursor = next.dataset.row
  next.scrollIntoView({ block: 'nearest' })
  one('a, button', next)?.focus({ preventScroll: true })
}
function goTo(key) {
  if (key === 's') one('.switch a:not([aria-current])')?.click()
  else one(`[data-key="${CSS.escape(key)}"]`)?.click()
}
const KEYS = {
  '?': () => one('#shortcuts')?.showModal(),
  '/': () => one('[data-search]')?.focus(),
  t: toggleTheme,
  n: () => one('[data-new]')?.click(),
  j: () => selectRow(1),
  k: () => selectRow(-1),
  g: () => { leading = Date.now() },
}
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') for (const menu of all('details.menu[open]')) menu.open = false
  const typing = event.target.closest?.('input, select, textarea, [contenteditable]')
  if (event.ctrlKey || event.metaKey || event.altKey || typing || one('dialog[open]')) {
    if (event.key === 'Escape' && event.target.matches?.('[data-search]')) {
      event.target.blur()
      event.preventDefault() // browsers would empty it: what was found is what one goes on with
    }
    return
  }
  const follows = Date.now() - leading < 1000
  leading = 0
  if (follows && event.key !== 'g') {
    goTo(event.key)
    event.preventDefault()
  } else if (KEYS[event.key]) {
    KEYS[event.key]()
    event.preventDefault()
  }
})

// A filter asks for its own page anew: what the address has of the search before would be sent along.
document.addEventListener('htmx:configRequest', ({ detail }) => {
  if (detail.elt.getAttribute('hx-get') === '') detail.path = location.pathname
})

// Live parts: the server renders them again and again; nothing is replaced under the pointer's menu or focus.
const WORDS = { connecting: 'connecting', live: 'live', stale: 'not up to date', over: 'ended' }
function say(state) {
  for (const line of all('[data-live-state]')) {
    line.dataset.liveState = state
    one('[data-live-text]', line).textContent = WORDS[state]
  }
}
function watch(part) {
  part.dataset.watched = ''
  const source = new EventSource(part.dataset.live)
  const end = () => { source.close(); say('over') }
  source.addEventListener('fresh', (event) => {
    if (!part.isConnected) return source.close()
    say('live')
    if (part.contains(document.activeElement)) return
    part.innerHTML = event.data
    keepCursor()
  })
  source.addEventListener('stale', () => say('stale'))
  source.addEventListener('over', () => { end(); location.reload() })
  source.addEventListener('restart', () => say('stale'))
  source.onerror = () => say(source.readyState === EventSource.CLOSED ? 'over' : 'stale')
  addEventListener('pagehide', () => source.close())
}
const watchAll = () => all('[data-live]:not([data-watched])').forEach(watch)
watchAll()
document.addEventListener('htmx:afterSettle', watchAll)
addEventListener('pageshow', (event) => { if (event.persisted) location.reload() })
