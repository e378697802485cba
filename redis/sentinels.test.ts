import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { configSchema, createLog } from '../process/index.js';
import { PassThrough } from 'node:stream';
import { connectRedis } from './connect.js';
import { Sentinels } from './sentinels.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A Sentinel of an attacker's: it says that the primary is wherever the attacker likes. */
const sentinelThatNames = (host: string, port: () => number): Server =>
  createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      for (const [, command] of bytes.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n(?:\$\d+\r\n([\w-]+))?/g)) {
        const address = `*2\r\n$${host.length}\r\n${host}\r\n$${String(port()).length}\r\n${port()}\r\n`;
        socket.write(command?.toLowerCase() === 'sentinel' ? address : '+OK\r\n');
      }
    });
  });

it.each([
  ['goes nowhere in the clear where only a Sentinel asks for that', {}, 0],
  ['goes where a Sentinel says, where the configuration allows that', { plain: true }, 1],
])('%s', async (_title, keys, connections) => {
  let reached = 0;
  const primary = await listen(
    createServer((socket) => void socket.on('error', () => undefined).destroy(void reached++)),
  );
  // Of this machine, and yet no address of loopback.
  const sentinel = await listen(sentinelThatNames('0.0.0.0', () => primary));
  const { redis: config } = configSchema.parse({
    databaseHosts: { db1: {} },
    nameServer: { hosts: ['db1'] },
    redis: { sentinels: [`127.0.0.1:${sentinel}`], sentinelName: 'journal', password: 'planted', ...keys },
  });
  const lines = new PassThrough();
  let logged = '';
  lines.on('data', (part: Buffer) => (logged += part.toString()));
  const redis = connectRedis(config, createLog('warn', lines));
  closing.push(() => redis.disconnect());
  redis.connect().catch(() => undefined);
  await expect
    .poll(() => logged + '.'.repeat(reached), { timeout: 5_000 })
    .toMatch(/0\.0\.0\.0:\d+, which a Sentinel|\.$/);
  expect(Math.min(reached, 1)).toBe(connections);
  expect(logged).not.toContain('planted');
});

it('asks one that hangs again and again, and waits for those that answer', async () => {
  const said = (flags: string): string =>
    `*4\r\n${['flags', flags, 'runid', 'r1'].map((text) => `$${text.length}\r\n${text}\r\n`).join('')}`;
  let flags = 'master';
  const asked = [0, 0, 0];
  const ports = await Promise.all(
    asked.map((_, place) =>
      listen(
        createServer((socket) => {
          socket.on('error', () => undefined);
          closing.push(() => socket.destroy());
          socket.on('data', (bytes: Buffer) => {
            for (const [command] of bytes.toString().matchAll(/SENTINEL|CLIENT|INFO/gi)) {
              if (command.toUpperCase() !== 'SENTINEL') socket.write('+OK\r\n');
              else if (++asked[place]! > 0 && place < 2) socket.write(said(flags));
            }
          });
        }),
      ),
    ),
  );
  const { redis: config } = configSchema.parse({
    databaseHosts: { db1: {} },
    nameServer: { hosts: ['db1'] },
    redis: { sentinels: ports.map((port) => `127.0.0.1:${port}`), sentinelName: 'flags' },
  });
  const sentinels = new Sentinels(config, createLog('warn', new PassThrough()));
  closing.push(() => sentinels.close());
  for (let i = 0; i < 20; i++) expect(await sentinels.keep('r1')).toBe(true);
  expect(asked.slice(0, 2)).toEqual([20, 20]);
  expect(asked[2]).toBeLessThan(5);
  // Those that ask together share a question.
  expect(await Promise.all(Array.from({ length: 50 }, () => sentinels.keep('r1')))).toEqual(new Array(50).fill(true));
  expect(asked[0]).toBeLessThan(23);
  expect(await sentinels.keep('another')).toBe(false);
  flags = 'master,failover_in_progress';
  expect(await sentinels.keep('r1')).toBe(false);
});
