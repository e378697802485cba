import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { silentLog } from '../../process/index.js';
import { append, notesJob, notesKind, notesOf, type Note } from '../../test/support/notes.js';
import { notesCluster } from '../../test/support/notesCluster.js';
import { decodeJob, encodeJob, type JobEntry } from './jobEntry.js';
import { RemoteRelay } from './remoteRelay.js';
import { ReplicaAcks, ReplicaCounts } from './replicaAcks.js';
import { remoteKeys } from './streamKeys.js';
import { timedJob } from './timedJob.js';

const cluster = notesCluster('job_checksum', { errorDelaySeconds: 0.2, claimAfterSeconds: 3600 });
const note = (key: number, value: number): Note => ({ key: BigInt(key), value });
const buffers = (fields: readonly (string | Buffer)[]): Buffer[] => fields.map((field) => Buffer.from(field));
const job: JobEntry = {
  kind: notesKind,
  payload: Buffer.from('a payload with a time: 0123456789abcdef.'),
  version: 2,
  attempts: 1,
  onlyLeaves: ['db1/a', 'db1/b'],
  failedUnder: 3,
  lastError: 'it failed',
  acceptedAtMs: 17,
  waiter: 'server token',
};

/** The stream's entries with their ids, and a copy with one bit of a field's value flipped. */
const flipped = (fields: readonly Buffer[], field: string, byte: number): Buffer[] => {
  const copy = fields.map((each) => Buffer.from(each));
  const at = copy.findIndex((name, i) => i % 2 === 0 && name.toString() === field) + 1;
  copy[at]![byte]! ^= 0x01;
  return copy;
};

it('finds every flipped bit of a value, and lets jobs without a checksum pass', () => {
  const whole = buffers(encodeJob(job));
  expect(decodeJob(whole)).toMatchObject({ ...job, write: undefined });
  for (let value = 1; value < whole.length; value += 2)
    for (let bit = 0; bit < whole[value]!.length * 8; bit++) {
      const bad = whole.map((each) => Buffer.from(each));
      bad[value]![bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodeJob(bad), `bit ${bit} of ${whole[value - 1]!.toString()}`).toThrow(
        expect.objectContaining({ code: 'DataLoss' }) as Error,
      );
    }
  const sum = whole.findIndex((field) => field.toString() === 'sum');
  expect(decodeJob(whole.slice(0, sum))).toMatchObject({ kind: job.kind });
});

it('is never applied with a flipped bit, by worker or retry, and names itself', async () => {
  const gizzard = await cluster.open({ work: false });
  await append(gizzard, [note(1, 1)]);
  await append(gizzard, [note(2, 2)]);
  const [entry] = await cluster.redis.xrangeBuffer(cluster.keys.queued, '-', '+', 'COUNT', 1);
  await cluster.redis.xdel(cluster.keys.queued, entry![0].toString());
  // "1" becomes "0": another note, and as readable as the first.
  const bad = flipped(entry![1], 'payload', entry![1][3]!.indexOf('1'));
  await cluster.redis.xadd(cluster.keys.queued, '*', ...bad);
  await gizzard.jobs.start();
  await expect.poll(() => gizzard.jobs.sizes('high')).toEqual({ queued: 0, failing: 0, bad: 1 });
  expect(await notesOf(gizzard)).toMatchObject(cluster.both('first', ['2=2']));
  const [shown] = await gizzard.jobs.queues.list('high', 'bad', 9);
  expect(shown).toMatchObject({ kind: '', contents: undefined });
  expect(shown!.lastError).toMatch(/^the job is damaged and was not applied: its checksum is "[0-9a-f]+"/);
  expect(await gizzard.doctor.examine()).toContainEqual(
    expect.objectContaining({
      kind: 'damagedJobs',
      subject: 'high',
      message: expect.stringMatching(/^1 job /) as string,
    }),
  );
  expect(await gizzard.jobs.queues.retry('high', 'bad')).toBe(0);
  expect(await gizzard.jobs.queues.discard('high', 'bad')).toBe(1);
});

