import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { pause, RoostError } from '../core/index.js';
import type { ArchiveWork, JournalArchive } from '../gizzard/index.js';

/** A process that was killed is waited for no longer than this. */
const heldMs = 10_000;
const renewEveryMs = 3_000;
const lookEveryMs = 500;

const texts: Readonly<Record<ArchiveWork, string>> = {
  dump: 'a dump of this cluster is taken',
  restore: 'a backup is restored into this cluster',
};

/**
 * Does some work that one process of the cluster does at a time. Waits some seconds for another that may have been killed. Throws `FailedPrecondition` that names the other where it is alive.
 *
 * @param work its signal is also aborted when another process has taken its place, since this one had stood still
 */
export async function alone<T>(
  archive: JournalArchive,
  kind: ArchiveWork,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const holder = `process ${process.pid} on ${hostname()} (${randomUUID()})`;
  const taken = (other: string): RoostError =>
    new RoostError('FailedPrecondition', `${texts[kind]} by ${other.replace(/ \(.*/, '')}: wait for it, or end it`, {
      fields: { holder: other },
    });
  const givenUpAtMs = performance.now() + heldMs + 2 * lookEveryMs;
  for (;;) {
    const other = await archive.hold(kind, holder, heldMs);
    if (other === undefined) break;
    if (performance.now() > givenUpAtMs) throw taken(other);
    await pause(lookEveryMs, signal);
    signal.throwIfAborted();
  }
  const lost = new AbortController();
  const renewing = setInterval(() => {
    archive.hold(kind, holder, heldMs).then(
      (other) => {
        if (other !== undefined) lost.abort(taken(other));
      },
      // The journal is away; the work itself finds out.
      () => undefined,
    );
  }, renewEveryMs);
  try {
    return await work(AbortSignal.any([signal, lost.signal]));
  } catch (error) {
    throw lost.signal.aborted ? lost.signal.reason : error;
  } finally {
    clearInterval(renewing);
    await archive.leave(kind, holder).catch(() => undefined);
  }
}
