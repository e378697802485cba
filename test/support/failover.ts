import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline, RoostError } from '../../core/index.js';
import type { Gizzard } from '../../gizzard/index.js';
import { notesKind, notesOf } from './notes.js';
import type { ReplicatedRedis } from './replicatedRedis.js';

const writers = 4;
const deadlineMs = 3_000;
const withinMs = 60_000;

export interface Failover {
  /** The acknowledged values of each writer, in order. */
  readonly acknowledged: readonly (readonly number[])[];
  /** The time from the kill, or the order, until every writer had an acknowledgment. */
  readonly pauseMs: number;
  /** The old primary. */
  readonly killed: number;
}

/**
 * Writes notes whose keys are their times, and kills the primary of the journal in the middle, after `killAfterMs`;
 * with `ordered`, the Sentinels are told to promote another server instead. Values start at `from`.
 */
export async function failOver(
  gizzard: Gizzard,
  redis: ReplicatedRedis,
  {
    from,
    killAfterMs,
    ordered = false,
  }: { readonly from: number; readonly killAfterMs: number; readonly ordered?: boolean },
): Promise<Failover> {
  const acknowledged: number[][] = Array.from({ length: writers }, () => []);
  const backAtMs = new Map<number, number>();
  let killedAtMs = Infinity;
  let stopped = false;
  let value = from;
  const load = acknowledged.map(async (ours, writer) => {
    while (!stopped) {
      const sentAtMs = performance.now();
      const note = value++;
      try {
        await write(gizzard, note);
        ours.push(note);
        if (sentAtMs > killedAtMs && !backAtMs.has(writer)) backAtMs.set(writer, performance.now());
      } catch (error) {
        if (!(error instanceof RoostError) || !['Unavailable', 'DeadlineExceeded'].includes(error.code)) throw error;
        await sleep(20);
      }
    }
  });
  const ended = Promise.all(load);
  const round = async (): Promise<Failover> => {
    await sleep(killAfterMs);
    const killed = await redis.primary();
    await (ordered ? redis.failOver() : redis.kill(killed));
    while (ordered && (await redis.primary()) === killed) await sleep(20);
    killedAtMs = performance.now();
    while (backAtMs.size < writers) {
      if (performance.now() > killedAtMs + withinMs) throw new Error('writes did not go on');
      await sleep(20);
    }
    return { acknowledged, killed, pauseMs: Math.max(...backAtMs.values()) - killedAtMs };
  };
  try {
    return await Promise.race([round(), ended.then(() => Promise.reject(new Error('the load has ended')))]);
  } finally {
    stopped = true;
    await ended.catch(() => undefined);
  }
}

/** One note, whose key is the time that the journal gives it. */
export const write = (gizzard: Gizzard, value: number): Promise<void> =>
  gizzard.jobs.append(
    [
      {
        kind: notesKind,
        payload: Buffer.from(`[["${'0'.repeat(16)}",${value}]]`),
        times: { count: 1, offsets: [3], digits: true },
      },
    ],
    { priority: 'high', waitUntilApplied: false, deadline: Deadline.after(deadlineMs) },
  );

/**
 * Returns a line for people: how long one acknowledgment at a time takes, and how many arrive in a second with 64
 * writes at a time.
 */
export async function acknowledgments(gizzard: Gizzard): Promise<string> {
  const one: number[] = [];
  for (let i = 0; i < 300; i++) {
    const sentAtMs = performance.now();
    await write(gizzard, 900_000_000 + i);
    one.push(performance.now() - sentAtMs);
  }
  one.sort((a, b) => a - b);
  const beganAtMs = performance.now();
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      for (let i = 0; i < 50; i++) await write(gizzard, 900_001_000);
    }),
  );
  const perSecond = (64 * 50_000) / (performance.now() - beganAtMs);
  return `p50 ${one[150]!.toFixed(2)} ms, p99 ${one[297]!.toFixed(2)} ms, ${Math.round(perSecond)} a second`;
}

/**
 * Waits until all leaves hold the same notes, with every acknowledged note. Returns what is missing after a while,
 * and the writers' pairs of writes whose times run backwards.
 */
export async function faultsOf(
  gizzard: Gizzard,
  acknowledged: readonly (readonly number[])[],
): Promise<{ readonly missing: readonly number[]; readonly backwards: readonly number[]; readonly alike: boolean }> {
  const givenUpAt = performance.now() + withinMs;
  for (;;) {
    const leaves = Object.values(await notesOf(gizzard));
    const times = leaves.map((notes) => new Map(notes.map((note) => note.split('=').reverse() as [string, string])));
    const held = (value: number): boolean => times.filter((leaf) => leaf.has(String(value))).length === 2;
    const missing = acknowledged.flat().filter((value) => !held(value));
    const ofFirstShard = leaves.filter((notes) => notes.length > 0).map((notes) => notes.join());
    const alike = new Set(ofFirstShard).size === 1;
    if ((missing.length === 0 && alike) || performance.now() > givenUpAt) {
      const timeOf = (value: number): bigint =>
        BigInt(times.find((leaf) => leaf.has(String(value)))?.get(String(value)) ?? 0);
      const backwards = acknowledged.flatMap((ours) =>
        ours.filter((value, i) => i > 0 && timeOf(value) <= timeOf(ours[i - 1]!)),
      );
      return { missing, backwards, alike };
    }
    await sleep(100);
  }
}
