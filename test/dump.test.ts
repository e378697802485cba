import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  flockProcessor,
  openFlock,
  type Direction,
  type Flock,
  type GraphInfo,
  type Operation,
  type StoredEdge,
  type StoredNode,
} from '../flock/index.js';
import { ThriftServer } from '../server/index.js';
import { Metrics, silentLog } from '../process/index.js';
import { callRoost } from './callRoost.js';
import { untilApplied } from './flock/untilApplied.js';
import type { Finished } from './runRoost.js';
import { freshCluster } from './support/index.js';

const { config, configPath } = freshCluster('dump');
const folder = mkdtempSync(join(tmpdir(), 'roost-dump-'));
const edgeCount = 30_000;
let flock: Flock;
let server: ThriftServer;
let source: GraphInfo;

const roost = (...args: string[]): Promise<Finished> => callRoost([...args, '--config', configPath], folder);
const load = (...args: string[]): Promise<Finished> =>
  roost('load', ...args, '--server', `127.0.0.1:${server.port}`, '--json');
const path = (name: string): string => join(folder, name);
async function answer(run: Promise<Finished>): Promise<unknown> {
  const { exitCode, stdout, stderr } = await run;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout);
}

beforeAll(async () => {
  flock = await openFlock(config, { create: true, work: true });
  source = await flock.createGraph('follows', { shards: 3, replicas: 1 });
  const metrics = new Metrics();
  server = await ThriftServer.listen({
    service: 'flock',
    host: '127.0.0.1',
    port: 0,
    processor: flockProcessor(flock, { metrics, log: silentLog }),
    metrics,
    log: silentLog,
  });
  // One node has more edges than a page of a scan; the edges have states and times of all kinds.
  const mixed: readonly Operation[] = ['add', 'archive', 'negate', 'remove', 'add'];
  for (let start = 0; start < edgeCount; start += 10_000) {
    const column = (value: (i: number) => number): BigInt64Array =>
      BigInt64Array.from({ length: 10_000 }, (_, i) => BigInt(value(start + i)));
    const columns = { sourceIds: column((i) => (i < 12_000 ? 1 : i % 500)), destinationIds: column((i) => i + 1_000) };
    await flock.write({
      graphId: source.id,
      operations: 'add',
      ...columns,
      positions: column((i) => 7 * i),
      times: column((i) => 1_000_000 + i),
    });
    await flock.write({
      graphId: source.id,
      operations: Array.from(columns.sourceIds, (_, i) => mixed[i % mixed.length]!),
      ...columns,
      positions: column((i) => 3 * i - 5_000),
      times: column((i) => 2_000_000 + i),
    });
  }
  const node = (id: bigint, direction: Direction, operation: Operation, time: bigint) => ({
    node: { graphId: source.id, id, direction, operation, time },
  });
  await flock.execute([
    node(7n, 'forward', 'archive', 2_500_000n),
    node(8n, 'forward', 'remove', 2_400_000n),
    node(20_001n, 'backward', 'negate', 2_600_000n),
    node(999_999n, 'backward', 'archive', 1n),
    node(9n, 'forward', 'remove', 2_010_000n),
  ]);
  await untilApplied(flock);
}, 60_000);

