/**
 * A sync server that lives as long as this process: `webhost-sync dev` with its Postgres. Killed alone, it is
 * started again at the same address, so that it may be.
 */
import { spawn } from 'node:child_process'
import { existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const AGAIN_AFTER_MS = 1000

export class Server {
  /** What an app needs, once the server listens. */
  config
  /** Resolves with the reason when it can't go on. */
  ended
  #options
  #child
  #stopping = false

  constructor(options) {
    this.#options = options
    this.ended = new Promise((end) => {
      this.config = new Promise((listening) => this.#run(listening, end))
    })
  }

  get pid() {
    return this.#child.pid
  }

  async stop() {
    this.#stopping = true
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.stdin.end()
    await gone
  }

  #run(listening, end) {
    const log = join(this.#options.data, 'server.log')
    const child = launch(this.#options, openSync(log, 'a'))
    this.#child = child
    readDocument(child.stdout, ({ url, key, key_file }) =>
      listening({ apiUrl: url, apiKey: key ?? readFileSync(key_file, 'utf8').trim() }),
    )
    child.on('error', () => end('webhost-sync is not installed here; run `make install` first'))
    child.on('exit', (code, signal) => {
      if (this.#stopping) return
      if (signal === null) return end(`webhost-sync dev ended with ${code}; ${log} says why`)
      console.log(`  The server was ended by ${signal}; starting it again`)
      setTimeout(() => this.#run(listening, end), AGAIN_AFTER_MS)
    })
  }
}

function launch({ repository, data, port }, stderr) {
  const installed = join(repository, '.venv', 'bin', 'webhost-sync')
  const program = existsSync(installed) ? installed : 'webhost-sync'
  // It ends when its standard input does, so also when this process is killed.
  return spawn(program, ['dev', '--json', '--until-stdin-ends'], {
    cwd: repository,
    env: { ...process.env, DATA_DIR: data, HOST: '127.0.0.1', PORT: String(port) },
    stdio: ['pipe', 'pipe', stderr],
    detached: true, // Ctrl-C is for us, and we tell it once
  })
}

/** What the server says when it listens: one JSON document, whose last line is the only `}` without indent. */
function readDocument(stream, then) {
  let text = ''
  stream.on('data', (chunk) => {
    text += chunk
    if (!text.endsWith('\n}\n')) return
    then(JSON.parse(text))
    text = ''
  })
}
