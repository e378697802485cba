import { Deadline, inParallel, RoostError, whatStays } from '../../core/index.js';
import type { Hosts } from '../hosts.js';
import { differingRows } from '../moving/differingRows.js';
import type { Movable, MovableTable } from '../moving/movable.js';
import type { Difference } from '../moving/moveTask.js';
import { shardKey, type ShardInfo, type TableInfo } from '../topology/types.js';
import type { Check, Examination, Finding } from './check.js';

const hostDeadlineMs = 10_000;
/** Replicas may differ for a moment during writes. */
const countAgainAfterMs = [250, 250, 250];
/** Trees compared at a time. */
const treesAtOnce = 4;
/** Rows that a finding names. The comparison stops there, since a repair goes through all rows. */
const namedRows = 10;

interface Tree {
  readonly table: TableInfo;
  readonly replicas: readonly ShardInfo[];
  readonly movable: Movable;
}

/** Replicas that differ: rows of tables with counters, numbers of rows of all others. */
export const differingReplicas: Check = {
  name: 'replicas',
  async examine(examination) {
    const findings: Finding[] = [];
    const notCompared: { readonly root: string; readonly why: string }[] = [];
    await inParallel(treesOf(examination), treesAtOnce, async ([root, { table, replicas, movable }]) => {
      try {
        const found = await disagreement(replicas, movable, examination.hosts);
        if (found === undefined) return;
        const message = `the replicas of table ${table.tableId} (${table.name}) below ${root} do not hold the same: ${found.text}`;
        findings.push({
          kind: 'disagreeingReplicas',
          subject: root,
          message,
          differences: found.differences,
          remedy: { kind: 'repair', shards: replicas },
        });
      } catch (error) {
        notCompared.push({ root, why: RoostError.from(error).message });
      }
    });
    findings.sort((a, b) => (a.subject < b.subject ? -1 : 1));
    notCompared.sort((a, b) => (a.root < b.root ? -1 : 1));
    const [first, ...others] = notCompared;
    // A host that does not answer prevents many comparisons.
    if (first !== undefined)
      findings.push({
        kind: 'notExamined',
        subject: first.root,
        message: `the replicas below ${first.root}${others.length === 0 ? '' : `, and below ${others.length} other roots,`} could not be compared: ${first.why}`,
      });
    return findings;
  },
};

function treesOf({ topology, reserved, types }: Examination): ReadonlyMap<string, Tree> {
  const trees = new Map<string, Tree>();
  for (const table of topology.tables) {
    for (const { root, leaves } of topology.routes(table.tableId)) {
      const replicas = leaves
        .filter((leaf) => leaf.read === 'allow' && leaf.write === 'allow')
        .map((leaf) => leaf.shard);
      const key = shardKey(root.id);
      if (replicas.length < 2 || reserved.has(key)) continue;
      const movable = types.get(replicas[0]!.type)?.moving;
      if (movable !== undefined) trees.set(key, { table, replicas, movable });
    }
  }
  return trees;
}

/**
 * The difference between replicas. In types with counters, lost writes show in these: their rows are compared, and
 * the rows of other tables counted, since a separate check reads them. In types without counters all rows are
 * compared.
 */
async function disagreement(
  replicas: readonly ShardInfo[],
  movable: Movable,
  hosts: Hosts,
): Promise<{ readonly text: string; readonly differences: readonly Difference[] } | undefined> {
  const { tables } = movable;
  const differences: Difference[] = [];
  const counters = tables.filter(({ contradictions }) => contradictions !== undefined);
  const compared = counters.length > 0 ? counters : tables;
  for (const table of compared)
    differences.push(...(await differingRows(table, replicas, (name) => hosts.host(name), namedRows)));
  if (differences.length > 0) {
    const more = differences.length > namedRows ? ['and perhaps more'] : [];
    return {
      text: [...differences.slice(0, namedRows).map(differenceText), ...more].join('; '),
      differences: differences.slice(0, namedRows),
    };
  }
  const counts = await differingCounts(
    tables.filter((table) => !compared.includes(table)),
    replicas,
    hosts,
  );
  return counts === undefined ? undefined : { text: counts, differences: [] };
}

/** Numbers of rows, if they still differ after several looks. */
async function differingCounts(
  tables: readonly MovableTable[],
  replicas: readonly ShardInfo[],
  hosts: Hosts,
): Promise<string | undefined> {
  /** The rows of each replica as text; none if all agree. */
  const count = async (): Promise<readonly string[]> => {
    const counts = await Promise.all(
      replicas.map(async (shard) => {
        const host = hosts.host(shard.id.hostname);
        const rows = await Promise.all(
          tables.map(
            async (table) => `${await table.count(host, shard, Deadline.after(hostDeadlineMs))} ${table.name}`,
          ),
        );
        return rows.join(' and ');
      }),
    );
    return new Set(counts).size === 1 ? [] : counts;
  };
  const counts = await whatStays(await count(), count, countAgainAfterMs);
  if (counts.length === 0) return undefined;
  return counts.map((rows, i) => `${shardKey(replicas[i]!.id)} has ${rows}`).join(', ');
}

/** The columns of a row in which replicas differ, with each value. */
function differenceText({ table, key, rows }: Difference): string {
  const replicas = Object.entries(rows);
  const columns = [...new Set(replicas.flatMap(([, row]) => Object.keys(row ?? {})))].filter(
    (column) => new Set(replicas.map(([, row]) => row?.[column])).size > 1,
  );
  return `${table} ${key}: ${replicas.map(([shard, row]) => (row === null ? `${shard} does not have it` : `${shard} has ${columns.map((column) => `${column} ${row[column]}`).join(', ')}`)).join(' and ')}`;
}