it('covers the times that the journal writes into payloads, of 8 bytes or of 16 digits', async () => {
  const gizzard = await cluster.open({ work: false });
  const options = { priority: 'high', waitUntilApplied: false, deadline: Deadline.after(5_000) } as const;
  const digits = { kind: notesKind, payload: Buffer.from(`[${'_'.repeat(16)},${'_'.repeat(16)}]`) };
  await gizzard.jobs.append(
    [
      timedJob(notesKind, Buffer.from('body')),
      { ...digits, times: { count: 3, offsets: [1, 18], digits: true } },
      { ...notesJob([]), times: { count: 1, offsets: [] } },
    ],
    options,
  );
  const entries = await cluster.redis.xrangeBuffer(cluster.keys.queued, '-', '+');
  expect(entries).toHaveLength(3);
  for (const [, fields] of entries) expect(decodeJob(fields)).toMatchObject({ kind: notesKind });
  for (const [, fields] of entries.slice(0, 2)) {
    const payload = fields[3]!;
    for (let byte = 0; byte < payload.length; byte++)
      expect(
        () => decodeJob(flipped(fields, 'payload', byte)),
        `byte ${byte} of ${payload.toString('latin1')}`,
      ).toThrow(expect.objectContaining({ code: 'DataLoss' }) as Error);
    expect(() => decodeJob(flipped(fields, 'time', 3))).toThrow('its time is');
  }
});

it('is carried through failures, and by a server that knows no checksums', async () => {
  const gizzard = await cluster.open({
    hooks: {
      beforeApply: (leaf) => {
        if (leaf.startsWith(`${cluster.db1}/`)) throw new Error('not here');
      },
    },
  });
  await append(gizzard, [note(1, 1)]);
  await expect.poll(() => gizzard.jobs.sizes('high')).toMatchObject({ queued: 0, failing: 1 });
  const [failing] = await cluster.redis.xrangeBuffer(`${cluster.keys.failing}:${cluster.db1}`, '-', '+');
  expect(failing![1].map(String)).toContain('sum');
  // An entry as the release before writes it.
  const plain = ['kind', notesKind, 'payload', notesJob([note(2, 2)]).payload, 'accepted', '17'];
  await cluster.redis.xadd(cluster.keys.queued, '*', ...plain);
  await expect.poll(() => notesOf(gizzard)).toMatchObject({ [`${cluster.db2}/first`]: ['1=1', '2=2'] });
});

it('is not sent to another cluster with a flipped bit', async () => {
  const { config } = await cluster.open({ work: false });
  const keys = remoteKeys(config.cluster, 'east').high;
  const fields = buffers(encodeJob({ ...job, onlyLeaves: undefined, attempts: 0, waiter: undefined }));
  await cluster.redis.xadd(keys.queued, '*', ...flipped(fields, 'payload', 5));
  await cluster.redis.xadd(keys.queued, '*', ...fields);
  const connect = (): Redis => new Redis(config.redis.port, config.redis.host);
  const readers = { high: connect(), medium: connect(), low: connect() };
  const sent: string[] = [];
  const relay = new RemoteRelay(cluster.redis, readers, {
    cluster: config.cluster,
    remote: 'east',
    hosts: [{ cluster: 'east', hostname: 'east', port: 1, status: 'normal' }],
    version: 1,
    consumer: 'test',
    config: config.jobs,
    guard: {
      trusted: true,
      look: () => Promise.resolve(),
      replicas: new ReplicaAcks(cluster.redis, new ReplicaCounts(0)),
    },
    send: (_host, jobs) => Promise.resolve(void sent.push(...jobs.map(({ contents }) => contents))),
    reload: () => Promise.resolve(),
    count: () => undefined,
    log: silentLog,
  });
  await relay.start();
  await expect.poll(() => cluster.redis.xlen(keys.queued)).toBe(0);
  await relay.stop(1_000);
  expect(sent).toEqual([JSON.stringify({ [notesKind]: { payload: job.payload.toString('base64'), version: 2 } })]);
  const [bad] = await cluster.redis.xrangeBuffer(keys.bad, '-', '+');
  expect(bad![1].map(String)).toContainEqual(expect.stringMatching(/^the job is damaged/));
});
