// Postgres with PostGIS, in WebAssembly, for many clients: `node server.mjs SOCKET` listens on that Unix socket
// and prints a line when it is ready. There is one backend, so clients take turns: whoever begins a transaction
// has it until it ends. A session's login, role and settings are put in force when its turn begins; temporary
// tables, LISTEN and locks of sessions are everybody's. COPY is not for it.

import { createServer } from 'node:net';
import { PGlite } from '@electric-sql/pglite';
import { postgis } from '@electric-sql/pglite-postgis';

const PROTOCOL_3 = 196608;
const [SYNC, TERMINATE, READY, IDLE] = Buffer.from('SXZI');
const STEPS = Buffer.from('PBDEC');
const db = await PGlite.create({ extensions: { postgis } });
const { rows } = await db.query('show server_version');

let lastClient = null;
let turns = Promise.resolve();

function framed(type, body) {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function welcome() {
  const parameters = {
    server_version: rows[0].server_version,
    server_encoding: 'UTF8',
    client_encoding: 'UTF8',
    DateStyle: 'ISO, MDY',
    TimeZone: 'UTC',
    integer_datetimes: 'on',
    standard_conforming_strings: 'on',
  };
  const said = Object.entries(parameters).map((pair) => framed('S', Buffer.from(`${pair.join('\0')}\0`)));
  return Buffer.concat([
    framed('R', Buffer.alloc(4)),
    ...said,
    framed('K', Buffer.alloc(8)),
    framed('Z', Buffer.from('I')),
  ]);
}

/** The statements that make the backend this session's: its login, then what it asked for. */
function session(startup) {
  const words = startup.toString('utf8', 8).split('\0');
  const settings = {};
  for (let at = 0; words[at]; at += 2) settings[words[at]] = words[at + 1];
  const { user, database: _, application_name: __, ...rest } = settings;
  const set = Object.entries(rest).map(([name, value]) => `set "${name}" to '${value.replaceAll("'", "''")}';`);
  return `reset session authorization; reset all; set session authorization '${user}'; ${set.join(' ')}`;
}

/** An error of a session that can't begin, as Postgres says it. */
function refusal(error) {
  const fields = `SFATAL\0VFATAL\0C${error.code ?? 'XX000'}\0M${error.message}\0\0`;
  return framed('E', Buffer.from(fields));
}

class Client {
  #socket;
  #session = '';
  #waiting = Buffer.alloc(0);
  #release = null;
  #skips = false;

  constructor(socket) {
    this.#socket = socket;
  }

  async take(bytes) {
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    for (let message = this.#next(); message; message = this.#next()) await this.#answer(message);
  }

  async leave() {
    if (!this.#release) return;
    await db.exec('rollback');
    this.#release();
  }

  #next() {
    const at = this.#session ? 1 : 0;
    if (this.#waiting.length < at + 4) return null;
    const length = at + this.#waiting.readInt32BE(at);
    if (this.#waiting.length < length) return null;
    const message = this.#waiting.subarray(0, length);
    this.#waiting = this.#waiting.subarray(length);
    return message;
  }

  async #answer(message) {
    if (!this.#session) return this.#start(message);
    if (message[0] === TERMINATE) return this.#socket.end();
    // As Postgres does after an error, which PGlite leaves to its callers.
    if (this.#skips && message[0] !== SYNC) return;
    this.#skips = false;
    if (!this.#release) await this.#turn();
    let answer = Buffer.from(await db.execProtocolRaw(message));
    const isReady = answer.at(-6) === READY;
    if (isReady && STEPS.includes(message[0])) {
      answer = answer.subarray(0, -6);
      this.#skips = true;
    } else if (isReady && answer.at(-1) === IDLE) {
      this.#release();
      this.#release = null;
    }
    this.#socket.write(answer);
  }

  async #start(message) {
    if (message.readInt32BE(4) !== PROTOCOL_3) return this.#socket.end('N');
    this.#session = session(message);
    try {
      await this.#turn();
      this.#socket.write(welcome());
    } catch (error) {
      this.#socket.end(refusal(error));
    }
    this.#release();
    this.#release = null;
  }

  async #turn() {
    const before = turns;
    turns = new Promise((resolve) => {
      this.#release = resolve;
    });
    await before;
    if (lastClient === this) return;
    lastClient = this;
    await db.exec(this.#session);
  }
}

const clients = new Set();
createServer((socket) => {
  const client = new Client(socket);
  let work = Promise.resolve();
  const then = (next) => {
    work = work.then(next).catch((error) => socket.destroy(error));
  };
  clients.add(client);
  socket.on('data', (bytes) => then(() => client.take(bytes)));
  socket.on('error', () => {});
  socket.on('close', () =>
    then(async () => {
      await client.leave();
      clients.delete(client);
      // Another process gives its statements the same names.
      if (clients.size === 0) await db.exec('reset session authorization; deallocate all');
      if (clients.size === 0) lastClient = null;
    }),
  );
}).listen(process.argv[2], () => process.stdout.write('ready\n'));
