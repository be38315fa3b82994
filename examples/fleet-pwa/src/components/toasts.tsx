import { useEffect } from 'react'

export interface Toast {
  readonly text: string
  readonly action?: { readonly label: string; readonly run: () => void }
  /** It goes only when it is answered. */
  readonly stays?: boolean
}

const SHOWN_MS = 6000

/** One short message at a time. The region is always there, or screen readers would miss the first. */
export function Toasts({ toast, onDone }: { toast: Toast | null; onDone: () => void }) {
  useEffect(() => {
    if (!toast || toast.stays) return
    const timer = setTimeout(onDone, SHOWN_MS)
    return () => clearTimeout(timer)
  }, [toast, onDone])
  return (
    <div className="toasts" role="status">
      {toast && (
        <div className="toast">
          <span>{toast.text}</span>
          {toast.action && (
            <button
              type="button"
              onClick={() => {
                toast.action?.run()
                onDone()
              }}
            >
              {toast.action.label}
            </button>
          )}
        </div>
      )}
    </div>
  )
}
