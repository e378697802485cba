import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { account, type TortureCluster } from '../cluster.js';
import { again, type Fault, jumpsMs } from './fault.js';

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

/** Redis comes back without its data. */
const lose: Fault = {
  places: ['redis'],
  journal: 'alone',
  lastsMs: [0, 2_000],
  async begin({ cluster, lost }) {
    await cluster.playground.kill('redis');
    lost(performance.now());
    rmSync(join(cluster.redisFolder, 'appendonlydir'), { recursive: true });
    return () => cluster.restartRedis();
  },
};

const lastJumpMs = Math.max(...jumpsMs);

/**
 * The wall clock of Redis jumps. This clock sets the times of writes, and the time until which they may be accepted.
 */
const jumpingClock: Fault = {
  places: ['redis'],
  journal: 'alone',
  lastsMs: [3_000, 8_000],
  lateMs: lastJumpMs,
  begin({ cluster, random, note }) {
    const stop = again(async () => {
      const offsetMs = jumpsMs[random(jumpsMs.length)]!;
      note(`clock of Redis: ${offsetMs} ms`);
      cluster.moveClock('redis', offsetMs);
      await sleep(500 + random(2_000));
    });
    return Promise.resolve(async () => {
      await stop();
      cluster.moveClock('redis', 0);
    });
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

/** Redis comes back with an earlier state of its append-only file. */
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

/** Redis takes another password before the servers' file has it, and all old connections end. */
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

/** The disk is full: a Redis that syncs each write ends itself when it has no space. */
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

/** Sentinel promotes another server, and the old primary comes back as a replica. */
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

/**
 * The primary is paused. If that takes long, Sentinel promotes another server; the old primary then still acts as the
 * primary, and for a moment a replica may follow it.
 */
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

/** Sentinel promotes a replica although the primary is well, as for maintenance. */
const orderedFailOver: Fault = {
  places: ['redis'],
  journal: 'replicated',
  lastsMs: [1_000, 4_000],
  async begin({ cluster: { replicated } }) {
    await replicated!.failOver();
    return () => replicated!.settled();
  },
};

/** Replicas are away: either one, or all, after which nothing is accepted. */
const killReplicas = (all: boolean): Fault => ({
  places: ['redis'],
  journal: 'replicated',
  lastsMs: [500, 5_000],
  async begin({ cluster: { replicated } }) {
    const primary = await replicated!.primary();
    const replicas = replicated!.servers.filter((port) => port !== primary).slice(all ? 0 : 1);
    await Promise.all(replicas.map((port) => replicated!.kill(port)));
    return async () => {
      for (const port of replicas) replicated!.startServer(port, await replicated!.primary());
      await replicated!.settled();
    };
  },
});

/** The old primary's clock is ahead, and the promoted server's clock is behind. */
const failOverBack: Fault = {
  places: ['redis'],
  journal: 'replicated',
  lastsMs: [0, 4_000],
  lateMs: 1_600,
  async begin({ cluster: { replicated } }) {
    const primary = await replicated!.primary();
    for (const port of replicated!.servers) replicated!.moveClock(port, port === primary ? 800 : -800);
    await sleep(1_500);
    await replicated!.kill(primary);
    return async () => {
      await replicated!.rejoin(primary);
      for (const port of replicated!.servers) replicated!.moveClock(port, 0);
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
      for (const i of timelineServers.keys())
        if (which !== i) await asTimelines(cluster, i, (redis) => redis.flushall());
    };
    await emptied();
    return random(2) === 0 ? () => Promise.resolve() : emptied;
  },
};

async function asTimelines(
  cluster: TortureCluster,
  index: number,
  act: (redis: Redis) => Promise<unknown>,
): Promise<void> {
  const { host, port } = cluster.playground.redisServers[index + 1]!;
  const redis = new Redis(port, host);
  try {
    await act(redis);
  } finally {
    redis.disconnect();
  }
}

/** A timeline server refuses writes, and keeps its data. */
const demoteTimelines: Fault = {
  places: ['timelines'],
  lastsMs: [500, 5_000],
  async begin({ cluster, random }) {
    const index = random(timelineServers.length);
    await asTimelines(cluster, index, (redis) => redis.call('CONFIG', 'SET', 'min-replicas-to-write', '1'));
    return () => asTimelines(cluster, index, (redis) => redis.call('CONFIG', 'SET', 'min-replicas-to-write', '0'));
  },
};

/**
 * @param disk whether there is a disk that may be filled
 * @param clock whether clocks can be moved
 */
export const redisFaults = (disk: boolean, clock: boolean): Readonly<Record<string, Fault>> => ({
  killRedis: kill,
  pauseRedis: pause,
  flushAll,
  loseRedis: lose,
  demoteRedis: demote,
  laggingFile,
  rotateRedis: rotatePassword,
  ...(disk ? { fullDiskRedis: fullDisk } : {}),
  ...(clock ? { jumpingClockRedis: jumpingClock, failOverBack } : {}),
  failOver,
  orderedFailOver,
  pausePrimary,
  killReplica: killReplicas(false),
  killReplicas: killReplicas(true),
  killTimelines: timelineServer('kill'),
  pauseTimelines: timelineServer('pause'),
  emptyTimelines,
  demoteTimelines,
});
