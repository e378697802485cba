import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newToken } from '../access/index.js';
import { startServerProcess, stopServerProcess } from '../cli/serverProcess.js';
import { connect } from '../sdk/index.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { generatedColumns } from './edgeColumns.js';
import { latencies, median } from './statistics.js';

const edgeCount = 10_000;
const reads = 5_000;
const rounds = 5;
const inFlight = 64;
const connections = 100;

/** Membership reads of callers who are asked for a token, beside those of a server on which everybody may do everything, by turns. */
export const access: Benchmark = {
  name: 'access',
  about: `${reads} membership reads, ${inFlight} in flight, with and without tokens; ${connections} connections one by one`,
  async run({ config, roost, ready }: BenchCluster): Promise<readonly Figure[]> {
    const columns = generatedColumns(edgeCount, 7);
    const name = await makeGraph(config, 'access', 4);
    await (await roost.graph(name)).writeColumns(columns, { deadlineMs: 60_000 });
    await untilMaterialized(roost);

    const dir = mkdtempSync(join(tmpdir(), 'roost-bench-access-'));
    const [all, limited] = [newToken(), newToken()];
    const file = join(dir, 'access.json');
    const identities = {
      all: { tokens: [all.record], grants: [{ roles: ['read'] }] },
      limited: { tokens: [limited.record], grants: [{ roles: ['read'], graphs: [name] }], callsPerSecond: 1_000_000 },
    };
    writeFileSync(file, JSON.stringify({ identities }));
    const anyPort = Object.fromEntries(
      Object.keys(config.server).map((key) => [key, key.endsWith('Port') ? 0 : undefined]),
    );
    const configPath = join(dir, 'roost.config.json');
    writeFileSync(
      configPath,
      JSON.stringify({ ...config, server: { ...config.server, ...anyPort }, access: { file } }),
      { mode: 0o600 },
    );
    const guarded = await startServerProcess(dir, configPath, process.env);
    const at = ({ flock }: typeof ready): { servers: string[] } => ({ servers: [`${flock.host}:${flock.port}`] });
    const clients = {
      open: await connect(at(ready)),
      token: await connect({ ...at(guarded), token: all.text }),
      limited: await connect({ ...at(guarded), token: limited.text }),
    };
    try {
      const rates: Record<keyof typeof clients, number>[] = [];
      for (let round = 0; round <= rounds; round++) {
        const rate = { open: 0, token: 0, limited: 0 };
        for (const [side, client] of Object.entries(clients) as [keyof typeof clients, typeof roost][]) {
          const graph = await client.graph(name);
          const startMs = performance.now();
          await latencies(reads, inFlight, (i) => {
            const edge = (i * 7919) % edgeCount;
            return graph.contains(columns.sourceIds[edge]!, columns.destinationIds[edge]!);
          });
          rate[side] = (reads / (performance.now() - startMs)) * 1_000;
        }
        // The first round warms all.
        if (round > 0) rates.push(rate);
      }
      const connecting = async (options: Parameters<typeof connect>[0]): Promise<number> =>
        median(await latencies(connections, 1, async () => (await connect(options)).close()));
      const openMs = await connecting(at(ready));
      const tokenMs = await connecting({ ...at(guarded), token: all.text });
      const share = (side: 'token' | 'limited'): number => median(rates.map((rate) => rate[side] / rate.open));
      return [
        { name: 'open', value: median(rates.map(({ open }) => open)), unit: 'reads/s' },
        { name: 'with a token / open', value: share('token'), unit: '', target: { atLeast: 0.85 } },
        { name: 'limited to a graph and a rate / open', value: share('limited'), unit: '', target: { atLeast: 0.85 } },
        { name: 'a connection, open', value: openMs, unit: 'ms' },
        { name: 'a connection, with a token', value: tokenMs, unit: 'ms' },
      ];
    } finally {
      for (const client of Object.values(clients)) await client.close();
      await stopServerProcess(dir);
      rmSync(dir, { recursive: true, force: true });
    }
  },
};
