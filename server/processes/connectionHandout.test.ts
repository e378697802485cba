import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ConnectionHandout } from './connectionHandout.js';
import type { ToParent } from './messages.js';

// A process that answers each connection with its number, and one that never takes any.
const program = `
const hangs = process.argv[2] === 'hangs';
process.on('message', (message, socket) => {
  if (hangs) return;
  process.send({ kind: 'taken' });
  socket.on('close', () => process.send({ kind: 'closed', port: message.port }));
  socket.write(String(process.pid));
});
`;

let folder: string;
let handout: ConnectionHandout;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'roost-handout-'));
  writeFileSync(join(folder, 'taker.cjs'), program);
  handout = await ConnectionHandout.listen('127.0.0.1', { flock: 0, tbird: 0 }, () => undefined);
});

afterAll(async () => {
  handout.close();
  for (const child of children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true });
});

function start(how: 'takes' | 'hangs'): ChildProcess {
  const child = fork(join(folder, 'taker.cjs'), [how]);
  children.push(child);
  child.on('message', (told: ToParent) => {
    if (told.kind === 'taken') handout.taken(child);
    if (told.kind === 'closed') handout.closed(child, told.port);
  });
  child.on('exit', () => handout.ended(child));
  handout.add(child);
  return child;
}

/** Connects, and returns which process took the connection, and how to end it. */
async function client(port: 'flock' | 'tbird'): Promise<{ readonly pid: number; readonly end: () => Promise<void> }> {
  const socket = connect(handout.ports[port]!, '127.0.0.1');
  const [pid] = (await once(socket, 'data')) as [Buffer];
  return {
    pid: Number(pid.toString()),
    async end() {
      socket.destroy();
      await once(socket, 'close');
    },
  };
}

it('hands each connection to the process with the fewest of its port, and those of one that ends to another', async () => {
  // A client that comes before any process waits for one.
  const early = client('flock');
  const [first, second] = [start('takes'), start('takes')];
  expect((await early).pid).toBe(first.pid);
  const pids: number[] = [];
  const open = [await early];
  for (let i = 0; i < 5; i++) open.push(await client('flock'));
  for (const { pid } of open) pids.push(pid);
  expect(pids.filter((pid) => pid === first.pid)).toHaveLength(3);
  expect(pids.filter((pid) => pid === second.pid)).toHaveLength(3);
  // Another port is shared by itself.
  expect(new Set([await client('tbird'), await client('tbird')].map(({ pid }) => pid)).size).toBe(2);

  // One connection is on its way to a process that hangs, and the others pass it by.
  const hanging = start('hangs');
  const stuck = client('flock');
  expect((await client('flock')).pid).not.toBe(hanging.pid);
  hanging.kill('SIGKILL');
  expect([first.pid, second.pid]).toContain((await stuck).pid);

  handout.leave(first);
  for (let i = 0; i < 3; i++) expect((await client('flock')).pid).toBe(second.pid);
});
