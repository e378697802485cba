import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { BackgroundLoop, pause, RoostError } from '../core/index.js';
import type { ArchiveWork, JournalArchive } from '../gizzard/index.js';

/** The longest wait for a process that was killed. */
const heldMs = 10_000;
const renewEveryMs = 3_000;
const lookEveryMs = 500;

const texts: Readonly<Record<ArchiveWork, string>> = {
  dump: 'a dump of this cluster is taken',
  restore: 'a backup is restored into this cluster',
};

/**
 * Runs work that only one process of the cluster may do at a time. Waits some seconds for a holder that may have been
 * killed. Throws `FailedPrecondition`, naming the holder, if it is alive.
 *
 * @param work its signal is also aborted if another process has taken over because this one stalled
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
  const renewing = new BackgroundLoop(
    async () => {
      const other = await archive.hold(kind, holder, heldMs);
      if (other !== undefined) lost.abort(taken(other));
    },
    // The journal is unreachable: the work itself notices.
    { everyMs: renewEveryMs, startAfterMs: renewEveryMs, onError: () => undefined },
  );
  renewing.start();
  try {
    return await work(AbortSignal.any([signal, lost.signal]));
  } catch (error) {
    throw lost.signal.aborted ? lost.signal.reason : error;
  } finally {
    await renewing.stop();
    await archive.leave(kind, holder).catch(() => undefined);
  }
}
