/** Screens without a browser: what a component shows is text. Each ends with its test. */
import { Window } from 'happy-dom'
import type { ReactElement } from 'react'
import { flushSync } from 'react-dom'
import { createRoot } from 'react-dom/client'
import { onTestFinished } from 'vitest'

// For the whole file: React looks at them once more when a screen has ended.
const window = new Window()
Object.assign(globalThis, { window, document: window.document })

export interface Screen {
  /** Errors that nothing in the tree has caught. */
  readonly errors: unknown[]
  /** What is shown now. */
  text(): string
  show(element: ReactElement | null): void
}

export function newScreen(): Screen {
  const place = window.document.createElement('div') as unknown as HTMLElement
  const errors: unknown[] = []
  const root = createRoot(place, { onUncaughtError: (error) => errors.push(error) })
  onTestFinished(() => flushSync(() => root.unmount()))
  return {
    errors,
    text: () => place.textContent ?? '',
    show: (element) => flushSync(() => root.render(element)),
  }
}
