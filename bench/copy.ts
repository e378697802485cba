import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../core/index.js';
import { openFlock } from '../flock/index.js';
import { tableIdOf } from '../flock/graphs.js';
import { FlockTables } from '../flock/storage/flockTables.js';
import { ShardDatabase } from '../mysql/index.js';
import type { Gizzard, ShardInfo } from '../gizzard/index.js';
import { PageMover } from '../gizzard/moving/pageMover.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { generatedColumns } from './edgeColumns.js';
import { rawPool } from './raw/rawConnection.js';
import { ofRounds, timed } from './statistics.js';
import { rounds, seedOf, sized } from './settings.js';

const edgeCount = sized(400_000);
const diffPageRows = 10_000;

interface Round {
  readonly near: number;
  readonly far: number;
  readonly floor: number;
}

/**
 * Copies a shard through the server, including merges, counters and saved positions, beside INSERT … SELECT of the
 * same rows through mysql2, which uses one host only.
 */
export const copy: Benchmark = {
  name: 'copy',
  about: `a shard of ${edgeCount} edges, both tables, copied to an empty one`,
  meaning: 'How fast a shard moves to another host, which decides how long adding a host takes.',
  databaseHosts: 2,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    const [nearHost, farHost] = Object.keys(config.databaseHosts) as [string, string];
    const name = await makeGraph(config, 'copied', 1, [nearHost]);
    const graph = await roost.graph(name);
    await graph.writeColumns(generatedColumns(edgeCount, seedOf(1)), { deadlineMs: 60_000 });
    await untilMaterialized(roost);
    const pool = rawPool(config, 1);
    const flock = await openFlock(config);
    try {
      const { gizzard } = flock;
      const source = gizzard.topology.routes(tableIdOf(flock.graph(name).id, 'forward'))[0]!.leaves[0]!.shard;
      const from = new FlockTables(new ShardDatabase(config.cluster)).at(source);
      const rateTo = async (hostname: string, tablePrefix: string): Promise<number> => {
        const target: ShardInfo = { ...source, id: { hostname, tablePrefix } };
        await gizzard.apply([{ kind: 'createShard', shard: target }]);
        return rate(
          await runMs(
            gizzard.moves,
            await gizzard.moves.request('copy', [source.id, target.id], { maxRowsPerSecond: 100_000_000 }),
          ),
        );
      };
      const rawRate = async (tablePrefix: string): Promise<number> => {
        const raw = new FlockTables(new ShardDatabase(config.cluster)).at({ id: { tablePrefix } });
        await pool.query(`CREATE TABLE ${raw.edges} LIKE ${from.edges}`);
        await pool.query(`CREATE TABLE ${raw.nodes} LIKE ${from.nodes}`);
        return rate(
          await timed(async () => {
            await pool.query(`INSERT INTO ${raw.nodes} SELECT * FROM ${from.nodes}`);
            await pool.query(`INSERT INTO ${raw.edges} SELECT * FROM ${from.edges}`);
          }),
        );
      };
      const measured: Round[] = [];
      for (let round = 0; round < rounds; round++) {
        measured.push({
          near: await rateTo(nearHost, `near_${round}`),
          floor: await rawRate(`raw_${round}`),
          far: await rateTo(farHost, `far_${round}`),
        });
      }
      const compared: { readonly digests: number; readonly rows: number }[] = [];
      const replicas = [source, { ...source, id: { hostname: farHost, tablePrefix: 'far_0' } }];
      for (let round = 0; round < rounds; round++) {
        compared.push({
          digests: rate(await timed(() => diff(gizzard, replicas, true))),
          rows: rate(await timed(() => diff(gizzard, replicas, false))),
        });
      }
      return [
        { name: 'ours, on the same host', ...ofRounds(measured.map(({ near }) => near)), unit: 'edges/s' },
        { name: 'ours, to another host', ...ofRounds(measured.map(({ far }) => far)), unit: 'edges/s' },
        { name: 'floor, INSERT … SELECT', ...ofRounds(measured.map(({ floor }) => floor)), unit: 'edges/s' },
        {
          name: 'same host / floor',
          ...ofRounds(measured.map(({ near, floor }) => near / floor)),
          unit: '',
          target: { atLeast: 0.7 },
        },
        {
          name: 'another host / floor',
          ...ofRounds(measured.map(({ far, floor }) => far / floor)),
          unit: '',
          target: { atLeast: 0.7 },
        },
        {
          name: 'diff of two that are the same, by digests',
          ...ofRounds(compared.map(({ digests }) => digests)),
          unit: 'edges/s',
        },
        { name: 'diff row by row', ...ofRounds(compared.map(({ rows }) => rows)), unit: 'edges/s' },
        {
          name: 'by digests / row by row',
          ...ofRounds(compared.map(({ digests, rows }) => digests / rows)),
          unit: '',
        },
      ];
    } finally {
      await flock.close();
      await pool.end();
    }
  },
};

/**
 * The running time of a move. The wait for a server, which checks for moves twice a second, is not counted: real
 * shards are larger than this one.
 */
async function runMs(moves: Gizzard['moves'], id: number): Promise<number> {
  const deadline = Deadline.after(60_000);
  let startMs: number | undefined;
  for (;;) {
    const { state, error } = await moves.get(id);
    if (state === 'running') startMs ??= performance.now();
    if (state === 'done' && startMs !== undefined) return performance.now() - startMs;
    if (state !== 'running' && state !== 'queued') throw new Error(`the copy is ${state} ${error}`);
    deadline.check('a copy');
    // More frequent polls would make the copy yield to them.
    await sleep(50);
  }
}

/** Compares equal shards, with or without the digests that their hosts compute. */
async function diff(gizzard: Gizzard, shards: readonly ShardInfo[], byDigests: boolean): Promise<void> {
  const pages = new PageMover({ kind: 'diff', sources: shards, targets: [] }, (name) => gizzard.hosts.host(name));
  for (const table of gizzard.moves.movableType(shards[0]!.type).tables) {
    const compared = { ...table };
    if (!byDigests) delete compared.digest;
    for (let after: string | undefined = ''; after !== undefined;) {
      const { end, differences } = await pages.move(compared, after, diffPageRows, Deadline.after(60_000));
      if (differences.length > 0) throw new Error(`${differences.length} rows differ after a copy`);
      after = end;
    }
  }
}

const rate = (ms: number): number => (edgeCount * 1000) / ms;
