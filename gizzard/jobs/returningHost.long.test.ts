import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import { startPlayground, type Playground } from '../../playground/index.js';
import { loadConfig, type RoostConfig } from '../../process/index.js';
import { append, notesOf, notesTable, notesTopology, openNotes } from '../../test/support/notes.js';
import type { Gizzard } from '../gizzard.js';

const dir = mkdtempSync(join(tmpdir(), 'roost-returning-'));
const idle = { queued: 0, failing: 0, bad: 0 };
const backlog = 2_000;
const rounds = 50;
let playground: Playground;
let config: RoostConfig;
const opened: Gizzard[] = [];

beforeAll(async () => {
  playground = await startPlayground({ dir, databaseHosts: 2, caches: 0 });
  ({ config } = loadConfig({ path: playground.configPath, environment: {} }));
  config = {
    ...config,
    cluster: 'returning',
    nameServer: { ...config.nameServer, hosts: ['db1'] },
    jobs: { ...config.jobs, errorDelaySeconds: 0.5 },
  };
});
afterAll(async () => {
  await Promise.all(opened.map((gizzard) => gizzard.close()));
  await playground.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function open(work: boolean): Promise<Gizzard> {
  const gizzard = openNotes(config);
  opened.push(gizzard);
  await gizzard.nameServer.create();
  if (gizzard.topology.tables.length === 0) await gizzard.apply(notesTopology(['db1', 'db2']));
  await gizzard.start({ work });
  return gizzard;
}

it('a host that returns with a backlog is not read before it has caught up, through no server', async () => {
  const writer = await open(true);
  const reader = await open(false);
  const reads: string[] = [];
  const holds = (through: Gizzard, value: number): Promise<boolean> =>
    through.read(through.topology.route(1, 1n), Deadline.after(10_000), async (host: DatabaseHost, leaf, deadline) => {
      reads.push(host.name);
      return (
        (
          await host.rows(
            `SELECT 1 FROM ${notesTable(through, leaf.shard.id)} WHERE k = 1 AND v = ?`,
            [value],
            deadline,
          )
        ).length > 0
      );
    });
  /** Writes, and reads at once through both servers. Returns how many reads missed the write. */
  const missed = async (value: number): Promise<number> => {
    await append(writer, [{ key: 1n, value }], { wait: true });
    return (await Promise.all([holds(reader, value), holds(writer, value)])).filter((held) => !held).length;
  };
  await append(writer, [{ key: 1n, value: 0 }], { wait: true });
  await playground.kill('db2');
  for (let start = 1; start <= backlog; start += 100)
    await Promise.all(Array.from({ length: 100 }, (_, i) => append(writer, [{ key: 1n, value: start + i }])));
  await expect.poll(async () => (await writer.jobs.sizes('high')).failing, { timeout: 60_000 }).toBe(backlog);
  await playground.restart('db2');

  let stale = 0;
  let value = 10_000;
  for (let round = 0; round < rounds; round++) stale += await missed(++value);
  while ((await writer.jobs.sizes('high')).failing > 0) stale += await missed(++value);
  expect(stale).toBe(0);
  await expect.poll(() => writer.jobs.sizes('high'), { timeout: 60_000 }).toEqual(idle);
  const held = await notesOf(writer);
  expect(held['db2/first']).toEqual(held['db1/first']);
  // Once it has caught up it is read again.
  await expect
    .poll(async () => ((await holds(reader, value)) ? reads.at(-1) : 'stale'), { timeout: 10_000 })
    .toBe('db2');
}, 180_000);
