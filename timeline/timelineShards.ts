import { journalWrite } from '../cluster/index.js';
import type { Deadline } from '../core/index.js';
import type { Gizzard, Leaf, NewJob } from '../gizzard/index.js';
import { RoostError } from '../core/index.js';
import type { KeySpaces, RedisHost } from '../redis/index.js';
import type { WriteOptions } from '../wire/index.js';
import { TimelineLists, type ListLimits } from './lists/timelineLists.js';
import { routingKeyOf } from './names.js';
import { timelineSpaces } from './timelinesShardType.js';

/** The table id of timelines in the topology. */
export const timelinesTableId = 1_700_000_000;

/** Finds the lists that hold a timeline. */
export class TimelineShards {
  readonly #spaces: KeySpaces;

  constructor(
    private readonly gizzard: Gizzard,
    readonly limits: ListLimits,
  ) {
    this.#spaces = timelineSpaces(gizzard.config.cluster);
  }

  /** Reads from one replica. Throws `FailedPrecondition` if the cluster has no shards for timelines. */
  read<T>(name: string, deadline: Deadline, read: (lists: TimelineLists) => Promise<T>): Promise<T> {
    this.requireShards();
    const route = this.gizzard.topology.route(timelinesTableId, routingKeyOf(name));
    return this.gizzard.read(route, deadline, (host: RedisHost, leaf, within) =>
      read(listsOf(this.#spaces, this.limits, host, leaf, within)),
    );
  }

  /** The lists of one replica. */
  listsAt(leaf: Pick<Leaf, 'shard'>, deadline: Deadline): TimelineLists {
    const host = this.gizzard.hosts.host(leaf.shard.id.hostname) as RedisHost;
    return listsOf(this.#spaces, this.limits, host, leaf, deadline);
  }

  /** Journals a write. */
  async write(job: NewJob, options: WriteOptions): Promise<void> {
    this.requireShards();
    await journalWrite(this.gizzard, [job], options);
  }

  requireShards(): void {
    if (this.gizzard.topology.covers(timelinesTableId)) return;
    throw new RoostError(
      'FailedPrecondition',
      'this cluster has no shards for timelines yet: `roost timeline setup` makes them',
    );
  }
}

/** The lists of a leaf. */
export const listsOf = (
  spaces: KeySpaces,
  limits: ListLimits,
  host: RedisHost,
  leaf: Pick<Leaf, 'shard'>,
  deadline: Deadline,
): TimelineLists => new TimelineLists(host, spaces, leaf.shard, limits, deadline);
