/**
 * Devices in processes of their own, which are killed or meet a full disk.
 *
 * A device whose process is killed loses and doubles nothing. SIGKILL stops the process, not the disk: that an append
 * also waits for the disk is what `fdatasync` promises, and what no kill can test.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { beforeAll, expect, it } from 'vitest'
import { decodeChunk } from '../../src/layout/chunk.js'
import { DeviceTable } from '../../src/node/device-table.js'
import { NodeStore } from '../../src/node/node-store.js'
import type { TableSpec } from '../../src/schema.js'
import { newDirectory } from './directory.js'

const KILLS = 8
const WRITER = fileURLToPath(new URL('writer.mjs', import.meta.url))
const FILLER = fileURLToPath(new URL('filler.mjs', import.meta.url))
const BUILT = fileURLToPath(new URL('../../test-results/device', import.meta.url))

beforeAll(async () => {
  await build({
    configFile: false,
    logLevel: 'error',
    build: {
      outDir: BUILT,
      emptyOutDir: true,
      lib: {
        entry: fileURLToPath(new URL('../../src/node/index.ts', import.meta.url)),
        formats: ['es'],
        fileName: 'device',
      },
      rolldownOptions: { external: [/^node:/, /^(dexie|yjs|ws)$/, /^lib0\//, /^y-protocols\//] },
    },
  })
}, 60_000)

/** Let a writer confirm some lines, kill it, and return all that it confirmed. */
async function writeUntilKilled(dataDir: string, first: number, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [WRITER, `${BUILT}/device.js`, dataDir, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (said.split('\n').length > lines + 1) child.kill('SIGKILL')
  })
  const [, signal] = await ended
  expect(signal).toBe('SIGKILL')
  // A last line without its end was never handed over whole: nothing is confirmed by it.
  return said.split('\n').slice(1, -1)
}

it('needs neither Dexie nor IndexedDB', async () => {
  const code = await readFile(`${BUILT}/device.js`, 'utf8')
  expect(code).toMatch(/from "yjs"/)
  expect(code).not.toMatch(/["']dexie["']|indexedDB|IDBKeyRange/)
})

it(`loses and doubles nothing of what it confirmed in ${KILLS} kills`, { timeout: 60_000 }, async () => {
  const directory = await newDirectory()
  const confirmed: string[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    const lines = 1 + Math.floor(Math.random() * 150)
    confirmed.push(...(await writeUntilKilled(directory, 1 + kill * 100_000, lines)))
  }
  expect(confirmed.length).toBeGreaterThanOrEqual(KILLS)

  const store = await NodeStore.open({ directory })
  const [spec] = await store.use({ rows: 'n' })
  if (!spec) throw new Error('no table')
  const rows = await new DeviceTable(spec, { transact: store.transact.bind(store), now: Date.now }).toArray()
  const stored = new Set(rows.map(({ n }) => n as number))
  const fixes = (await store.transact((tx) => tx.fixes.all())).flatMap(({ c }) => decodeChunk(c))
  await store.close()
  const numbers = (kind: string) =>
    confirmed.filter((line) => line.startsWith(kind)).map((line) => Number(line.split(' ')[1]))
  expect(numbers('row').filter((n) => !stored.has(n))).toEqual([])
  const times = new Set(fixes.map(({ fixTimeMs }) => fixTimeMs / 1000))
  expect(numbers('fix').filter((n) => !times.has(n))).toEqual([])
  expect(times.size).toBe(fixes.length)
  const sequences = fixes.map(({ sequence }) => sequence).sort((one, other) => one - other)
  expect(sequences).toEqual(sequences.map((_, index) => index + 1))
})

it('refuses what a full disk does not take, and goes on where it takes something again', async () => {
  const directory = await newDirectory()
  // The limit on the size of files stands for the disk: 160 blocks of 512 bytes.
  const command = `trap '' XFSZ; ulimit -f 160; exec "${process.execPath}" "$@"`
  const child = spawn('sh', ['-c', command, 'sh', FILLER, `${BUILT}/device.js`, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await once(child, 'close')
  const lines = said.trim().split('\n')
  const adds = lines.filter((line) => line.startsWith('add')).length
  expect(adds).toBeGreaterThan(2)
  expect(lines.slice(adds)).toEqual([
    'refused storage_unavailable',
    'status true',
    'update 1',
    'status false',
  ])

  const store = await NodeStore.open({ directory })
  const [spec] = await store.use({ rows: 'n' })
  const host = { transact: store.transact.bind(store), now: Date.now }
  const rows = await new DeviceTable(spec as TableSpec, host).toArray()
  await store.close()
  expect(rows.map(({ n, text }) => [n, (text as string).length])).toEqual(
    Array.from({ length: adds }, (_, index) => [index + 1, index === 0 ? 0 : 10_000]),
  )
})
