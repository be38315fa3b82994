/** Line icons on a grid of 24, drawn for this app. Beside a text they say nothing to screen readers. */
const PATHS = {
  alert:
    'M12 8.5v4.5M12 16.5h.01M10.6 4.2 2.9 17.6A1.6 1.6 0 0 0 4.3 20h15.4a1.6 1.6 0 0 0 1.4-2.4L13.4 4.2a1.6 1.6 0 0 0-2.8 0Z',
  archive: 'M4 8.5V18a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2V8.5M3 4.5h18v4H3zM10 12.5h4',
  bike: 'M6 18.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM18 18.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM6 15l4-6.5h5L18 15M10 8.5 13 15H6M14 5.5h2l1 3',
  bus: 'M6 4h12a2 2 0 0 1 2 2v10.5H4V6a2 2 0 0 1 2-2ZM4 11h16M7 16.5V19M17 16.5V19M7.5 13.8h.01M16.5 13.8h.01',
  car: 'M5 11l1.6-4.3A2 2 0 0 1 8.5 5.5h7a2 2 0 0 1 1.9 1.2L19 11M3.5 17v-4a2 2 0 0 1 2-2h13a2 2 0 0 1 2 2v4zM6 17v2M18 17v2M7 14h.01M17 14h.01',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  close: 'm6 6 12 12M18 6 6 18',
  cloud: 'M7 18.5a4.5 4.5 0 0 1-.6-8.95 6 6 0 0 1 11.5 1.5A3.8 3.8 0 0 1 17.2 18.5Z',
  device:
    'M8 3.5h8a1.5 1.5 0 0 1 1.5 1.5v14a1.5 1.5 0 0 1-1.5 1.5H8A1.5 1.5 0 0 1 6.5 19V5A1.5 1.5 0 0 1 8 3.5ZM11 17.5h2',
  fit: 'M4 9V5a1 1 0 0 1 1-1h4M15 4h4a1 1 0 0 1 1 1v4M20 15v4a1 1 0 0 1-1 1h-4M9 20H5a1 1 0 0 1-1-1v-4',
  list: 'M8.5 6H20M8.5 12H20M8.5 18H20M4.5 6h.01M4.5 12h.01M4.5 18h.01',
  map: 'm9 4.5-5.5 2v13l5.5-2 6 2 5.5-2v-13l-5.5 2ZM9 4.5v13M15 6.5v13',
  minus: 'M5 12h14',
  offline: 'M3 3l18 18M8.5 9.1A4.5 4.5 0 0 0 7 18.5h10M19.6 17.3A3.8 3.8 0 0 0 17.9 11a6 6 0 0 0-7.6-4.3',
  pause: 'M9 6v12M15 6v12',
  pencil: 'm4 20 .9-4.1L15.8 5a1.8 1.8 0 0 1 2.6 0l.6.6a1.8 1.8 0 0 1 0 2.6L8.1 19.1Z',
  play: 'M8 5.5v13l10.5-6.5z',
  plus: 'M12 5v14M5 12h14',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM20 20l-4.8-4.8',
  send: 'M4 12 20 4.5 14.5 20 11.5 12.8ZM11.5 12.8 20 4.5',
  truck:
    'M3 6.5h11v10H3zM14 10h3.8l3.2 3.5v3h-7M7 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM17 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z',
  undo: 'M4 9.5h10a5 5 0 0 1 0 10H9M4 9.5 8 5.5M4 9.5l4 4',
  van: 'M3 16.5V8a2 2 0 0 1 2-2h8.5l5.3 4.7a3 3 0 0 1 1.2 2.5v3.3zM13 6v5h6M7 18.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM17 18.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
