import { describe, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { Metrics } from '../../process/index.js';
import { append, notesJob, notesKind, notesOf, type Note } from '../../test/support/notes.js';
import { notesCluster } from '../../test/support/notesCluster.js';
import { requirePayloadVersion } from './unknownJobs.js';

const cluster = notesCluster('unknown_jobs', { errorDelaySeconds: 0.5, errorLimit: 1, claimAfterSeconds: 3600 });
const note = (key: number, value: number): Note => ({ key: BigInt(key), value });
const idle = { queued: 0, failing: 0, bad: 0 };
const waits = { queued: 0, failing: 1, bad: 0 };

describe('a job that waits for a server that knows it', () => {
  it('is of an unknown kind, and never turns bad', async () => {
    const metrics = new Metrics();
    const old = await cluster.open({ metrics });
    await old.jobs.append([{ kind: 'test.future', payload: notesJob([note(1, 1)]).payload }], {
      priority: 'high',
      waitUntilApplied: false,
      deadline: Deadline.after(5_000),
    });
    await expect.poll(() => old.jobs.sizes('high')).toEqual(waits);
    expect(await old.jobs.queues.list('high', 'failing', 9)).toMatchObject([
      { kind: 'test.future', version: 1, attempts: 0, lastError: 'this server knows no job of kind test.future' },
    ]);
    expect(await old.jobs.unknown()).toEqual([
      { kind: 'test.future', version: 1, jobs: 1, oldestAgeMs: expect.any(Number) as number },
    ]);
    expect(await metrics.registry.metrics()).toContain(
      'roost_jobs_unknown{priority="high",kind="test.future",version="1"} 1',
    );
    expect(await old.doctor.examine()).toContainEqual(
      expect.objectContaining({
        kind: 'unknownJobs',
        subject: 'test.future 1',
        message: expect.stringMatching(/^1 job of kind test.future, version 1, waits for a server/) as string,
      }),
    );
    // No database host lags for that.
    expect(await old.jobs.laggingHosts()).toEqual([]);
    await cluster.open({ hooks: { kind: 'test.future' } });
    await expect.poll(() => notesOf(old), { timeout: 20_000 }).toMatchObject(cluster.both('first', ['1=1']));
    await expect.poll(() => old.jobs.sizes('high')).toEqual(idle);
    expect(await old.jobs.unknown()).toEqual([]);
    expect(await metrics.registry.metrics()).not.toContain('roost_jobs_unknown{');
  });

  it('is of a later version of a known kind: what a newer server journals, an older one beside it leaves alone', async () => {
    const old = await cluster.open();
    const next = await cluster.open({ work: false, hooks: { version: 2 } });
    await append(next, [note(1, 1)]);
    await expect.poll(() => old.jobs.sizes('high')).toEqual(waits);
    expect(await old.jobs.queues.list('high', 'failing', 9)).toMatchObject([
      {
        kind: notesKind,
        version: 2,
        attempts: 0,
        lastError: `this server knows jobs of kind ${notesKind} up to version 1, not version 2`,
      },
    ]);
    // Those of its own version do not wait behind it.
    await append(old, [note(1, 2)], { wait: true });
    await next.jobs.start();
    await expect.poll(() => notesOf(old), { timeout: 20_000 }).toMatchObject(cluster.both('first', ['1=1', '1=2']));
    await expect.poll(() => old.jobs.sizes('high')).toEqual(idle);
  });

  it('fills its own place alone: writes of other kinds go on, those of its kind are refused', async () => {
    const old = await cluster.open({ jobs: { maxFailing: 1 } });
    const future = { kind: 'test.future', payload: Buffer.alloc(1) };
    const write = () =>
      old.jobs.append([future], { priority: 'high', waitUntilApplied: false, deadline: Deadline.after(5_000) });
    await write();
    await expect.poll(() => old.jobs.sizes('high')).toEqual(waits);
    await expect
      .poll(() => write().catch((error: unknown) => error))
      .toMatchObject({ code: 'Overloaded', fields: { kind: 'test.future', version: '1' } });
    await append(old, [note(1, 1)], { wait: true });
    const [job] = await old.jobs.queues.list('high', 'failing', 1);
    expect(await old.jobs.queues.discard('high', 'failing', [job!.id])).toBe(1);
  });

  it('keeps its version as JSON, and is not accepted from outside', async () => {
    const old = await cluster.open();
    const json = JSON.stringify({
      [notesKind]: { payload: notesJob([note(1, 1)]).payload.toString('base64'), version: 2 },
    });
    await expect(old.jobs.parse(json)).rejects.toMatchObject({
      code: 'InvalidArgument',
      fields: { unknownKind: notesKind, unknownVersion: '2' },
    });
    const next = await cluster.open({ hooks: { version: 2 } });
    expect(await next.jobs.parse(json)).toMatchObject({ version: 2 });
    expect(await next.jobs.parse(json.replace('"version":2', '"version":1'))).toMatchObject({ version: 1 });
  });
});

it('a version at the beginning of a payload is known, later, or none', () => {
  expect(() => requirePayloadVersion('a', 2, 2)).not.toThrow();
  expect(() => requirePayloadVersion('a', 3, 2)).toThrow(
    expect.objectContaining({ code: 'FailedPrecondition', fields: { unknownKind: 'a', unknownVersion: '3' } }) as Error,
  );
  for (const found of [0, 1, 1.5, '3', undefined])
    expect(() => requirePayloadVersion('a', found, 2)).toThrow(expect.objectContaining({ code: 'DataLoss' }) as Error);
});
