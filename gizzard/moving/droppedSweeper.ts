import { BackgroundLoop, RoostError } from '../../core/index.js';
import type { Log } from '../../process/index.js';
import { shardKey } from '../topology/types.js';
import type { DroppedTables } from './droppedTables.js';

const everyMs = 300_000;
/** A host with less free than this share of what its data takes gives up what it keeps: without room, writes to it would stop. */
const minFreeShare = 0.05;
/** Tables that were dropped by mistake can be brought back for at least this long. */
const minAgeMs = 3_600_000;

/** Deletes, again and again, the tables of dropped shards that have been kept long enough, and where a host has no room left, the oldest before their time. */
export class DroppedSweeper {
  readonly #loop = new BackgroundLoop(() => this.sweep(), {
    everyMs,
    startAfterMs: everyMs,
    onError: (error) => this.log.warn({ err: error }, 'the tables of dropped shards could not be deleted'),
  });

  constructor(
    private readonly dropped: DroppedTables,
    private readonly hostnames: () => readonly string[],
    /** The journal's time. */
    private readonly nowMs: () => Promise<number>,
    private readonly log: Log,
  ) {}

  start(): void {
    this.#loop.start();
  }

  /** Waits for a sweep in progress. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** Never throws: the next sweep retries failures. */
  async sweep(): Promise<void> {
    for (const hostname of this.hostnames()) {
      if (this.#loop.stopped) return;
      try {
        const deleted = await this.dropped.purge(hostname, await this.nowMs());
        for (const { name, shard } of deleted)
          this.log.info({ shard: shardKey(shard.id), name }, 'the tables of a dropped shard were deleted');
        const early = await this.dropped.relieve(hostname, { minFreeShare, minAgeMs });
        for (const { name, shard, bytes, keepUntilMs } of early)
          this.log.warn(
            { shard: shardKey(shard.id), name, bytes, keptUntil: new Date(keepUntilMs).toISOString() },
            'the tables of a dropped shard were deleted early: their host has no room left',
          );
      } catch (error) {
        this.log.warn(
          { err: RoostError.from(error), host: hostname },
          'the tables of dropped shards could not be deleted',
        );
      }
    }
  }
}
