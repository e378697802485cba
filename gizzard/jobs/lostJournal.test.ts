import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Deadline, limits } from '../../core/index.js';
import { freePorts } from '../../playground/ports.js';
import { Metrics, silentLog, type RoostConfig } from '../../process/index.js';
import { freshCluster } from '../../test/support/index.js';
import {
  append,
  failOn,
  notesOf,
  notesTopology,
  openNotes,
  type Note,
  type NotesHooks,
} from '../../test/support/notes.js';
import type { Gizzard } from '../gizzard.js';
import { streamKeys } from './streamKeys.js';
import { WriterTable } from './writerTable.js';

const { config } = freshCluster('lost_journal', {});
const [db1 = '', db2 = ''] = Object.keys(config.databaseHosts);
const note = (value: number): Note => ({ key: 1n, value });
const patient = { timeout: 20_000 };
const dir = mkdtempSync(join(tmpdir(), 'roost-lost-'));
const opened: Gizzard[] = [];
let clusters = 0;
let own: RoostConfig;

/** A Redis of the test's own, which may be stopped, emptied and demoted. */
class OwnRedis {
  #process: ChildProcess | undefined;
  #folder = '';
  readonly client: Redis;

  constructor(
    readonly port: number,
    private readonly settings: readonly string[] = ['--appendonly', 'yes', '--appendfsync', 'always'],
  ) {
    this.client = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => 50 });
    this.client.on('error', () => undefined);
  }

  /** Kills it, and starts it on the same files. */
  async restart(): Promise<void> {
    this.#process!.kill('SIGKILL');
    await once(this.#process!, 'exit');
    await this.start(this.#folder);
  }

  async start(folder = mkdtempSync(join(dir, 'redis-'))): Promise<void> {
    this.#folder = folder;
    this.#process = spawn(
      'redis-server',
      [
        '--port',
        String(this.port),
        '--bind',
        '127.0.0.1',
        '--dir',
        folder,
        '--save',
        '',
        '--repl-diskless-sync-delay',
        '0',
        ...this.settings,
      ],
      { stdio: 'ignore' },
    );
    await this.client.ping();
  }

  async stop(): Promise<void> {
    this.client.disconnect();
    if (this.#process === undefined || this.#process.exitCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}

let redis: OwnRedis;
let other: OwnRedis;

beforeAll(async () => {
  const [one, two] = await freePorts(2);
  redis = new OwnRedis(one!);
  other = new OwnRedis(two!);
  await Promise.all([redis.start(), other.start()]);
});
afterAll(async () => {
  await Promise.all([redis.stop(), other.stop()]);
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(() => {
  own = { ...config, cluster: `${config.cluster}_${++clusters}`, redis: { ...config.redis, port: redis.port } };
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((gizzard) => gizzard.close()));
});

async function open(
  options: {
    readonly work?: boolean;
    readonly hooks?: NotesHooks;
    readonly config?: Partial<RoostConfig>;
    readonly metrics?: Metrics;
  } = {},
): Promise<Gizzard> {
  const gizzard = openNotes({ ...own, ...options.config }, options.hooks, silentLog, options.metrics);
  opened.push(gizzard);
  await gizzard.nameServer.create();
  if (gizzard.topology.tables.length === 0) await gizzard.apply(notesTopology([db1, db2]));
  await gizzard.start({ work: options.work ?? true });
  return gizzard;
}

const kinds = async (gizzard: Gizzard): Promise<string[]> => (await gizzard.doctor.examine()).map(({ kind }) => kind);
const writes = (gizzard: Gizzard, value = 99): Promise<boolean> =>
  append(gizzard, [note(value)], { deadlineMs: 1_000 }).then(
    () => true,
    () => false,
  );
const adopt = async (gizzard: Gizzard): Promise<void> =>
  void (await gizzard.jobs.guard.adopt(await gizzard.jobs.guard.examine()));

describe("the journal's Redis", () => {
  it('that was emptied under load accepts nothing more, on any server, until it is adopted', async () => {
    const metrics = new Metrics();
    const writer = await open({ work: false });
    const worker = await open({ metrics, hooks: { beforeApply: failOn(db2, 'Unavailable') } });
    const answers: { readonly ok: boolean; readonly sentAtMs: number }[] = [];
    let stopped = false;
    const load = (async () => {
      for (let value = 0; !stopped; value++) {
        const sentAtMs = performance.now();
        answers.push({ ok: await writes(writer, value), sentAtMs });
        if (!answers.at(-1)!.ok) await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    await expect.poll(() => answers.length, patient).toBeGreaterThan(100);
    // What waits is written down within a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await redis.client.flushall();
    const emptiedAtMs = performance.now();
    await expect.poll(() => answers.filter(({ ok }) => !ok).length, patient).toBeGreaterThan(20);
    stopped = true;
    await load;
    expect(answers.filter(({ ok, sentAtMs }) => ok && sentAtMs > emptiedAtMs)).toEqual([]);

    const refused = {
      code: 'FailedPrecondition',
      retryable: false,
      message: expect.stringMatching(/is empty: .*`roost journal adopt`/) as string,
    };
    await expect(append(writer, [note(1)])).rejects.toMatchObject(refused);
    await expect.poll(() => worker.jobs.guard.refused, patient).toMatchObject(refused);
    expect(await metrics.registry.metrics()).toMatch(/^roost_journal_refuses\{reason="epoch"\} 1$/m);
    const lost = (await worker.doctor.examine()).find(({ kind }) => kind === 'journalLost');
    expect(lost?.message).toMatch(/About [1-9]\d* accepted jobs waited in it/);
    // One that starts now refuses as well, and nobody makes the queues anew.
    const late = await open();
    expect(await writes(late)).toBe(false);
    expect(await redis.client.exists(streamKeys(own.cluster).high.queued)).toBe(0);

    await adopt(late);
    await expect.poll(() => writes(writer), patient).toBe(true);
    await expect
      .poll(
        () =>
          append(worker, [note(100)], { wait: true, deadlineMs: 2_000 }).then(
            () => true,
            () => false,
          ),
        patient,
      )
      .toBe(true);
    expect(await kinds(worker)).not.toContain('journalLost');
  }, 60_000);

  it('that was replaced by a replica which lags is refused, with the number of jobs that are lost', async () => {
    const writer = await open({ work: false });
    for (let value = 0; value < 10; value++) await append(writer, [note(value)]);
    await other.client.call('REPLICAOF', '127.0.0.1', String(redis.port));
    await expect
      .poll(async () => String(await other.client.info('replication')), patient)
      .toMatch(/master_link_status:up/);
    await expect.poll(() => other.client.xlen(streamKeys(own.cluster).high.queued), patient).toBe(10);
    // It stops hearing of writes; their callers get their answers all the same.
    await other.client.call('REPLICAOF', 'NO', 'ONE');
    for (let value = 10; value < 50; value++) await append(writer, [note(value)]);
    await writer.close();
    const promoted = { config: { redis: { ...own.redis, port: other.port } } };
    const server = await open(promoted);
    const message = expect.stringMatching(/lost at least 40 accepted jobs/) as string;
    await expect(append(server, [note(1_000)])).rejects.toMatchObject({ code: 'FailedPrecondition', message });
    expect((await server.doctor.examine()).find(({ kind }) => kind === 'journalLost')).toMatchObject({ message });
    await adopt(server);
    await expect.poll(() => writes(server, 1_001), patient).toBe(true);
    expect((await notesOf(server))[`${db1}/first`]).not.toContain('1=20');
  }, 60_000);

  it('that was made a replica refuses writes as one that is away, and takes them when it is the primary again', async () => {
    const gizzard = await open();
    await append(gizzard, [note(1)], { wait: true });
    await other.client.call('REPLICAOF', 'NO', 'ONE');
    await redis.client.call('REPLICAOF', '127.0.0.1', '1');
    try {
      await expect(append(gizzard, [note(2)], { deadlineMs: 1_000 })).rejects.toMatchObject({
        code: 'Unavailable',
        retryable: true,
        message: expect.stringMatching(/is a replica/) as string,
      });
      // A look at a busy Redis may take too long.
      await expect.poll(() => kinds(gizzard), patient).toContain('journalSetting');
    } finally {
      await redis.client.call('REPLICAOF', 'NO', 'ONE');
    }
    await expect
      .poll(
        () =>
          append(gizzard, [note(3)], { wait: true, deadlineMs: 2_000 }).then(
            () => true,
            () => false,
          ),
        patient,
      )
      .toBe(true);
  }, 60_000);

  it('without an append-only file keeps a server from starting, unless that is accepted; one that evicts is named by the doctor', async () => {
    await redis.client.config('SET', 'appendonly', 'no');
    await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    try {
      await expect(open()).rejects.toMatchObject({
        code: 'FailedPrecondition',
        message: expect.stringMatching(/append-only file.*`appendonly yes`.*journal\.durability/) as string,
      });
      const gizzard = await open({ config: { journal: { ...own.journal, durability: 'none' } } });
      expect(await writes(gizzard)).toBe(true);
      const settings = (await gizzard.doctor.examine())
        .filter(({ kind }) => kind === 'journalSetting')
        .map(({ subject }) => subject);
      expect(settings.sort()).toEqual(['appendonly', 'maxmemory-policy']);
    } finally {
      await redis.client.config('SET', 'appendonly', 'yes');
      await redis.client.config('SET', 'maxmemory-policy', 'noeviction');
    }
  }, 60_000);
});

describe('a Redis that writes its file every second, and starts anew,', () => {
  let lazy: OwnRedis;
  const run = async (): Promise<string> => /run_id:(\w+)/.exec(await lazy.client.info('server'))![1]!;
  const table = (gizzard: Gizzard): WriterTable =>
    new WriterTable([gizzard.mysql.host(db1)], `${own.cluster}_nameserver`);
  beforeAll(async () => {
    lazy = new OwnRedis((await freePorts(1))[0]!, ['--appendonly', 'yes', '--appendfsync', 'everysec']);
    await lazy.start();
  });
  afterAll(() => lazy.stop());
  beforeEach(() => {
    own = { ...own, redis: { ...own.redis, port: lazy.port } };
  });

  it('is accepted when every server that wrote to it lives, or has stopped in order', async () => {
    const gizzard = await open();
    const ended = await open({ work: false });
    expect([await writes(gizzard), await writes(ended)]).toEqual([true, true]);
    expect(await table(gizzard).silent('another run')).toHaveLength(2);
    await ended.close();
    expect(await table(gizzard).silent('another run')).toHaveLength(1);
    await lazy.restart();
    await expect.poll(() => writes(gizzard), patient).toBe(true);
    await expect.poll(() => gizzard.jobs.sizes('high')).toMatchObject({ queued: 0 });
    await gizzard.close();
    await lazy.restart();
    expect(await writes(await open())).toBe(true);
  });

  it('is refused where a server died that had written to it, on any server, until it is adopted', async () => {
    const gizzard = await open();
    expect(await writes(gizzard)).toBe(true);
    // What a server leaves behind that is killed.
    await table(gizzard).note('killed', await run(), Date.now());
    await table(gizzard).note('killed long before', await run(), Date.now() - 60_000);
    await gizzard.close();
    await lazy.restart();
    const looking = await open();
    expect(await writes(looking)).toBe(false);
    expect(looking.jobs.guard.refused?.message).toMatch(/may have lost .* a server wrote to it until/);
    expect(await kinds(looking)).toContain('journalLost');
    await adopt(looking);
    await expect.poll(() => writes(looking), patient).toBe(true);
    expect(await writes(await open())).toBe(true);
  });
});

describe('a queue', () => {
  it('is bounded by the bytes that it takes, and takes writes again when it is shorter', async () => {
    const bound = { config: { jobs: { ...own.jobs, maxQueuedBytes: 4 * 1024 * 1024 } } };
    const writer = await open({ work: false, ...bound });
    const large = { kind: 'test.notes', payload: Buffer.alloc(1024 * 1024, ' ') };
    const write = (): Promise<void> =>
      writer.jobs.append([large], { priority: 'high', waitUntilApplied: false, deadline: Deadline.after(5_000) });
    for (let i = 0; i < 4; i++) await write();
    await expect(write()).rejects.toMatchObject({ code: 'Overloaded', message: 'the high queue is full' });
    await redis.client.xtrim(streamKeys(own.cluster).high.queued, 'MAXLEN', 1);
    await expect
      .poll(
        () =>
          write().then(
            () => true,
            () => false,
          ),
        patient,
      )
      .toBe(true);
  });

  it('of failing jobs is bounded by bytes too, and refuses the writes of that host', async () => {
    const gizzard = await open({
      hooks: { beforeApply: failOn(db2, 'Unavailable') },
      config: { jobs: { ...own.jobs, maxQueuedBytes: 2 * 1024 * 1024 } },
    });
    const large = { kind: 'test.notes', payload: Buffer.from(JSON.stringify([['1', 1]]).padEnd(1024 * 1024)) };
    const write = (): Promise<unknown> =>
      gizzard.jobs.append([large], { priority: 'high', waitUntilApplied: false, deadline: Deadline.after(5_000) }).then(
        () => undefined,
        (error: unknown) => error,
      );
    await expect.poll(write, patient).toMatchObject({ code: 'Overloaded', fields: { queue: 'failing', host: db2 } });
    expect((await gizzard.jobs.sizes('high')).failing).toBeLessThan(100);
  });

  it('takes no job that is larger than any honest one', async () => {
    const writer = await open({ work: false });
    const large = { kind: 'test.notes', payload: Buffer.alloc(limits.jobPayloadBytes + 1) };
    await expect(
      writer.jobs.append([large], { priority: 'high', waitUntilApplied: false, deadline: Deadline.after(5_000) }),
    ).rejects.toMatchObject({ code: 'InvalidArgument' });
  });
});

describe('a server whose clock differs', () => {
  it("from that of the journal's Redis by more than the bound accepts no writes, and says whose clock it is", async () => {
    const gizzard = await open();
    const real = Date.now;
    try {
      Date.now = () => real() + 300;
      await gizzard.jobs.guard.look();
      expect(await writes(gizzard)).toBe(true);
      Date.now = () => real() + 3_600_000;
      const refused = {
        code: 'Unavailable',
        retryable: true,
        message: expect.stringMatching(/clock of this server is 60\.0 minutes ahead of/) as string,
      };
      await expect(gizzard.jobs.guard.look()).rejects.toMatchObject(refused);
      await expect(append(gizzard, [note(1)])).rejects.toMatchObject(refused);
      // Ids and windows go by the journal's time, which this clock does not touch.
      expect(Math.abs((await gizzard.jobs.journal.nowMs()) - real())).toBeLessThan(1_000);
    } finally {
      Date.now = real;
    }
    await gizzard.jobs.guard.look();
    expect(await writes(gizzard)).toBe(true);
  });
});
