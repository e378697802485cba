import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { silentLog } from '../process/index.js';
import type { ClusterState } from './state.js';
import { Viewers } from './viewers.js';

/** A connection that takes all, until it is `full`. */
class Connection extends EventEmitter {
  readonly events: string[] = [];
  full = false;

  write(text: string): boolean {
    this.events.push(/^event: (\w+)/.exec(text)![1]!);
    return !this.full;
  }

  destroy(): void {
    this.emit('close');
  }
}

let gathered = 0;
const viewers = new Viewers(async () => ({ atMs: ++gathered }) as ClusterState, silentLog);
const open = (): Connection => {
  const connection = new Connection();
  viewers.add(connection as unknown as ServerResponse, () => undefined);
  return connection;
};

afterEach(() => viewers.close());

it('gathers once for all viewers, and sends a whole state first and changes after it', async () => {
  const connections = [open(), open(), open()];
  await expect.poll(() => connections[0]!.events, { timeout: 4_000 }).toEqual(['state', 'change']);
  expect(gathered).toBe(2);
  expect(connections.map(({ events }) => events)).toEqual(Array.from(connections, () => ['state', 'change']));
});

it('sends nothing to a full connection, and a whole state when it takes data again', async () => {
  const connection = open();
  connection.full = true;
  await expect.poll(() => connection.events.length).toBe(1);
  await sleep(2_000);
  expect(connection.events).toEqual(['state']);
  connection.full = false;
  connection.emit('drain');
  await expect.poll(() => connection.events, { timeout: 4_000 }).toEqual(['state', 'state']);
});

it('gathers nothing without viewers, and refuses viewers past its bound', async () => {
  const connections = Array.from({ length: 32 }, open);
  expect(() => viewers.requireRoom()).toThrow(/32 pages follow this server already/);
  connections[0]!.destroy();
  expect(() => viewers.requireRoom()).not.toThrow();
  viewers.close();
  expect(viewers.count).toBe(0);
  const before = gathered;
  await sleep(1_800);
  expect(gathered - before).toBeLessThanOrEqual(1);
});
