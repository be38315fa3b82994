/**
 * A device on a disk that gets full: adds rows until one is refused, then empties one. Says what was confirmed:
 * `add <n>`, `refused <code>`, `update <n>`, and `status <degraded>`. Started by `processes.test.ts`.
 */
const [entry, dataDir] = process.argv.slice(2)
const { WebHostDevice } = await import(entry)
const device = new WebHostDevice({
  apiUrl: 'http://127.0.0.1:9',
  apiKey: `whs_test_${'0'.repeat(64)}`,
  dataDir,
})
const { rows } = await device.connect({ rows: 'n' })
try {
  for (let n = 1; ; n++) {
    await rows.add({ n, text: 'x'.repeat(10_000) })
    console.log(`add ${n}`)
  }
} catch (error) {
  console.log(`refused ${error.code}`)
}
console.log(`status ${device.status.storage.degraded}`)
// Small enough, once the file has been written anew without the half of what was refused.
await rows.update(1, { text: '' })
console.log('update 1')
console.log(`status ${device.status.storage.degraded}`)
process.exit(0)
