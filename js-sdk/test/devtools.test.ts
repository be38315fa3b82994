/** The panel for developers, on a real client in a page without a screen. */
import { Window } from 'happy-dom'
import { expect, onTestFinished, test, vi } from 'vitest'
import { mountDevtools } from '../src/devtools/index.js'
import { newPage } from './client/browser.js'
import { eventually } from './eventually.js'

const page = newPage()

function newBody(): HTMLElement {
  const { document } = new Window()
  vi.stubGlobal('document', document)
  onTestFinished(() => {
    vi.unstubAllGlobals()
  })
  return document.body as never
}

const textOf = (body: HTMLElement) =>
  body.firstElementChild?.shadowRoot?.querySelector('details')?.textContent

test('it shows tables, what is pending and what was refused, and goes when it is taken away', async () => {
  page.server.react = (frame) => {
    if (frame.kind === 'update') frame.from.refuse(frame.document, 'not_allowed')
    else page.server.serve(frame)
  }
  const client = page.client()
  await client.connect({ cars: 'id' })
  const body = newBody()
  const unmount = mountDevtools(client, body)
  await eventually(() => expect(textOf(body)).toContain('phaselive'))
  await client.db.cars.add({ id: 'bus-7' })
  await eventually(() => expect(textOf(body)).toContain('cars bus-7: not_allowed'))
  expect(textOf(body)).toContain('cars00')
  const discard = [...(body.firstElementChild?.shadowRoot?.querySelectorAll('li button') ?? [])].at(-1)
  ;(discard as HTMLButtonElement).click()
  await eventually(() => expect(textOf(body)).not.toContain('cars bus-7: not_allowed'))
  unmount()
  expect(body.childElementCount).toBe(0)
})

test('it outlives the store: what happened to that is in it', async () => {
  const client = page.client()
  await client.connect({ cars: 'id' })
  const body = newBody()
  const unmount = mountDevtools(client, body)
  await eventually(() => expect(textOf(body)).toContain('phaselive'))
  indexedDB.deleteDatabase(client.db.name)
  await eventually(() => expect(textOf(body)).toContain('blocked: device-lost'))
  await client.connect({ cars: 'id' })
  await eventually(() => expect(textOf(body)).toContain('phaselive'))
  unmount()
})
