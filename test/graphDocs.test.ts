import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatWithOptions } from 'node:util';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { flockProcessor, openFlock, type Flock } from '../flock/index.js';
import { Metrics, silentLog } from '../process/index.js';
import { ThriftServer } from '../server/index.js';
import { connect, type Graph, type Roost } from '../sdk/index.js';
import { freshCluster } from './support/index.js';

// Runs the examples of docs/graph.md, in order. The output of a line stands behind its arrow.

const { config } = freshCluster('graph_docs');
const folder = mkdtempSync(join(tmpdir(), 'roost-docs-'));
let flock: Flock;
let server: ThriftServer;
let roost: Roost;

beforeAll(async () => {
  flock = await openFlock(config, { create: true, work: true });
  for (const name of ['follows', 'blocks']) await flock.createGraph(name, { shards: 2, replicas: 2 });
  const metrics = new Metrics();
  server = await ThriftServer.listen({
    service: 'flock',
    host: '127.0.0.1',
    port: 0,
    processor: flockProcessor(flock, { metrics, log: silentLog }),
    metrics,
    log: silentLog,
  });
  roost = await connect(`127.0.0.1:${server.port}`);
});

afterAll(async () => {
  await roost.close();
  await server.close();
  await flock.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Examples {
  run(
    roost: Roost,
    follows: Graph,
    blocks: Graph,
    console: { log(...values: unknown[]): void },
    settled: () => Promise<void>,
  ): Promise<void>;
}

it('prints in every example the output that docs/graph.md shows', async () => {
  const text = readFileSync(join(import.meta.dirname, '../docs/graph.md'), 'utf8');
  const blocks = Array.from(text.matchAll(/^```ts\n(.*?)^```$/gms), (match) => match[1]!);
  const expected = blocks.flatMap((block) => Array.from(block.matchAll(/ \/\/ → (.*)$/gm), (match) => match[1]!));
  expect(expected.length).toBeGreaterThan(10);
  // Edges follow a mass operation page by page; the next example starts once they have.
  const code = blocks.map((block) => `${block}await settled();\n`).join('');
  writeFileSync(
    join(folder, 'examples.mjs'),
    `export async function run(roost, follows, blocks, console, settled) {\n${code}}\n`,
  );
  const printed: string[] = [];
  const console = {
    log: (...values: unknown[]) => void printed.push(formatWithOptions({ breakLength: Infinity }, ...values)),
  };
  const settled = async (): Promise<void> => {
    await expect
      .poll(async () => Object.values((await roost.journal()).queued).reduce((sum, count) => sum + count))
      .toBe(0);
  };
  const examples = (await import(pathToFileURL(join(folder, 'examples.mjs')).href)) as Examples;
  await examples.run(roost, await roost.graph('follows'), await roost.graph('blocks'), console, settled);
  expect(printed).toEqual(expected);
});
