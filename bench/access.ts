import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newToken } from '../access/index.js';
import { startServerProcess, stopServerProcess } from '../cli/serverProcess.js';
import { makeDevelopmentCertificates } from '../playground/index.js';
import type { RoostConfig, RoostConfigInput } from '../process/index.js';
import { connect, type ConnectOptions, type Roost } from '../sdk/index.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { generatedColumns } from './edgeColumns.js';
import { latencies, median, ofRounds, timed } from './statistics.js';
import { seedOf, sized } from './settings.js';

const edgeCount = sized(10_000);
const reads = sized(5_000);
const readRounds = 7;
const inFlight = 64;
const loadedEdges = sized(40_000);
const loadRounds = 5;
const connections = 50;

/**
 * The four ways to connect to a server: anonymously without encryption; with a token whose identity is limited to one
 * graph and a rate; over mutual TLS; with both.
 */
const sides = ['open', 'token', 'tls', 'both'] as const;
type Side = (typeof sides)[number];
type Rates = Record<Side, number>;

/** The cost of tokens and TLS for membership reads and loads, beside a server that asks for neither, by turns. */
export const access: Benchmark = {
  name: 'access',
  about: `${reads} membership reads, ${inFlight} in flight, and loads of ${loadedEdges} edges: with tokens, over TLS, with both; ${connections} connections one by one`,
  meaning: 'The cost of tokens, certificates and roles for each call: 1 is no cost.',
  async run({ config, roost, ready }: BenchCluster): Promise<readonly Figure[]> {
    const columns = generatedColumns(edgeCount, seedOf(7));
    const name = await makeGraph(config, 'access', 4);
    await (await roost.graph(name)).writeColumns(columns, { deadlineMs: 60_000 });
    await untilMaterialized(roost);

    const dir = mkdtempSync(join(tmpdir(), 'roost-bench-access-'));
    const dirs = (['token', 'tls', 'both'] as const).map((side) => join(dir, side));
    const clients: Roost[] = [];
    try {
      const options = await guardedServers(config, name, dir);
      const ways: Record<Side, ConnectOptions> = {
        open: { servers: [`${ready.flock.host}:${ready.flock.port}`] },
        ...options,
      };
      for (const side of sides) clients.push(await connect(ways[side]));
      const bySide = (work: (client: Roost, round: number) => Promise<number>, rounds: number): Promise<Rates[]> =>
        byTurns(clients, rounds, work);

      const readRates = await bySide(async (client) => {
        const graph = await client.graph(name);
        const takenMs = await timed(() =>
          latencies(reads, inFlight, (i) => {
            const edge = (i * 7919) % edgeCount;
            return graph.contains(columns.sourceIds[edge]!, columns.destinationIds[edge]!);
          }),
        );
        return (reads / takenMs) * 1_000;
      }, readRounds);
      const loadRates = await bySide(async (client, round) => {
        const more = generatedColumns(loadedEdges, seedOf(100 + round));
        const graph = await client.graph(name);
        const takenMs = await timed(async () => {
          await graph.writeColumns(more, { deadlineMs: 60_000 });
          await untilMaterialized(client);
        });
        return (loadedEdges / takenMs) * 1_000;
      }, loadRounds);
      const connectMs: Partial<Rates> = {};
      for (const side of sides)
        connectMs[side] = median(await latencies(connections, 1, async () => (await connect(ways[side])).close()));
      return [
        ...figures('reads', readRates),
        ...figures('load', loadRates),
        ...sides.map((side) => ({ name: `a connection, ${side}`, value: connectMs[side]!, unit: 'ms' })),
      ];
    } finally {
      for (const client of clients) await client.close();
      for (const each of dirs) await stopServerProcess(each);
      rmSync(dir, { recursive: true, force: true });
    }
  },
};

/**
 * The rates of all sides in each round but the first, which warms all sides. Each round starts with another side than
 * the round before.
 */
async function byTurns(
  clients: readonly Roost[],
  rounds: number,
  work: (client: Roost, round: number) => Promise<number>,
): Promise<Rates[]> {
  const rates: Rates[] = [];
  for (let round = 0; round <= rounds; round++) {
    const rate: Rates = { open: 0, token: 0, tls: 0, both: 0 };
    for (let turn = 0; turn < sides.length; turn++) {
      const at = (round + turn) % sides.length;
      rate[sides[at]!] = await work(clients[at]!, round * sides.length + at);
    }
    if (round > 0) rates.push(rate);
  }
  return rates;
}

const figures = (what: string, rates: readonly Rates[]): Figure[] => [
  {
    name: `${what}, open`,
    ...ofRounds(rates.map(({ open }) => open)),
    unit: `${what === 'load' ? 'edges' : what}/s`,
  },
  ...(['token', 'tls', 'both'] as const).map((side) => ({
    name: `${what}, ${side} / open`,
    ...ofRounds(rates.map((rate) => rate[side] / rate.open)),
    unit: '',
    target: { atLeast: 0.85 },
  })),
];

/** Starts a server for each way but the open one. Returns the clients' connection options. */
async function guardedServers(
  config: RoostConfig,
  graph: string,
  dir: string,
): Promise<Record<Exclude<Side, 'open'>, ConnectOptions>> {
  const token = newToken();
  const file = join(dir, 'access.json');
  const limited = { roles: ['read' as const, 'write' as const], services: ['flock'], graphs: [graph] };
  writeFileSync(
    file,
    JSON.stringify({
      identities: { limited: { tokens: [token.record], grants: [limited], callsPerSecond: 1_000_000 } },
    }),
  );
  const made = await makeDevelopmentCertificates({ dir, hosts: ['127.0.0.1'], clients: ['bench'], days: 1 });
  const ports = Object.fromEntries(
    Object.keys(config.server).flatMap((key) => (key.endsWith('Port') ? [[key, 0]] : [])),
  );
  const start = async (side: string, more: Partial<RoostConfigInput>): Promise<{ servers: string[] }> => {
    const own = join(dir, side);
    mkdirSync(own);
    const path = join(own, 'roost.config.json');
    const written = { ...config, server: { ...config.server, ...ports }, ...more };
    writeFileSync(path, JSON.stringify(written), { mode: 0o600 });
    const { flock } = await startServerProcess(own, path, process.env);
    return { servers: [`${flock.host}:${flock.port}`] };
  };
  const pem = (path: string): string => readFileSync(path, 'utf8');
  const { certFile, keyFile } = made.clients['bench']!;
  const shown = { ca: pem(made.caFile), cert: pem(certFile), key: pem(keyFile) };
  const tls = { ...made.server, clientCaFile: made.caFile };
  return {
    token: { ...(await start('token', { access: { file } })), token: token.text },
    tls: { ...(await start('tls', { tls })), tls: shown },
    both: { ...(await start('both', { tls, access: { file } })), tls: shown, token: token.text },
  };
}
