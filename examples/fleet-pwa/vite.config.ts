import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { defineConfig, type Plugin } from 'vite'

const PUBLIC = new URL('public/', import.meta.url)

/** Write the service worker beside the built files, with their names in it. */
function serviceWorker(): Plugin {
  return {
    name: 'service-worker',
    apply: 'build',
    enforce: 'post', // when index.html is there too
    generateBundle(_, bundle) {
      const version = createHash('sha256')
      for (const output of Object.values(bundle))
        version.update(output.type === 'chunk' ? output.code : output.source)
      const brought = readdirSync(PUBLIC, { recursive: true, withFileTypes: true }).filter((file) =>
        file.isFile(),
      )
      const publicFiles = brought.map((file) => `${file.parentPath}/${file.name}`)
      for (const file of publicFiles) version.update(readFileSync(file))
      const files = [
        '/',
        ...Object.keys(bundle).filter((name) => name !== 'index.html'),
        ...publicFiles.map((file) => file.slice(PUBLIC.pathname.length)),
      ].map((name) => (name.startsWith('/') ? name : `/${name}`))
      const source = readFileSync(new URL('service-worker.js', import.meta.url), 'utf8')
        .replace('self.__FILES__', JSON.stringify(files))
        .replace('self.__VERSION__', JSON.stringify(version.digest('hex').slice(0, 12)))
      this.emitFile({ type: 'asset', fileName: 'service-worker.js', source })
    },
  }
}

export default defineConfig({
  plugins: [serviceWorker()],
  // The SDK is linked, and would bring its own copies of what must be there once.
  resolve: { dedupe: ['dexie', 'react', 'react-dom', 'yjs'] },
  build: { target: 'es2022', chunkSizeWarningLimit: 1500 },
})
