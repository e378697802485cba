import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isRoostError, loadConfig, Deadline, type RoostConfig } from '../core/index.js';
import { startPlayground, type Playground } from '../playground/index.js';
import { openUsers, type OpenUsers } from '../users/index.js';
import { mergeUsers, writeOf, type UserRecord } from '../users/user.js';

// Users on real servers: writes, removals, repeated jobs and reads at random, while cache nodes are killed, emptied, paused and restarted. Each client knows the
// latest write of its own that was answered as materialized, and must never read anything older. In the end every cached row is what MySQL has.

const seed = Number(process.env['ROOST_TEST_SEED'] ?? Date.now() % 1_000_000);
const runMs = Number(process.env['ROOST_TEST_RUN_MS'] ?? 12_000);
const ids = Array.from({ length: 24 }, (_, i) => BigInt(i + 1));

const dir = mkdtempSync(join(tmpdir(), 'roost-model-'));
let playground: Playground;
let config: RoostConfig;
const servers: OpenUsers[] = [];

beforeAll(async () => {
  playground = await startPlayground({ dir, databaseHosts: 2, caches: 3 });
  ({ config } = loadConfig({ path: playground.configPath, environment: {}, workingFolder: dir }));
  config = { ...config, cluster: 'model', cache: { ...config.cache, deadlineMs: 20 }, jobs: { ...config.jobs, errorDelaySeconds: 0.5 } };
  servers.push(await openUsers(config, { work: true, create: true }));
  await servers[0]!.setup({ shards: 2, replicas: 2 });
  servers.push(await openUsers(config, { work: true }), await openUsers(config));
  for (const [number, { rows }] of servers.entries()) {
    const random = randomFrom(seed * 17 + number);
    const { load } = rows.options;
    // A reader may be held up for long between the database and the cache.
    const delayed: typeof load = async (keys, deadline) => {
      const found = await load(keys, deadline);
      if (random() < 0.4) await sleep(random() * 80);
      return found;
    };
    Object.assign(rows.options, { load: delayed });
  }
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await playground.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Mulberry32. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Empties a node, as an operator might by mistake. */
const empty = (port: number): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end('flush_all\r\nquit\r\n'));
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    socket.resume();
  });

const counts = { reads: 0, materialized: 0, unanswered: 0 };

/** One client: at a server of its own, one call at a time. */
async function client(number: number, untilMs: number): Promise<void> {
  const random = randomFrom(seed * 31 + number);
  const server = servers[number % servers.length]!;
  const writer = servers[Math.floor(random() * servers.length)]!;
  /** What this client's own materialized writes come to. */
  const seen = new Map<bigint, UserRecord>();
  let calls = 0;
  while (performance.now() < untilMs) {
    // Most calls are about few users.
    const id = ids[Math.floor(ids.length * random() ** 2)]!;
    const what = random();
    if (what < 0.75) {
      const some = [...new Set([id, ...ids.filter(() => random() < 0.1)])];
      const wanted = new Map(some.map((each) => [each, seen.get(each)]));
      const rows = await server.rows.get(some);
      counts.reads += some.length;
      for (const [each, atLeast] of wanted) {
        const row = rows.get(each);
        if (atLeast === undefined) continue;
        if (row === undefined || mergeUsers(row, atLeast) !== row) throw new Error(`seed ${seed}: client ${number} wrote ${inspect(atLeast)}, and read ${inspect(row)}`);
      }
    } else {
      const time = BigInt(Date.now()) * 1_000n + BigInt(number * 100 + (++calls % 100));
      // Some writes come late, and must not win.
      const at = random() < 0.1 ? time - 2_000_000n : time;
      const materialized = random() < 0.7;
      const options = { time: at, deadlineMs: 10_000, ...(materialized ? { acknowledgement: 'materialized' as const } : {}) };
      const which = random();
      const user = { id, name: `user ${id} of ${number}`, screenName: `u${at}`, flags: number };
      const [written, write] =
        which < 0.15
          ? [{ id, name: '', screenName: '', flags: 0, exists: false }, () => writer.remove([id], options)]
          : which < 0.4
            ? [{ id, flags: number }, () => writer.change([{ id, flags: number }], options)]
            : [{ ...user, exists: true }, () => writer.put([user], options)];
      try {
        await write();
        if (materialized) {
          counts.materialized++;
          const before = seen.get(id);
          seen.set(id, before === undefined ? writeOf(written, at) : mergeUsers(before, writeOf(written, at)));
        }
        if (random() < 0.1) await write();
      } catch (error) {
        // It is in the journal, or not at all: this client promises nothing of it.
        if (!isRoostError(error) || !error.retryable) throw error;
        counts.unanswered++;
      }
    }
    await sleep(random() * 4);
  }
}

async function faults(untilMs: number): Promise<void> {
  const random = randomFrom(seed);
  while (performance.now() < untilMs) {
    const place = Math.floor(random() * 3);
    const name = `cache${place + 1}`;
    const what = random();
    if (what < 0.3) {
      await playground.kill(name);
      await sleep(random() * 800);
      await playground.restart(name);
    } else if (what < 0.65) {
      await playground.pause(name);
      await sleep(random() * 1_500);
      await playground.resume(name);
    } else await empty(playground.memcached[place]!.port);
    await sleep(random() * 1_200);
  }
}

it(
  `reads nothing older than its own writes while caches fail, and ends as MySQL is (seed ${seed})`,
  async () => {
    const untilMs = performance.now() + runMs;
    await Promise.all([faults(untilMs), ...Array.from({ length: 9 }, (_, number) => client(number, untilMs))]);

    const { jobs } = servers[0]!.gizzard;
    for (let tries = 0; tries < 600; tries++) {
      const sizes = await Promise.all((['high', 'medium', 'low'] as const).map((priority) => jobs.sizes(priority)));
      expect(sizes.every(({ bad }) => bad === 0)).toBe(true);
      if (sizes.every(({ queued, failing }) => queued === 0 && failing === 0)) break;
      await sleep(50);
    }
    const stored = await servers[0]!.rows.options.load(ids, Deadline.after(10_000));
    for (const { rows } of servers) {
      expect(await rows.get(ids)).toEqual(stored);
      // What is in the caches, past everything that a process may do about it.
      const looks = await rows.store!.look(ids.map(String));
      for (const [place, look] of looks.entries()) if (look.kind === 'value') expect(look.value).toEqual(stored.get(ids[place]!));
    }
    expect(counts.reads).toBeGreaterThan(100);
    expect(counts.materialized).toBeGreaterThan(10);
    process.stdout.write(`seed ${seed}: ${JSON.stringify(counts)}\n`);
  },
  runMs + 90_000,
);
