/**
 * Serves the app without a network after its first load. The build fills in the list of its files and a version
 * that changes with any of them. Data is none of its business: that lies in IndexedDB, and goes by WebSocket.
 */
const FILES = self.__FILES__
const CACHE = `fleet-${self.__VERSION__}`
/** Where the server is may change from one start of the demo to the next; without a network the last one holds. */
const FRESH_IF_POSSIBLE = '/config.json'
/** A bad network is worse than none: it says nothing for minutes. */
const PATIENCE_MS = 1500

self.addEventListener('install', (event) => {
  // Past the browser's own cache, which may still have the files of the version before.
  const requests = [...FILES, FRESH_IF_POSSIBLE].map((file) => new Request(file, { cache: 'reload' }))
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)))
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter((name) => name !== CACHE)
      await Promise.all(old.map((name) => caches.delete(name)))
      await self.clients.claim()
    })(),
  )
})

/** A new version waits until the app says that now is a good moment: never under the hands of someone typing. */
self.addEventListener('message', (event) => {
  if (event.data === 'take over') self.skipWaiting()
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin) return
  if (url.pathname === FRESH_IF_POSSIBLE) event.respondWith(networkFirst(request))
  else event.respondWith(cacheFirst(request.mode === 'navigate' ? '/' : request))
})

async function cacheFirst(request) {
  return (await caches.match(request, { cacheName: CACHE })) ?? fetch(request)
}

async function networkFirst(request) {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) })
    if (answer.ok) await (await caches.open(CACHE)).put(request, answer.clone())
    return answer
  } catch {
    return (await caches.match(request, { cacheName: CACHE })) ?? Response.error()
  }
}
