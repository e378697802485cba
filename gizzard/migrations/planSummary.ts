import { Deadline, RoostError } from '../../core/index.js';
import type { RoostConfig } from '../../process/index.js';
import type { Hosts } from '../hosts.js';
import type { Movable, ShardSize } from '../moving/movable.js';
import type { MoveRates } from '../moving/moveTask.js';
import { shardSizes } from '../moving/shardSizes.js';
import { shardKey, type ShardInfo } from '../topology/types.js';
import { copyCount, type MigrationPlan } from './steps.js';

/** Shards that leave a host or come to it. Rows and bytes are estimates. */
export interface MovedLoad extends ShardSize {
  readonly shards: number;
}

const roomDeadlineMs = 5_000;

export interface HostSummary {
  readonly host: string;
  /** Shards that are set aside in the end: they take their room for `keptDays` longer. */
  readonly leaving: MovedLoad;
  readonly arriving: MovedLoad;
  /** Bytes that are free now. Absent where nobody can tell. */
  readonly freeBytes?: number;
}

export interface PlanSummary {
  /** By name; hosts without moves are absent. */
  readonly hosts: readonly HostSummary[];
  /** How long the tables of shards that leave are kept on their hosts (`moves.undropDays`). */
  readonly keptDays: number;
  readonly trees: number;
  readonly copies: number;
  /** Rows and bytes to copy. */
  readonly rows: number;
  readonly bytes: number;
  /**
   * Duration of the copies with each at its ceiling, and with each at its floor. Comparisons, waits for servers and
   * time windows come on top.
   */
  readonly atLeastMs: number;
  readonly atMostMs: number;
}

const none: MovedLoad = { shards: 0, rows: 0, bytes: 0 };
const plus = (load: MovedLoad, { rows, bytes }: ShardSize): MovedLoad => ({
  shards: load.shards + 1,
  rows: load.rows + rows,
  bytes: load.bytes + bytes,
});

/** Sums up plans by host, from the present sizes of shards. */
export async function summarizePlans(
  plans: readonly MigrationPlan[],
  {
    hosts,
    movableType,
    moves,
    rates,
    clusterRowsPerSecond,
  }: {
    readonly hosts: Pick<Hosts, 'host'>;
    readonly movableType: (type: string) => Movable;
    readonly moves: RoostConfig['moves'];
    readonly rates: Partial<MoveRates>;
    /** Limit of all copies together. Absent: none. */
    readonly clusterRowsPerSecond: number | undefined;
  },
): Promise<PlanSummary> {
  const leaves = new Map<string, ShardInfo>();
  for (const plan of plans)
    for (const shard of [...plan.sources, ...plan.dropped]) leaves.set(shardKey(shard.id), shard);
  const sizes = await shardSizes(hosts, [...leaves.values()], movableType);
  const sizeOf = ({ id }: ShardInfo): ShardSize => sizes.get(shardKey(id)) ?? none;

  const leaving = new Map<string, MovedLoad>();
  const arriving = new Map<string, MovedLoad>();
  /** Rows that a host's copies read and write. */
  const through = new Map<string, number>();
  const add = <V>(map: Map<string, V>, key: string, first: V, more: (before: V) => V): void =>
    void map.set(key, more(map.get(key) ?? first));
  let rows = 0;
  let bytes = 0;
  for (const plan of plans) {
    const coming = copiedSizes(plan, sizeOf, (from, to, size) => {
      rows += size.rows;
      bytes += size.bytes;
      for (const host of new Set([from.id.hostname, to.id.hostname]))
        add(through, host, 0, (before) => before + size.rows);
    });
    for (const shard of plan.created)
      add(arriving, shard.id.hostname, none, (load) => plus(load, coming.get(shardKey(shard.id)) ?? none));
    for (const shard of plan.dropped) add(leaving, shard.id.hostname, none, (load) => plus(load, sizeOf(shard)));
  }
  const names = [...new Set([...leaving.keys(), ...arriving.keys()])].sort();
  const busiest = Math.max(0, ...through.values());
  const msAt = (rate: number, bound = Infinity): number =>
    Math.ceil(1_000 * Math.max(busiest / (rate * moves.movesPerHost), rows / (rate * moves.movesAtOnce), rows / bound));
  return {
    hosts: await Promise.all(
      names.map(async (host) => {
        const freeBytes = await freeOn(hosts, host);
        return {
          host,
          leaving: leaving.get(host) ?? none,
          arriving: arriving.get(host) ?? none,
          ...(freeBytes === undefined ? {} : { freeBytes }),
        };
      }),
    ),
    keptDays: moves.undropDays,
    trees: plans.length,
    copies: plans.reduce((sum, plan) => sum + copyCount(plan), 0),
    rows,
    bytes,
    atLeastMs: msAt(rates.maxRowsPerSecond ?? moves.maxRowsPerSecond, clusterRowsPerSecond),
    atMostMs: msAt(rates.minRowsPerSecond ?? moves.minRowsPerSecond, clusterRowsPerSecond),
  };
}

/** A host that is to be left may be down. */
async function freeOn(hosts: Pick<Hosts, 'host'>, name: string): Promise<number | undefined> {
  try {
    return (await hosts.host(name).room?.(Deadline.after(roomDeadlineMs)))?.freeBytes;
  } catch (error) {
    if (error instanceof RoostError && error.retryable) return undefined;
    throw error;
  }
}

/**
 * The expected size of each new shard, by key. A source with several copied ranges is assumed to be spread evenly
 * over them.
 */
function copiedSizes(
  { steps }: MigrationPlan,
  sizeOf: (shard: ShardInfo) => ShardSize,
  each: (from: ShardInfo, to: ShardInfo, size: ShardSize) => void,
): Map<string, ShardSize> {
  const specs = steps.flatMap(({ action }) => (action.kind === 'copy' ? [action.spec] : []));
  const ranges = new Map<string, Set<string>>();
  const sourceOf = (spec: (typeof specs)[number]): string => spec.sources.map(({ id }) => shardKey(id)).join();
  for (const spec of specs) {
    const known = ranges.get(sourceOf(spec)) ?? new Set<string>();
    ranges.set(sourceOf(spec), known.add(`${spec.range?.from} ${spec.range?.to}`));
  }
  const found = new Map<string, ShardSize>();
  for (const spec of specs) {
    const [from] = spec.sources;
    if (from === undefined) continue;
    const parts = ranges.get(sourceOf(spec))!.size;
    const size = { rows: Math.ceil(sizeOf(from).rows / parts), bytes: Math.ceil(sizeOf(from).bytes / parts) };
    for (const to of spec.targets) {
      const before = found.get(shardKey(to.id)) ?? none;
      found.set(shardKey(to.id), { rows: before.rows + size.rows, bytes: before.bytes + size.bytes });
      each(from, to, size);
    }
  }
  return found;
}
