/**
 * Keeps a directory to one process. In: a directory; out: a lock that ends with the process, however that ends.
 *
 * The lock is a file that names its process: number, the boot of the machine and when the process began, because a
 * number alone is given to another process after a power cut. Who finds one of a process that is gone may replace
 * it, but only while holding a lock on that very file: two that start at once must not take each other's away.
 * Processes of other machines and of other containers can't be seen: a directory belongs to one of them.
 */
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DeviceBusy } from '../errors.js'

const NAME = 'device.lock'

interface Owner {
  readonly pid: number
  /** What tells processes of one number apart; null where the system doesn't say. */
  readonly began: string | null
  /** Names this lock among all. */
  readonly nonce: string
}

export interface DirectoryLock {
  release(): Promise<void>
}

/** Take the directory. Throws DeviceBusy where another process, or another device of this one, has it. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const nonce = crypto.randomUUID()
  const owner: Owner = { pid: process.pid, began: await beginOf(process.pid), nonce }
  const path = join(directory, NAME)
  await take(path, owner, directory)
  return { release: () => rm(path, { force: true }) }
}

async function take(path: string, owner: Owner, directory: string): Promise<void> {
  while (!(await create(path, owner))) {
    const other = await read(path)
    if (other === null) continue // it has just been released
    if (await isAlive(other)) throw new DeviceBusy(directory, other.pid)
    const breaking = `${path}.${other.nonce}`
    await take(breaking, owner, directory)
    // Meanwhile somebody else may have replaced it: then it is no longer the one that may be removed.
    if ((await read(path))?.nonce === other.nonce) await rm(path)
    await rm(breaking)
  }
}

/** Linked and not written in place, so that nobody ever reads half of it. */
async function create(path: string, owner: Owner): Promise<boolean> {
  const draft = `${path}.${owner.nonce}.draft`
  await writeFile(draft, JSON.stringify(owner), { flush: true })
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

async function read(path: string): Promise<Owner | null> {
  const text = await readFile(path, 'utf8').catch(() => null)
  if (text === null) return null
  try {
    const { pid, began, nonce } = JSON.parse(text) as Owner
    if (Number.isInteger(pid) && typeof nonce === 'string') return { pid, began, nonce }
  } catch {} // A power cut can leave a file without its content.
  return { pid: 0, began: null, nonce: 'unreadable' }
}

async function isAlive({ pid, began }: Owner): Promise<boolean> {
  if (pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const now = await beginOf(pid)
  return now === null || began === null || now === began
}

/** The boot, and the time since then at which the process began (`proc(5)`, field 22 of `stat`). Linux only. */
async function beginOf(pid: number): Promise<string | null> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name of the program stands before it in brackets, and may hold spaces and brackets.
    return `${boot.trim()} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return null
  }
}
