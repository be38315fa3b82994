import 'maplibre-gl/dist/maplibre-gl.css'
import './styles/tokens.css'
import './styles/base.css'
import './styles/empty.css'
import './styles/layout.css'
import './styles/list.css'
import './styles/map.css'
import './styles/motion.css'
import './styles/sheet.css'
import './styles/shelf.css'
import './styles/sync.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { type SyncStatus, WebHostClient } from 'webhost-sync'
import { WebHostProvider } from 'webhost-sync/react'
import { App } from './app'
import { Stopped } from './components/stopped'
import { SCHEMA } from './fleet'

const root = createRoot(document.getElementById('root') as HTMLElement)

try {
  const client = await connected()
  root.render(
    <StrictMode>
      <WebHostProvider client={client}>
        <App />
      </WebHostProvider>
    </StrictMode>,
  )
} catch (error) {
  root.render(<Stopped error={error} />)
}

/** The client with its tables open. Doesn't wait for the network: what is on the device is shown at once. */
async function connected(): Promise<WebHostClient> {
  const answer = await fetch('/config.json')
  if (!answer.ok) throw new Error('There is no /config.json here. Start the app with `npm start`.')
  const { apiUrl, apiKey } = (await answer.json()) as { apiUrl: string; apiKey: string }
  const client = new WebHostClient({ apiUrl, apiKey, connectTimeoutMs: 0 })
  client.on('status', tellDevelopers())
  await client.connect(SCHEMA)
  return client
}

/** People read words of the app's own; what the SDK says to whoever looks after it goes where they look, once. */
function tellDevelopers(): (status: SyncStatus) => void {
  let told = ''
  return ({ blocked }) => {
    const hint = blocked?.hint ?? ''
    if (hint && hint !== told) console.warn(`webhost-sync: ${blocked?.code}: ${hint}`)
    told = hint
  }
}
