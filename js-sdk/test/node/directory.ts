/** Directories of devices for tests; taken away when the test has ended. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'webhost-device-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}
