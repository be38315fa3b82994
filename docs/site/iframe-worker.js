// Browsers start no worker from a file. There the search runs in a frame beside the page, and talks as a worker does.
if (location.protocol === 'file:') {
  window.Worker = class extends EventTarget {
    #waiting = []
    #scope

    constructor(address) {
      super()
      const base = new URL(address, location.href)
      const frame = document.createElement('iframe')
      frame.hidden = true
      document.body.append(frame)
      const scope = frame.contentWindow
      scope.postMessage = (data) => {
        const event = new MessageEvent('message', { data })
        this.dispatchEvent(event)
        this.onmessage?.(event)
      }
      const load = (source) =>
        new Promise((resolve, reject) => {
          const script = scope.document.createElement('script')
          script.onload = resolve
          script.onerror = reject
          script.src = new URL(source, base)
          scope.document.head.append(script)
        })
      scope.importScripts = (...sources) => sources.reduce((before, source) => before.then(() => load(source)), Promise.resolve())
      load(base).then(() => {
        this.#scope = scope
        for (const data of this.#waiting.splice(0)) this.postMessage(data)
      })
    }

    postMessage(data) {
      if (this.#scope) this.#scope.dispatchEvent(new MessageEvent('message', { data }))
      else this.#waiting.push(data)
    }

    terminate() {}
  }
}
