import { Redis } from 'ioredis';
import type { Pool } from 'mysql2/promise';
import type { Graph } from '../sdk/index.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { Postgres } from './raw/postgres.js';
import { fillColumns } from './raw/rawColumns.js';
import { rawPool } from './raw/rawConnection.js';
import { addToSets, setOf } from './raw/redisSets.js';
import { latencies, median, ofRounds, percentile } from './statistics.js';
import { rounds, seedOf, sized } from './settings.js';

const all = 'all';
const operations = sized(20_000);
const inFlight = 16;
const hugeCount = sized(512_000);
const hugeNode = 1n;
const rangeLimit = 50;

/**
 * Nodes by degree. Bronson et al. (TAO, 2013) report of Facebook's graph that 64 % of the range reads that return anything return one edge, and that 1 % of the counts are
 * 512,000 or more; the steps between are ours.
 */
const degrees = [
  { share: 0.64, degree: 1 },
  { share: 0.2, degree: 4 },
  { share: 0.1, degree: 40 },
  { share: 0.05, degree: 300 },
  { share: 0.01, degree: 2_000 },
] as const;
const nodeCount = 5_000;

/** The same paper's mix of calls, without those on objects. */
const mix = [
  { kind: 'newest edges', share: 0.574 },
  { kind: 'membership', share: 0.221 },
  { kind: 'count', share: 0.164 },
  { kind: 'range of time', share: 0.039 },
  { kind: 'write', share: 0.002 },
] as const;
type Kind = (typeof mix)[number]['kind'];

interface Call {
  readonly kind: Kind;
  readonly node: bigint;
  readonly degree: number;
}

/** The daily load of a feed: small reads of skewed lists, and an occasional write. */
export const workload: Benchmark = {
  name: 'workload',
  meaning: 'The day of a feed: what each kind of read takes beside the plainest table that could answer it.',
  about: `${operations} calls as TAO has them, ${inFlight} in flight, two database hosts; beside the same calls on one plain table by mysql2, on Redis, and on PostgreSQL where it is installed`,
  databaseHosts: 2,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    const graph = await roost.graph(await makeGraph(config, 'workload', 8));
    const { sourceIds, destinationIds } = edges();
    const positions = destinationIds.map((id) => id - 1_000n);
    await graph.writeColumns({ sourceIds, destinationIds, positions }, { deadlineMs: 60_000 });
    await untilMaterialized(roost);
    const pool = rawPool(config, inFlight);
    const redis = new Redis(config.redis.port, config.redis.host);
    const postgres = Postgres.start(inFlight);
    await fillRaw(pool, [sourceIds, destinationIds, positions]);
    await addToSets(redis, sourceIds, destinationIds, positions);
    await postgres?.run(
      'CREATE TABLE edges (source_id BIGINT, destination_id BIGINT, position BIGINT, PRIMARY KEY (source_id, destination_id))',
    );
    await postgres?.run('CREATE INDEX by_position ON edges (source_id, position)');
    await postgres?.fill('edges', [sourceIds, destinationIds, positions]);
    await postgres?.run('CREATE TABLE counts AS SELECT source_id, COUNT(*) AS count FROM edges GROUP BY source_id');
    await postgres?.run('CREATE UNIQUE INDEX by_source ON counts (source_id)');
    const random = generator(seedOf(11));
    const calls = Array.from({ length: operations }, () => pick(random));
    const taken = new Map<Kind, number[]>(mix.map(({ kind }) => [kind, []]));
    const ours = async (call: Call): Promise<void> => {
      const startMs = performance.now();
      await askOurs(graph, call);
      taken.get(call.kind)!.push(performance.now() - startMs);
    };
    const sides: Record<string, (call: Call) => Promise<unknown>> = {
      [all]: ours,
      'mysql2 on one plain table': (call) => askRaw(pool, call),
      'Redis, sorted sets': (call) => askRedis(redis, call),
      ...(postgres === undefined ? {} : { 'PostgreSQL, one table': (call: Call) => askPostgres(postgres, call) }),
    };
    const ms: Record<string, number[]> = {};
    const p50s: Record<string, number[]> = {};
    const perRound = Math.ceil(operations / rounds);
    for (let round = 0; round <= rounds; round++) {
      for (const [side, ask] of Object.entries(sides)) {
        const last = await latencies(perRound, inFlight, (i) => ask(calls[(round * perRound + i) % operations]!));
        // The first round warms all of them.
        if (round === 0) for (const kind of taken.values()) kind.length = 0;
        else {
          (ms[side] ??= []).push(...last);
          (p50s[side] ??= []).push(median(last));
        }
      }
    }
    await pool.end();
    redis.disconnect();
    await postgres?.stop();
    const over = (peer: string) => ofRounds(p50s[all]!.map((p50, round) => p50 / p50s[peer]![round]!));
    return [
      ...figures(all, ms[all]!),
      ...[...taken].filter(([, kind]) => kind.length > 0).flatMap(([kind, of]) => figures(kind, of)),
      ...Object.keys(sides)
        .filter((side) => side !== all)
        .flatMap((peer) => [
          ...figures(peer, ms[peer]!),
          {
            name: `ours / ${peer}, p50`,
            ...over(peer),
            unit: '',
            ...(peer.startsWith('mysql2') ? { target: { atMost: 2 } } : {}),
          },
        ]),
    ];
  },
};

const figures = (name: string, ms: readonly number[]): Figure[] => [
  { name: `${name}, p50`, value: median(ms), unit: 'ms' },
  { name: `${name}, p99`, value: percentile(ms, 0.99), unit: 'ms' },
  { name: `${name}, p99.9`, value: percentile(ms, 0.999), unit: 'ms' },
];

