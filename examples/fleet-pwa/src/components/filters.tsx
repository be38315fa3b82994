export type Filter = 'all' | 'moving' | 'stopped' | 'quiet' | 'archived'

const LABELS: Record<Filter, string> = {
  all: 'All',
  moving: 'Moving',
  stopped: 'Stopped',
  quiet: 'No signal',
  archived: 'Archived',
}

interface Props {
  chosen: Filter
  counts: Record<Filter, number>
  onChoose: (filter: Filter) => void
}

/** One of a few views of the list, each with how many are in it. */
export function Filters({ chosen, counts, onChoose }: Props) {
  return (
    <fieldset className="filters">
      <legend className="hidden">Show</legend>
      {(Object.keys(LABELS) as Filter[])
        .filter((filter) => filter !== 'archived' || filter === chosen || counts.archived > 0)
        .map((filter) => (
          <label key={filter} className="chip">
            <input type="radio" name="filter" checked={filter === chosen} onChange={() => onChoose(filter)} />
            {LABELS[filter]}
            {counts[filter] > 0 && <span className="chip-count">{counts[filter]}</span>}
          </label>
        ))}
    </fieldset>
  )
}
