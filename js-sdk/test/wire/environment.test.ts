import { expect, test } from 'vitest'
import { deviceEnvironment } from '../../src/wire/environment.js'

class Page extends EventTarget {
  visibilityState = 'visible'
}

test('a page tells when the network or the user comes back, until nobody listens', () => {
  const [window, document] = [new EventTarget(), new Page()]
  const signals: string[] = []
  const end = deviceEnvironment(window, document, { onLine: true }).subscribe((signal) =>
    signals.push(signal),
  )
  const pageshow = (persisted: boolean) =>
    window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted }))
  window.dispatchEvent(new Event('offline'))
  window.dispatchEvent(new Event('online'))
  document.visibilityState = 'hidden'
  document.dispatchEvent(new Event('visibilitychange'))
  expect(signals).toEqual(['offline', 'online'])
  document.visibilityState = 'visible'
  document.dispatchEvent(new Event('visibilitychange'))
  pageshow(false)
  expect(signals).toEqual(['offline', 'online', 'visible'])
  pageshow(true)
  end()
  pageshow(true)
  expect(signals).toEqual(['offline', 'online', 'visible', 'visible'])
})

test('a device that is offline already says so at once, and Node says nothing', () => {
  const signals: string[] = []
  deviceEnvironment(new EventTarget(), new Page(), { onLine: false }).subscribe((signal) =>
    signals.push(signal),
  )
  deviceEnvironment({}, undefined, {}).subscribe((signal) => signals.push(signal))()
  expect(signals).toEqual(['offline'])
})
