import { RoostError } from '../../core/index.js';
import type { HashRange, MoveSpec } from '../moving/moveTask.js';
import { changesBetween } from '../topology/changesBetween.js';
import { shardKey, type ShardInfo } from '../topology/types.js';
import { partOfTopology } from './concreteTree.js';
import { retired, type MigrationPlan, type PlannedStep } from './steps.js';
import { finalTree, settledTree, stagedTree, type From, type Interval, type To } from './stagedTrees.js';

/**
 * The steps from the old trees to the new ones: make tables, write to both, copy, compare, read from the new shards,
 * take the old ones away.
 */
export function planSteps(
  tableId: number,
  hash: string,
  froms: readonly From[],
  tos: readonly To[],
  intervals: readonly Interval[],
): Omit<MigrationPlan, 'title' | 'basis'> {
  const before = partOfTopology(froms.map(({ baseId, tree }) => ({ tableId, baseId, tree })));
  const staged = partOfTopology(
    intervals.map((interval) => ({ tableId, baseId: interval.baseId, tree: stagedTree(interval) })),
  );
  const settled = partOfTopology(
    intervals.map((interval) => ({ tableId, baseId: interval.baseId, tree: settledTree(interval) })),
  );
  const after = partOfTopology(
    tos.map((to) => ({
      tableId,
      baseId: to.baseId,
      tree: finalTree(to, intervals.find((interval) => interval.to === to)!.stage),
    })),
  );
  const change = (
    phase: PlannedStep['phase'],
    title: string,
    precondition: string,
    from: typeof before,
    to: typeof before,
  ): PlannedStep[] => {
    const changes = changesBetween(from, to);
    return changes.length === 0
      ? []
      : [
          {
            phase,
            title,
            precondition,
            action: { kind: 'change', changes },
            inverse: { kind: 'change', changes: changesBetween(to, from) },
          },
        ];
  };
  const nothing = { kind: 'nothing' } as const;
  const moves = intervals.filter(({ to }) => to.filled.length > 0).map((interval) => moveOf(interval, hash, intervals));
  const newTables = unique(tos.flatMap((to) => to.filled)).filter(
    (shard) => !before.shards.some((one) => shardKey(one.id) === shardKey(shard.id)),
  );
  const kept = new Set(tos.flatMap((to) => to.leaves.map((leaf) => shardKey(leaf.shard.id))));
  const dropped = unique(froms.flatMap((from) => from.leaves.map((leaf) => leaf.shard))).filter(
    (shard) => !kept.has(shardKey(shard.id)),
  );
  const rescues = intervals.flatMap((interval) => rescueOf(interval, dropped, hash, intervals));

  const steps: PlannedStep[] = [
    ...(newTables.length === 0
      ? []
      : [
          {
            phase: 'prepare',
            title: `make the tables of ${keys(newTables)}`,
            precondition: 'the hosts answer, have room, and hold no tables of these names',
            action: { kind: 'createTables', shards: newTables },
            inverse: { kind: 'dropTables', shards: newTables },
          } as const,
        ]),
    ...change(
      'prepare',
      moves.length === 0 ? 'link what is new' : 'write to the new shards too, and read from the old ones',
      'the tables are there',
      before,
      staged,
    ),
    ...moves.map((spec): PlannedStep => ({
      phase: 'copy',
      title: `copy ${keys(spec.sources.slice(0, 1))} to ${keys(spec.targets)}${rangeText(spec.range)}`,
      precondition: 'every server writes to both',
      action: { kind: 'copy', spec: { ...spec, kind: 'copy' } },
      inverse: nothing,
    })),
    ...moves.map((spec): PlannedStep => ({
      phase: 'verify',
      title: `compare ${keys(spec.targets)} with ${keys(spec.sources)}, row by row${rangeText(spec.range)}`,
      precondition: 'the copy is complete',
      action: { kind: 'verify', spec },
      inverse: nothing,
    })),
    ...change(
      'settle',
      'read from the new shards, and write to the old ones too',
      moves.length === 0 ? 'nothing has to be copied' : 'the last comparison found nothing missing',
      staged,
      settled,
    ),
    ...change('cleanup', 'take the old shards out of the trees', 'the new shards serve as they should', settled, after),
    ...(dropped.length === 0
      ? []
      : [
          {
            phase: 'cleanup',
            title: `rename the tables of ${keys(dropped)}, so that nothing can write to them`,
            precondition: 'every server has let go of them',
            action: { kind: 'retire', shards: dropped },
            inverse: nothing,
          } as const,
        ]),
    ...rescues.map((spec): PlannedStep => ({
      phase: 'cleanup',
      title: `look for rows of ${keys(spec.sources)} that are not in ${keys(spec.targets)}${rangeText(spec.range)}`,
      precondition: 'nothing can write to the old tables',
      action: { kind: 'verify', spec },
      inverse: nothing,
    })),
    ...(dropped.length === 0
      ? []
      : [
          {
            phase: 'cleanup',
            title: `set the tables of ${keys(dropped)} aside`,
            precondition: 'the new shards hold every row of them',
            action: { kind: 'dropTables', shards: dropped.map(retired) },
            inverse: nothing,
          } as const,
        ]),
  ];
  return {
    steps,
    shards: unique([...before.shards, ...staged.shards, ...settled.shards, ...after.shards]).map((shard) => shard.id),
    sources: unique(froms.flatMap(sourcesOf)),
    created: newTables,
    dropped,
  };
}

