/**
 * The one file in which a device keeps everything: payloads are appended, or all of it is written anew. In: payloads;
 * out: they are on the disk when the promise resolves. Knows nothing of what they say. Calls are made one at a time.
 *
 * After an append that failed nobody knows what of it the disk has, and a disk that has failed to flush may say
 * "done" the next time without having done it. So the log is then written anew before anything is appended.
 */
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeFrame, encodeHeader, HEADER_BYTES, readLog } from './log-format.js'

const NAME = 'device.log'
/** The log that is being written anew; left behind by a power cut it is worth nothing. */
const NEXT = 'device.log.next'
/** Frames of a log that is written anew: large ones are fewer, small ones need less memory. */
const WRITE_BYTES = 1024 * 1024

export class LogFile {
  #size = 0
  #suspect = false

  private constructor(
    private readonly directory: string,
    private handle: FileHandle,
    private salt: number,
  ) {}

  /** Open the log of a directory; made where there is none. Throws DamagedLog, or what the file system says. */
  static async open(directory: string): Promise<{ log: LogFile; payloads: readonly Uint8Array[] }> {
    await rm(join(directory, NEXT), { force: true })
    const path = join(directory, NAME)
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    if (bytes === null) return { log: await LogFile.#create(directory), payloads: [] }
    const { salt, payloads, end } = readLog(bytes)
    const handle = await open(path, 'r+')
    const log = new LogFile(directory, handle, salt)
    log.#size = end
    if (end < bytes.length) {
      await handle.truncate(end)
      await handle.sync()
    }
    return { log, payloads }
  }

  static async #create(directory: string): Promise<LogFile> {
    const { handle, salt } = await writeNext(directory, [])
    const log = new LogFile(directory, handle, salt)
    await log.#publish(HEADER_BYTES)
    return log
  }

  /** Bytes that are on the disk. */
  get size(): number {
    return this.#size
  }

  /** Whether it must be written anew before anything can be appended. */
  get isSuspect(): boolean {
    return this.#suspect
  }

  /** Add a payload. */
  async append(payload: Uint8Array): Promise<void> {
    if (this.#suspect) throw new Error('the log must be written anew first')
    const frame = encodeFrame(this.salt, payload)
    this.#suspect = true
    await writeAll(this.handle, frame, this.#size)
    await this.handle.datasync()
    this.#size += frame.length
    this.#suspect = false
  }

  /** Replace everything by these payloads. Where this fails the file is what it was, if it was whole. */
  async rewrite(payloads: Iterable<Uint8Array>): Promise<void> {
    const { handle, salt, size } = await writeNext(this.directory, payloads)
    const old = this.handle
    this.handle = handle
    this.salt = salt
    await old.close().catch(() => undefined)
    await this.#publish(size)
  }

  async close(): Promise<void> {
    await this.handle.close()
  }

  /** Let the new file take the name. Until the directory is on the disk too, a power cut brings back the old one. */
  async #publish(size: number): Promise<void> {
    this.#suspect = true
    await rename(join(this.directory, NEXT), join(this.directory, NAME))
    await syncDirectory(this.directory)
    this.#size = size
    this.#suspect = false
  }
}

async function writeNext(directory: string, payloads: Iterable<Uint8Array>) {
  const handle = await open(join(directory, NEXT), 'w+')
  try {
    const salt = crypto.getRandomValues(new Uint32Array(1))[0] as number
    let size = 0
    let waiting: Uint8Array[] = [encodeHeader(salt)]
    const flush = async () => {
      const bytes = Buffer.concat(waiting)
      waiting = []
      await writeAll(handle, bytes, size)
      size += bytes.length
    }
    for (const payload of payloads) {
      waiting.push(encodeFrame(salt, payload))
      if (waiting.reduce((sum, { length }) => sum + length, 0) >= WRITE_BYTES) await flush()
    }
    await flush()
    await handle.sync()
    return { handle, salt, size }
  } catch (error) {
    await handle.close().catch(() => undefined)
    throw error
  }
}

/** The system may take less than it was given. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return // which offers no way, and needs none for a rename
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
