import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DeviceBusy } from '../../src/errors.js'
import { lockDirectory } from '../../src/node/directory-lock.js'
import { newDirectory } from './directory.js'

/** A process that has come and gone: its number belongs to nobody. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  return child.pid as number
}

function lockOf(directory: string, owner: object | string): Promise<void> {
  return writeFile(join(directory, 'device.lock'), typeof owner === 'string' ? owner : JSON.stringify(owner))
}

describe('the lock of a directory', () => {
  it('keeps a second device out, and says who has it', async () => {
    const directory = await newDirectory()
    const lock = await lockDirectory(directory)
    const refused = lockDirectory(directory)
    await expect(refused).rejects.toThrow(DeviceBusy)
    await expect(refused).rejects.toThrow(`used by process ${process.pid}`)
    await lock.release()
    await (await lockDirectory(directory)).release()
    expect(await readdir(directory)).toEqual([])
  })

  it('ends with its process, also where the number has been given to another one', async () => {
    const directory = await newDirectory()
    const leftovers = [
      { pid: await deadProcess(), began: null, nonce: 'a' },
      { pid: process.pid, began: 'another boot 123', nonce: 'b' },
      '',
    ]
    for (const owner of leftovers) {
      await lockOf(directory, owner)
      await (await lockDirectory(directory)).release()
    }
    expect(await readdir(directory)).toEqual([])
  })

  it('is taken by exactly one of many that find an old one at once', async () => {
    const directory = await newDirectory()
    await lockOf(directory, { pid: await deadProcess(), began: null, nonce: 'old' })
    const tries = await Promise.allSettled(Array.from({ length: 12 }, () => lockDirectory(directory)))
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of tries) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(DeviceBusy)
    }
  })
})