async function askOurs(graph: Graph, { kind, node, degree }: Call): Promise<void> {
  if (kind === 'newest edges') await graph.from(node).newest(rangeLimit);
  else if (kind === 'range of time')
    await graph
      .from(node)
      .between(0, degree >> 1)
      .page({ count: rangeLimit });
  else if (kind === 'membership') await graph.contains(node, 1_000 + degree);
  else if (kind === 'count') await graph.count(node);
  else await graph.add(node, 1_000 + degree, { position: degree });
}

async function askRaw(pool: Pool, { kind, node, degree }: Call): Promise<void> {
  const source = String(node);
  if (kind === 'newest edges')
    await pool.execute(
      `SELECT * FROM raw_workload.edges WHERE source_id = ? ORDER BY position DESC LIMIT ${rangeLimit}`,
      [source],
    );
  else if (kind === 'range of time')
    await pool.execute(
      `SELECT * FROM raw_workload.edges WHERE source_id = ? AND position BETWEEN 0 AND ? ORDER BY position DESC LIMIT ${rangeLimit}`,
      [source, degree >> 1],
    );
  else if (kind === 'membership')
    await pool.execute('SELECT 1 FROM raw_workload.edges WHERE source_id = ? AND destination_id = ?', [
      source,
      1_000 + degree,
    ]);
  else if (kind === 'count') await pool.execute('SELECT count FROM raw_workload.counts WHERE source_id = ?', [source]);
  else
    await pool.execute(
      'INSERT INTO raw_workload.edges VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE position = VALUES(position)',
      [source, 1_000 + degree, degree],
    );
}

async function askRedis(redis: Redis, { kind, node, degree }: Call): Promise<void> {
  const set = setOf(node);
  if (kind === 'newest edges') await redis.zrevrange(set, 0, rangeLimit - 1, 'WITHSCORES');
  else if (kind === 'range of time')
    await redis.zrevrangebyscore(set, degree >> 1, 0, 'WITHSCORES', 'LIMIT', 0, rangeLimit);
  else if (kind === 'membership') await redis.zscore(set, 1_000 + degree);
  else if (kind === 'count') await redis.zcard(set);
  else await redis.zadd(set, degree, 1_000 + degree);
}

async function askPostgres(postgres: Postgres, { kind, node, degree }: Call): Promise<void> {
  const source = String(node);
  if (kind === 'newest edges')
    await postgres.run(`SELECT * FROM edges WHERE source_id = $1 ORDER BY position DESC LIMIT ${rangeLimit}`, [source]);
  else if (kind === 'range of time')
    await postgres.run(
      `SELECT * FROM edges WHERE source_id = $1 AND position BETWEEN 0 AND $2 ORDER BY position DESC LIMIT ${rangeLimit}`,
      [source, degree >> 1],
    );
  else if (kind === 'membership')
    await postgres.run('SELECT 1 FROM edges WHERE source_id = $1 AND destination_id = $2', [source, 1_000 + degree]);
  else if (kind === 'count') await postgres.run('SELECT count FROM counts WHERE source_id = $1', [source]);
  else
    await postgres.run(
      'INSERT INTO edges VALUES ($1, $2, $3) ON CONFLICT (source_id, destination_id) DO UPDATE SET position = EXCLUDED.position',
      [source, 1_000 + degree, degree],
    );
}

/** The degree of a node. Nodes get the degrees in the order of `degrees`, each degree for its share of the nodes. */
function degreeOf(node: number): number {
  let share = node / nodeCount;
  for (const step of degrees) {
    if (share < step.share) return step.degree;
    share -= step.share;
  }
  return degrees.at(-1)!.degree;
}

function edges(): { sourceIds: BigInt64Array; destinationIds: BigInt64Array } {
  const sources: bigint[] = [];
  const destinations: bigint[] = [];
  const add = (source: bigint, degree: number): void => {
    for (let i = 1; i <= degree; i++) {
      sources.push(source);
      destinations.push(BigInt(1_000 + i));
    }
  };
  add(hugeNode, hugeCount);
  for (let node = 0; node < nodeCount; node++) add(BigInt(node + 2), degreeOf(node));
  return { sourceIds: BigInt64Array.from(sources), destinationIds: BigInt64Array.from(destinations) };
}

function pick(random: () => number): Call {
  let at = random();
  const kind = mix.find(({ share }) => (at -= share) < 0)?.kind ?? 'newest edges';
  if (kind === 'count' && random() < 0.01) return { kind, node: hugeNode, degree: hugeCount };
  const node = Math.floor(random() * nodeCount);
  return { kind, node: BigInt(node + 2), degree: degreeOf(node) };
}

async function fillRaw(pool: Pool, columns: readonly BigInt64Array[]): Promise<void> {
  await pool.query('CREATE DATABASE raw_workload');
  await pool.query(`CREATE TABLE raw_workload.edges (source_id BIGINT UNSIGNED NOT NULL, destination_id BIGINT UNSIGNED NOT NULL, position BIGINT NOT NULL,
    PRIMARY KEY (source_id, destination_id), KEY by_position (source_id, position)) ENGINE=InnoDB`);
  await pool.query(
    'CREATE TABLE raw_workload.counts (source_id BIGINT UNSIGNED NOT NULL PRIMARY KEY, count BIGINT NOT NULL) ENGINE=InnoDB',
  );
  await fillColumns(pool, 'raw_workload.edges', columns);
  await pool.query(
    'INSERT INTO raw_workload.counts SELECT source_id, COUNT(*) FROM raw_workload.edges GROUP BY source_id',
  );
}

/** Marsaglia's xorshift, so that a run can be repeated. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