afterAll(async () => {
  await server.close();
  await flock.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Returns the lines in order, without those that have checksums. */
const linesOf = (dump: Buffer): string[] =>
  dump
    .toString()
    .trimEnd()
    .split('\n')
    .filter((line) => !line.includes('crc32'))
    .sort();

async function everything(graph: GraphInfo): Promise<{ edges: StoredEdge[]; nodes: StoredNode[] }> {
  const edges: StoredEdge[] = [];
  const nodes: StoredNode[] = [];
  for (const start of flock.scanStarts(graph.id)) {
    for (let cursor: string | undefined = start; cursor !== undefined;) {
      const page: Awaited<ReturnType<Flock['scan']>> = await flock.scan(graph.id, cursor, 4_000);
      edges.push(...page.edges);
      nodes.push(...page.nodes);
      cursor = page.cursor;
    }
  }
  const byKey = (a: StoredEdge, b: StoredEdge): number =>
    Number(a.sourceId - b.sourceId) || Number(a.destinationId - b.destinationId);
  return {
    edges: edges.sort(byKey),
    nodes: nodes.sort((a, b) => Number(a.id - b.id) || a.direction.localeCompare(b.direction)),
  };
}

describe('a scan', () => {
  it('gives every edge and every touched node once', async () => {
    const { edges, nodes } = await everything(source);
    expect(edges.length).toBe(edgeCount);
    expect(await flock.scanTotal(source.id)).toBe(edgeCount);
    expect(new Set(edges.map(({ sourceId, destinationId }) => `${sourceId} ${destinationId}`)).size).toBe(edgeCount);
    expect(nodes.map(({ id, direction }) => [id, direction])).toEqual([
      [7n, 'forward'],
      [8n, 'forward'],
      [9n, 'forward'],
      [20_001n, 'backward'],
      [999_999n, 'backward'],
    ]);
  });

  it.each([
    '',
    'forward',
    'backward.0.edges',
    'forward.0.nodes.1',
    'forward.99999999999999999999.edges',
    'forward.0.edges.9999999999999999999.1',
    "forward.0.edges'",
  ])('refuses %j for a cursor', async (cursor) => {
    await expect(flock.scan(source.id, cursor, 10)).rejects.toMatchObject({ code: 'InvalidArgument' });
  });

  it('refuses pages of no size, and graphs that do not exist', async () => {
    const [start] = flock.scanStarts(source.id);
    for (const count of [0, -1, 1e9])
      await expect(flock.scan(source.id, start!, count)).rejects.toMatchObject({ code: 'InvalidArgument' });
    await expect(flock.scan(99, start!, 1)).rejects.toMatchObject({ code: 'NotFound' });
    expect(() => flock.scanStarts(99)).toThrow(expect.objectContaining({ code: 'NotFound' }) as Error);
  });
});

describe('a dump', () => {
  it('that is loaded gives an equal graph', async () => {
    expect(await answer(roost('dump', 'follows', 'all.ndjson.gz', '--json'))).toMatchObject({
      edgeCount,
      format: 'ndjson',
      byteCount: statSync(path('all.ndjson.gz')).size,
    });
    expect(existsSync(path('all.ndjson.gz.resume'))).toBe(false);
    const copy = await flock.createGraph('copy', { shards: 2, replicas: 2 });
    expect(await answer(load('copy', 'all.ndjson.gz', '--wait'))).toMatchObject({ edgeCount, badLineCount: 0 });
    await untilApplied(flock);
    expect(await everything(copy)).toEqual(await everything(source));
    for (const direction of ['forward', 'backward'] as const) {
      const ids = BigInt64Array.from({ length: 600 }, (_, i) => BigInt(direction === 'forward' ? i : i + 20_000));
      expect(await flock.nodes(copy.id, direction, ids)).toEqual(await flock.nodes(source.id, direction, ids));
    }
    expect((await flock.check(copy.id, { repair: false, settleMs: 200 })).found).toEqual([]);
  });

  it('holds the normal edges when it is an edge list', async () => {
    const { edges } = await everything(source);
    const normal = edges.filter(({ state }) => state === 'normal');
    expect(await answer(roost('dump', 'follows', 'edges.txt', '--parallel', '1', '--json'))).toMatchObject({
      format: 'edges',
      edgeCount: normal.length,
    });
    const written = linesOf(readFileSync(path('edges.txt')));
    expect(written).toEqual(
      normal.map(({ sourceId, destinationId, position }) => `${sourceId} ${destinationId} ${position}`).sort(),
    );
    expect(await answer(roost('dump', 'follows', 'list.gz', '--json'))).toMatchObject({ format: 'edges' });
    expect(linesOf(gunzipSync(readFileSync(path('list.gz'))))).toEqual(written);
  });

  it('continues where it was stopped, also in the middle of a page', async () => {
    // Recreates the state that a killed run leaves: some shards are done, one is started, with half a page after the
    // part that is known to be whole.
    const starts = flock.scanStarts(source.id);
    const first = await flock.scan(source.id, starts[0]!, 100);
    await answer(roost('dump', 'follows', 'once.ndjson', '--json'));
    const lines = new Map(
      linesOf(readFileSync(path('once.ndjson'))).map((line) => {
        const { source: from, destination: to } = JSON.parse(line) as Record<string, string>;
        return [`${from} ${to}`, line];
      }),
    );
    const done = first.edges
      .map(({ sourceId, destinationId }) => `${lines.get(`${sourceId} ${destinationId}`)}\n`)
      .join('');
    writeFileSync(path('parts.ndjson'), `${done}{"source":"1","desti`);
    const state = {
      graphId: source.id,
      format: 'ndjson',
      gzip: false,
      bytes: done.length,
      edges: 100,
      cursors: [first.cursor, ...starts.slice(1)],
    };
    writeFileSync(path('parts.ndjson.resume'), JSON.stringify(state));
    expect((await roost('dump', 'follows', 'parts.ndjson')).stdout).toMatch(
      /^dumped 30,000 edges of follows .*\n100 of them by an earlier run\n$/,
    );
    expect(linesOf(readFileSync(path('parts.ndjson')))).toEqual(linesOf(readFileSync(path('once.ndjson'))));
    expect(existsSync(path('parts.ndjson.resume'))).toBe(false);
  });

  it('with a flipped bit is not loaded: the lines are named', async () => {
    for (const [file, format] of [
      ['flipped.txt', 'edges'],
      ['flipped.ndjson', 'ndjson'],
    ] as const) {
      await answer(roost('dump', 'follows', file, '--parallel', '1', '--json'));
      const dump = readFileSync(path(file));
      // The test flips the last digit of the last line, which keeps its form.
      const digit = dump.toString('latin1').search(/[0-9][^0-9]*$/);
      dump[digit]! ^= 1;
      writeFileSync(path(file), dump);
      const refused = await load('few', file);
      expect(refused, format).toMatchObject({ exitCode: 18, stdout: '' });
      expect(refused.stderr).toMatch(
        new RegExp(`${file}: lines \\d+ to \\d+ are not as they were dumped: their checksum is`),
      );
      // The file is also refused if its end is cut off at the end of a line.
      dump[digit]! ^= 1;
      writeFileSync(path(file), dump.subarray(0, dump.lastIndexOf('\n', dump.length - 2) + 1));
      expect((await load('few', file)).stderr).toMatch(/are not as they were dumped: the file ends \d+ bytes early/);
    }
  });

  it('overwrites no existing file', async () => {
    const refused = await roost('dump', 'follows', 'edges.txt');
    expect(refused).toMatchObject({ exitCode: 12, stdout: '' });
    copyFileSync(path('edges.txt'), path('other.txt'));
    writeFileSync(
      path('other.txt.resume'),
      JSON.stringify({ graphId: 77, format: 'edges', gzip: false, bytes: 5, edges: 1, cursors: [null] }),
    );
    expect(await roost('dump', 'follows', 'other.txt')).toMatchObject({ exitCode: 13, stdout: '' });
    writeFileSync(path('other.txt.resume'), 'not JSON');
    expect(await roost('dump', 'follows', 'other.txt')).toMatchObject({ exitCode: 10, stdout: '' });
    writeFileSync(
      path('other.txt.resume'),
      JSON.stringify({ graphId: source.id, format: 'edges', gzip: false, bytes: 1e9, edges: 1, cursors: [null] }),
    );
    expect(await roost('dump', 'follows', 'other.txt')).toMatchObject({ exitCode: 18, stdout: '' });
    expect(readFileSync(path('other.txt'))).toEqual(readFileSync(path('edges.txt')));
    expect(await roost('dump', 'likes', 'absent.txt')).toMatchObject({ exitCode: 11, stdout: '' });
    expect(existsSync(path('absent.txt'))).toBe(false);
  });
});

describe('a load', () => {
  it('continues where it was stopped', async () => {
    const graph = await flock.createGraph('resumed', { shards: 1, replicas: 1 });
    writeFileSync(path('list.txt'), Array.from({ length: 5_500 }, (_, i) => `1 ${i} ${i}\n`).join(''));
    const { size: bytes, mtimeMs: modifiedMs } = statSync(path('list.txt'));
    writeFileSync(path('state'), JSON.stringify({ graph: 'resumed', bytes, modifiedMs, skipBad: false, batches: 3 }));
    expect(await answer(load('resumed', 'list.txt', '--resume', 'state', '--wait'))).toMatchObject({
      edgeCount: 5_500,
    });
    expect((await flock.counts(graph.id, 'forward', BigInt64Array.of(1n)))[0]!.normal).toBe(2_500n);
    expect(existsSync(path('state'))).toBe(false);
    expect(await answer(load('resumed', 'list.txt', '--resume', 'state', '--wait'))).toMatchObject({
      edgeCount: 5_500,
    });
    expect((await flock.counts(graph.id, 'forward', BigInt64Array.of(1n)))[0]!.normal).toBe(5_500n);
  });

  it('refuses to continue with another file', async () => {
    const { size: bytes, mtimeMs: modifiedMs } = statSync(path('list.txt'));
    writeFileSync(path('state'), JSON.stringify({ graph: 'resumed', bytes, modifiedMs, skipBad: false, batches: 3 }));
    appendFileSync(path('list.txt'), '7 7 7\n');
    expect(await load('resumed', 'list.txt', '--resume', 'state')).toMatchObject({ exitCode: 13, stdout: '' });
    truncateSync(path('state'), 10);
    expect(await load('resumed', 'list.txt', '--resume', 'state')).toMatchObject({ exitCode: 10, stdout: '' });
  });

  it('refuses bad NDJSON whole', async () => {
    writeFileSync(
      path('bad.ndjson'),
      `{"source":1,"destination":2}\n{"source":1,"destination":"${randomBytes(4).toString('hex')}x"}\n`,
    );
    const refused = await load('resumed', 'bad.ndjson');
    expect(refused).toMatchObject({ exitCode: 10, stdout: '' });
    expect(refused.stderr).toContain('bad.ndjson: line 2: destination must be an integer');
  });
});

it('a load takes the low queue, or the one of --priority', async () => {
  writeFileSync(path('few.txt'), '1 2\n3 4\n');
  await flock.createGraph('few', { shards: 1, replicas: 1 });
  const each = ['high', 'medium', 'low'] as const;
  await flock.gizzard.apply(each.map((priority) => ({ kind: 'pauseJobs', priority })));
  const sizes = () => Promise.all(each.map(async (priority) => (await flock.gizzard.jobs.sizes(priority)).queued));
  expect(await answer(load('few', 'few.txt'))).toMatchObject({ edgeCount: 2 });
  expect(await sizes()).toEqual([0, 0, 1]);
  expect(await answer(load('few', 'few.txt', '--priority', 'medium', '--rate', '1000000'))).toMatchObject({
    edgeCount: 2,
  });
  expect(await sizes()).toEqual([0, 1, 1]);
  await flock.gizzard.apply(each.map((priority) => ({ kind: 'resumeJobs', priority })));
  expect(await answer(load('few', 'few.txt', '--wait'))).toMatchObject({ waitMs: expect.any(Number) as number });
});
