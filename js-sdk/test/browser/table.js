/** A table for people to look at: its rows, and what the SDK says about saving them. Kept live by `liveQuery`. */
import { tools } from './tools.js'

const find = (selector) => document.querySelector(selector)

function fill(selector, text, look) {
  const badge = find(selector)
  badge.textContent = text
  badge.className = `badge ${look}`
}

function cells(tag, values) {
  const row = document.createElement('tr')
  for (const value of values) {
    const cell = document.createElement(tag)
    cell.textContent = value ?? ''
    row.append(cell)
  }
  return row
}

function showStatus({ phase, pending, rejected }) {
  fill('#phase', phase, phase)
  fill(
    '#pending',
    pending === 0 ? 'all saved' : `${pending} not saved yet`,
    pending === 0 ? 'live' : 'waiting',
  )
  fill('#rejected', rejected === 0 ? '' : `${rejected} refused`, 'shelved')
}

function showShelf(edits) {
  const lines = edits.map(({ kind, fields, reason }) => {
    const line = document.createElement('li')
    line.textContent = `${kind} ${JSON.stringify(fields)}: ${reason.code}`
    return line
  })
  find('#shelf').replaceChildren(...lines)
}

/** Show these columns of a table of a connected client, under a title, from now on. */
function showTable(client, { table, columns, title }) {
  find('h1').textContent = title
  find('thead').replaceChildren(cells('th', columns))
  const rows = tools.liveQuery(() => client.db.table(table).toArray())
  rows.subscribe((found) => {
    find('tbody').replaceChildren(
      ...found.map((row) =>
        cells(
          'td',
          columns.map((name) => row[name]),
        ),
      ),
    )
  })
  showStatus(client.status)
  client.on('status', showStatus)
  client.on('status', async () => showShelf(await client.syncManager.rejectedEdits()))
}

Object.assign(globalThis, tools, { showTable })
