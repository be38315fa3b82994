/** Keeps the app itself on the device, and tells when a newer one has arrived. */

/** Register the service worker; `onUpdate` is called with what switches to a version that waits. */
export async function keepOnDevice(onUpdate: (takeOver: () => void) => void): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  const registration = await navigator.serviceWorker.register('/service-worker.js')
  const offer = (worker: ServiceWorker) =>
    onUpdate(() => {
      navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true })
      worker.postMessage('take over')
    })
  if (registration.waiting) offer(registration.waiting)
  registration.addEventListener('updatefound', () => {
    const worker = registration.installing
    worker?.addEventListener('statechange', () => {
      // The first one ever has nobody to take over from.
      if (worker.state === 'installed' && navigator.serviceWorker.controller) offer(worker)
    })
  })
}
