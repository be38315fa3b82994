import { useEffect, useState } from 'react'

/** The time, again every few seconds, for everything that says “ago”. */
export function useNow(everyMs = 5000): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}