function moveOf(interval: Interval, hash: string, intervals: readonly Interval[]): MoveSpec {
  const sources = sourcesOf(interval.from).filter(
    (source) => !interval.to.filled.some((target) => shardKey(target.id) === shardKey(source.id)),
  );
  if (sources.length === 0) {
    const root = shardKey(interval.from.tree.shard.id);
    throw new RoostError('FailedPrecondition', `there is no shard to copy from: none below ${root} is read`, {
      fields: { shard: root },
    });
  }
  const range = rangeOf(interval, hash, intervals);
  return { kind: 'verify', sources, targets: interval.to.filled, ...(range === undefined ? {} : { range }) };
}

/** Copies the content of shards that go into shards that stay. */
function rescueOf(
  interval: Interval,
  dropped: readonly ShardInfo[],
  hash: string,
  intervals: readonly Interval[],
): MoveSpec[] {
  const gone = new Set(dropped.map((shard) => shardKey(shard.id)));
  const sources = interval.from.leaves
    .filter((leaf) => leaf.write !== 'ignore' && gone.has(shardKey(leaf.shard.id)))
    .map((leaf) => retired(leaf.shard));
  const targets = interval.to.leaves.filter((leaf) => leaf.write !== 'ignore').map((leaf) => leaf.shard);
  const range = rangeOf(interval, hash, intervals);
  return sources.length === 0 || targets.length === 0
    ? []
    : [{ kind: 'verify', sources, targets, ...(range === undefined ? {} : { range }) }];
}

/** Absent if the old tree's keys all go the same way. */
const rangeOf = (interval: Interval, hash: string, intervals: readonly Interval[]): HashRange | undefined =>
  intervals.filter((one) => one.from === interval.from).length === 1
    ? undefined
    : { hash, from: interval.baseId, to: interval.end };

/** Leaves that hold everything: those read and written. Without any, those read: writes that they refuse wait for them. */
function sourcesOf(from: From): ShardInfo[] {
  const whole = from.leaves.filter((leaf) => leaf.read === 'allow' && leaf.write === 'allow');
  return (whole.length > 0 ? whole : from.leaves.filter((leaf) => leaf.read === 'allow')).map((leaf) => leaf.shard);
}

function unique(shards: readonly ShardInfo[]): ShardInfo[] {
  return [...new Map(shards.map((shard) => [shardKey(shard.id), shard])).values()];
}

const keys = (shards: readonly ShardInfo[]): string => shards.map((shard) => shardKey(shard.id)).join(', ');
const rangeText = (range: HashRange | undefined): string =>
  range === undefined ? '' : ` (hashes ${range.from} … ${range.to - 1n})`;
