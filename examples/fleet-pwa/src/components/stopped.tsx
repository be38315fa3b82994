import { Icon } from './icon'

/** What is left when the app could not start: what happened, and a way on. */
export function Stopped({ error }: { error: unknown }) {
  return (
    <main className="stopped" role="alert">
      <Icon name="alert" />
      <h1>The app could not start</h1>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      <button type="button" className="primary" onClick={() => location.reload()}>
        Try again
      </button>
    </main>
  )
}
