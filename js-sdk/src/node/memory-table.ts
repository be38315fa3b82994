/**
 * Records in memory, in the order of their numbers and by a group (a document, a table). Whoever changes them gets
 * the way back. Knows no transaction and no disk.
 */
export class MemoryTable<Record> {
  readonly #records = new Map<number, Record>()
  /** The numbers of each group, rising. */
  readonly #groups = new Map<string, number[]>()
  readonly #marked = new Map<number, Record>()
  #next = 1

  constructor(
    private readonly groupOf: (record: Record) => string,
    private readonly isMarked: (record: Record) => boolean = () => false,
  ) {}

  get size(): number {
    return this.#records.size
  }

  /** A number that no record here has had since the process began. */
  next(): number {
    return this.#next++
  }

  get(seq: number): Record | undefined {
    return this.#records.get(seq)
  }

  groups(): string[] {
    return [...this.#groups.keys()]
  }

  numbersOf(group: string): readonly number[] {
    return this.#groups.get(group) ?? []
  }

  /** The smallest number; undefined where there is none. */
  first(): number | undefined {
    return [...this.#groups.values()].reduce<number | undefined>(
      (least, [first]) => (least === undefined || (first as number) < least ? first : least),
      undefined,
    )
  }

  /** All numbers, rising. */
  numbers(): number[] {
    return [...this.#groups.values()].flat().sort((one, other) => one - other)
  }

  /** The records that are marked, in no order. */
  get marked(): ReadonlyMap<number, Record> {
    return this.#marked
  }

  /** Put a record, or take it out (undefined); a record never changes its group. */
  set(seq: number, record: Record | undefined): void {
    const known = this.#records.get(seq)
    if (record === undefined) {
      if (known !== undefined) this.#leave(this.groupOf(known), seq)
      this.#records.delete(seq)
      this.#marked.delete(seq)
      return
    }
    if (known === undefined) this.#enter(this.groupOf(record), seq)
    this.#records.set(seq, record)
    if (this.isMarked(record)) this.#marked.set(seq, record)
    else this.#marked.delete(seq)
    this.#next = Math.max(this.#next, seq + 1)
  }

  #enter(group: string, seq: number): void {
    const numbers = this.#groups.get(group)
    if (!numbers) this.#groups.set(group, [seq])
    else if (seq > (numbers.at(-1) as number)) numbers.push(seq)
    else numbers.splice(placeOf(numbers, seq), 0, seq)
  }

  #leave(group: string, seq: number): void {
    const numbers = this.#groups.get(group) ?? []
    numbers.splice(placeOf(numbers, seq), 1)
    if (numbers.length === 0) this.#groups.delete(group)
  }
}

/** The index of the first number that is not smaller. */
function placeOf(numbers: readonly number[], seq: number): number {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((numbers[middle] as number) < seq) low = middle + 1
    else high = middle
  }
  return low
}
