import { BackgroundLoop, RoostError } from '../../core/index.js';
import type { Log } from '../../process/index.js';
import { shardKey } from '../topology/types.js';
import type { DroppedTables } from './droppedTables.js';

const everyMs = 600_000;

/** Deletes, again and again, the tables of dropped shards that have been kept long enough. */
export class DroppedSweeper {
  readonly #loop = new BackgroundLoop(() => this.sweep(), {
    everyMs,
    startAfterMs: everyMs,
    onError: (error) => this.log.warn({ err: error }, 'tables of dropped shards could not be deleted'),
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

  /** Waits for a sweep that is under way. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** Never throws: what fails now is tried again by the next sweep. */
  async sweep(): Promise<void> {
    for (const hostname of this.hostnames()) {
      if (this.#loop.stopped) return;
      try {
        const deleted = await this.dropped.purge(hostname, await this.nowMs());
        for (const { name, shard } of deleted)
          this.log.info({ shard: shardKey(shard.id), name }, 'deleted the tables of a dropped shard for good');
      } catch (error) {
        this.log.warn({ err: RoostError.from(error), host: hostname }, 'tables of dropped shards could not be deleted');
      }
    }
  }
}
