import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { account, type TortureCluster } from '../cluster.js';
import type { Fault } from './fault.js';

const kill: Fault = {
  places: ['redis'],
  journal: 'alone',
  lastsMs: [0, 2_500],
  async begin({ cluster }) {
    await cluster.playground.kill('redis');
    return () => cluster.restartRedis();
  },
};

const pause: Fault = {
  places: ['redis'],
  journal: 'alone',
  lastsMs: [500, 6_000],
  async begin({ cluster: { playground } }) {
    await playground.pause('redis');
    return () => playground.resume('redis');
  },
};

const flushAll: Fault = {
  places: ['redis'],
  journal: 'alone',
  lastsMs: [1_000, 4_000],
  async begin({ cluster, lost }) {
    await cluster.redis.flushall();
    lost(performance.now());
    return () => Promise.resolve();
  },
};

const demote: Fault = {
  places: ['redis'],
  journal: 'alone',
  lastsMs: [500, 5_000],
  async begin({ cluster }) {
    await cluster.redis.call('REPLICAOF', '127.0.0.1', '1');
    return async () => void (await cluster.redis.call('REPLICAOF', 'NO', 'ONE'));
  },
};

/** Redis comes back with what its append-only file held some time before. */
const laggingFile: Fault = {
  places: ['redis'],
  journal: 'alone',
  lastsMs: [500, 2_000],
  async begin({ cluster, random, lost }) {
    const [file, copy] = [join(cluster.redisFolder, 'appendonlydir'), join(cluster.redisFolder, 'copy')];
    cpSync(file, copy, { recursive: true });
    await sleep(1_500 + random(2_000));
    await cluster.playground.kill('redis');
    lost(performance.now());
    rmSync(file, { recursive: true });
    cpSync(copy, file, { recursive: true });
    rmSync(copy, { recursive: true });
    return () => cluster.restartRedis();
  },
};

/** Redis takes another password before the servers' file has it; no connection of before is left. */
const rotatePassword: Fault = {
  places: ['redis'],
  journal: 'alone',
  lastsMs: [0, 3_000],
  async begin({ cluster }) {
    const end = (): Promise<unknown> => cluster.redis.call('CLIENT', 'KILL', 'USER', account);
    await cluster.letIn('redis', 'in between');
    await end();
    return async () => {
      cluster.writeSecret('redis');
      await cluster.letIn('redis');
      await end();
    };
  },
};

/** A Redis that syncs each write ends itself when it has no room. */
const fullDisk: Fault = {
  places: ['redis'],
  journal: 'alone',
  lastsMs: [1_000, 4_000],
  begin({ cluster }) {
    cluster.disks.redis!.fill();
    return Promise.resolve(async () => {
      cluster.disks.redis!.empty();
      await cluster.playground.kill('redis').catch(() => undefined);
      await cluster.restartRedis();
    });
  },
};

/** Sentinel promotes another, and the old one comes back as a replica. */
const failOver: Fault = {
  places: ['redis'],
  journal: 'replicated',
  lastsMs: [0, 5_000],
  async begin({ cluster: { replicated } }) {
    const primary = await replicated!.primary();
    await replicated!.kill(primary);
    return () => replicated!.rejoin(primary);
  },
};

/** Sentinel promotes another where it takes long; then the old one still takes itself for the primary, and for a moment a replica may follow it. */
const pausePrimary: Fault = {
  places: ['redis'],
  journal: 'replicated',
  lastsMs: [500, 6_000],
  async begin({ cluster: { replicated }, mayLose }) {
    mayLose();
    const primary = await replicated!.primary();
    replicated!.pause(primary);
    return async () => {
      replicated!.resume(primary);
      await replicated!.settled();
    };
  },
};

const timelineServers = ['redis2', 'redis3'] as const;

const timelineServer = (how: 'kill' | 'pause'): Fault => ({
  places: ['timelines'],
  lastsMs: [500, 5_000],
  async begin({ cluster: { playground }, random }) {
    const name = timelineServers[random(2)]!;
    await playground[how](name);
    return () => (how === 'kill' ? playground.restart(name) : playground.resume(name));
  },
});

const emptyTimelines: Fault = {
  places: ['timelines'],
  lastsMs: [0, 3_000],
  async begin({ cluster, random }) {
    const which = random(3);
    const emptied = async (): Promise<void> => {
      for (const i of timelineServers.keys()) if (which !== i) await flush(cluster, i);
    };
    await emptied();
    return random(2) === 0 ? () => Promise.resolve() : emptied;
  },
};

async function flush(cluster: TortureCluster, index: number): Promise<void> {
  const { host, port } = cluster.playground.redisServers[index + 1]!;
  const redis = new Redis(port, host);
  try {
    await redis.flushall();
  } finally {
    redis.disconnect();
  }
}

/** @param disk whether there is a disk that may be filled */
export const redisFaults = (disk: boolean): Readonly<Record<string, Fault>> => ({
  killRedis: kill,
  pauseRedis: pause,
  flushAll,
  demoteRedis: demote,
  laggingFile,
  rotateRedis: rotatePassword,
  ...(disk ? { fullDiskRedis: fullDisk } : {}),
  failOver,
  pausePrimary,
  killTimelines: timelineServer('kill'),
  pauseTimelines: timelineServer('pause'),
  emptyTimelines,
});
