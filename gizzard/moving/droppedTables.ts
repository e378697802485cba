import { randomInt } from 'node:crypto';
import { Deadline, RoostError } from '../../core/index.js';
import { maxAsideNameChars, type DroppedShard, type KeptShard } from '../backend.js';
import type { Hosts } from '../hosts.js';
import type { AttributeForms } from '../shardAttributes.js';
import { withoutTexts } from '../topology/shardJson.js';
import type { ShardInfo } from '../topology/types.js';
import type { Movable } from './movable.js';

const operationDeadlineMs = 30_000;
/** Distinguishes shards dropped in the same second. */
const randomValues = 36 ** 4;

/**
 * Dropped shards, until their tables are deleted for good. Each host keeps its own, with a list, where no server
 * looks for shards.
 */
export class DroppedTables {
  constructor(
    private readonly hosts: Hosts,
    /** Throws if this server does not know the type. */
    private readonly movableType: (type: string) => Movable,
    private readonly forms: AttributeForms,
  ) {}

  /**
   * Takes a shard's tables away: renames all of them in one step, so that a writer that still uses the old names fails. They are kept for `keepMs`. The shard must not be in the
   * topology any more. `as` is the shard that they are listed as, and that `bringBack` gives them to; absent: the shard itself. Returns undefined where the host holds no
   * tables of it: a repeated call changes nothing.
   */
  async setAside(
    shard: ShardInfo,
    { why, keepMs, as = shard }: { readonly why: string; readonly keepMs: number; readonly as?: ShardInfo },
  ): Promise<DroppedShard | undefined> {
    const { host, list } = this.#at(shard.id.hostname);
    const movable = this.movableType(shard.type);
    if (!(await movable.holds(host, shard, deadline()))) return undefined;
    const droppedAtMs = await host.clockMs(deadline());
    const dropped: DroppedShard = {
      name: nameOf(as, droppedAtMs),
      shard: as,
      why,
      droppedAtMs,
      keepUntilMs: droppedAtMs + keepMs,
    };
    // Listed first: if the process dies in between, a line has no tables, but no tables lack a line.
    await list.add(host, dropped, deadline());
    await movable.setAside(host, shard, dropped.name, deadline());
    return dropped;
  }

  /** The shards of a host whose tables are kept, newest first. */
  async list(hostname: string): Promise<KeptShard[]> {
    const { host, list } = this.#at(hostname);
    return (await list.list(host, deadline())).flatMap(({ dropped, held }) =>
      // A backend may have stored it under an earlier release.
      held ? [{ ...dropped, shard: this.forms.named(withoutTexts(dropped.shard) as ShardInfo) }] : [],
    );
  }

  /**
   * Renames tables back. Throws `FailedPrecondition` if tables of these names exist by now, and `NotFound` if the
   * set-aside ones are deleted.
   */
  async bringBack({ name, shard }: DroppedShard): Promise<void> {
    const { hostname, tablePrefix } = shard.id;
    const { host, list } = this.#at(hostname);
    const movable = this.movableType(shard.type);
    const fields = { host: hostname, shard: tablePrefix };
    if (await movable.holds(host, shard, deadline()))
      throw new RoostError(
        'FailedPrecondition',
        `host ${hostname} holds tables of ${tablePrefix} again; those that were dropped are kept as ${name}`,
        { fields },
      );
    if (!(await movable.bringBack(host, shard, name, deadline())))
      throw new RoostError('NotFound', `the tables of ${tablePrefix} on ${hostname} are deleted for good`, { fields });
    await list.remove(host, name, deadline());
  }

  /**
   * Deletes what a host has kept long enough, both by its own clock and by `nowMs`, the journal's, so that one wrong
   * clock deletes nothing. Shards of types that this server does not know stay. Returns the deleted ones.
   */
  async purge(hostname: string, nowMs: number): Promise<DroppedShard[]> {
    const { host, list } = this.#at(hostname);
    const all = await list.list(host, deadline());
    if (all.length === 0) return [];
    const agreedMs = Math.min(nowMs, await host.clockMs(deadline()));
    const due = all.flatMap(({ dropped }) => (dropped.keepUntilMs <= agreedMs ? [dropped] : [])).reverse();
    for (const one of due) await this.delete(one);
    return due;
  }

  /** Deletes tables that are set aside for good. Does nothing where there are none. */
  async delete({ name, shard }: DroppedShard): Promise<void> {
    const { host, list } = this.#at(shard.id.hostname);
    await this.movableType(shard.type).dropAside(host, name, deadline());
    await list.remove(host, name, deadline());
  }

  /**
   * Deletes the oldest shards that a host keeps, before their time, until what is free on it is at least `minFreeShare` of what its data takes. Those that were dropped
   * less than `minAgeMs` ago stay, and so does all of a host that does not tell what is free. Returns those that it deleted.
   */
  async relieve(
    hostname: string,
    { minFreeShare, minAgeMs }: { readonly minFreeShare: number; readonly minAgeMs: number },
  ): Promise<KeptShard[]> {
    const { host } = this.#at(hostname);
    const deleted: KeptShard[] = [];
    const kept = await this.list(hostname);
    if (kept.length === 0) return deleted;
    const nowMs = await host.clockMs(deadline());
    for (const oldest of kept.reverse()) {
      const room = await host.room?.(deadline());
      if (room?.freeBytes === undefined || room.freeBytes >= room.usedBytes * minFreeShare) break;
      if (oldest.droppedAtMs > nowMs - minAgeMs) break;
      await this.delete(oldest);
      deleted.push(oldest);
    }
    return deleted;
  }

  #at(hostname: string) {
    const backend = this.hosts.backendOf(hostname);
    return { host: backend.host(hostname), list: backend.dropped };
  }
}

/**
 * `20261120T220000_k3f9_tweets_20261119T000000_000`: the shard's own prefix comes last, cut if the name would be too
 * long.
 */
function nameOf({ id }: ShardInfo, droppedAtMs: number): string {
  const time = new Date(droppedAtMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  const unique = randomInt(randomValues).toString(36).padStart(4, '0');
  return `${time}_${unique}_${id.tablePrefix}`.slice(0, maxAsideNameChars);
}

const deadline = (): Deadline => Deadline.after(operationDeadlineMs);
