import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { limits, RoostError } from '../../core/index.js';
import type { CliIo } from '../console/cliIo.js';
import { formatCount, formatMs, type Output } from '../console/output.js';
import { Progress } from '../console/progress.js';
import { DegreeCounter, type Degrees } from '../edges/degreeCounter.js';
import { EdgeFile } from '../edges/edgeFile.js';
import { generateEdges } from '../edges/generateEdges.js';
import { loadEdges, quantile } from '../edges/loadEdges.js';
import { waitUntilMaterialized } from '../edges/waitUntilMaterialized.js';
import { writeDeadlineMs } from '../load.js';
import { compareDegrees } from './compareDegrees.js';
import { QuickstartCluster, graphName, hosts, shards } from './quickstartCluster.js';
import type { QuickstartReport } from './quickstartReport.js';
import { takeTour } from './takeTour.js';
import { tourLines } from './tourLines.js';
import { tourTimelines } from './tourTimelines.js';

export interface QuickstartOptions {
  /** Absent: a generated graph. */
  readonly file?: string;
  readonly seed: number;
  readonly keep: boolean;
  /** The folder of the cluster. Absent: a temporary folder, or .roost with `keep`. */
  readonly dir?: string;
}

const generated = { edgeCount: 50_000, userCount: 10_000 };

/**
 * Runs the first steps of a new user on servers of its own. Leaves nothing behind, unless `keep` is set and every
 * step succeeded.
 */
export async function runQuickstart(io: CliIo, output: Output, options: QuickstartOptions): Promise<QuickstartReport> {
  const temporary = mkdtempSync(join(tmpdir(), 'roost-quickstart-'));
  const dir =
    options.dir === undefined
      ? options.keep
        ? resolve(io.workingFolder, '.roost')
        : join(temporary, 'cluster')
      : resolve(io.workingFolder, options.dir);
  const cluster = new QuickstartCluster(io, dir);
  const stepMs: Record<string, number> = {};
  const step = async <T>(
    name: string,
    work: () => Promise<T>,
    done: (result: T, took: string) => string,
  ): Promise<T> => {
    io.signal.throwIfAborted();
    const startedMs = performance.now();
    const result = await work();
    stepMs[name] = performance.now() - startedMs;
    output.note(`${output.green('✓')} ${done(result, output.dim(formatMs(stepMs[name])))}`);
    return result;
  };

  let kept = false;
  try {
    const input = await step(
      'check',
      () => readInput(io, options, temporary),
      ({ file, degrees }, took) =>
        `read ${options.file === undefined ? `a generated graph (seed ${options.seed})` : file.path}: ${formatCount(degrees.edgeCount)} edges among ${formatCount(degrees.ids.length)} users ${took}`,
    );
    const playground = await step(
      'playground',
      () => cluster.startPlayground(),
      ({ serverVersion, redisServers, memcached }, took) =>
        `started ${serverVersion} as ${hosts} database hosts, ${redisServers.length} Redis and ${memcached.length} memcached in ${dir} ${took}`,
    );
    await step(
      'graph',
      () => cluster.createGraph(),
      (_, took) =>
        `made graph ${graphName}: ${shards} forward and ${shards} backward shards, each on ${hosts} hosts ${took}`,
    );
    const server = await step(
      'server',
      () => cluster.startServer(),
      ({ flock, admin }, took) =>
        `started a server: flock on ${flock.host}:${flock.port}, admin on http://${admin.host}:${admin.port} ${took}`,
    );
    const roost = await cluster.connect();
    const graph = await roost.graph(graphName);

    const progress = new Progress(io, 'loading', input.edgeCount, output.quiet);
    const loaded = await step(
      'load',
      () =>
        loadEdges(input.file, {
          write: (batch) => graph.writeColumns(batch, { deadlineMs: writeDeadlineMs }),
          inFlight: limits.bulkWriteInFlight,
          skipBad: false,
          signal: io.signal,
          onAcknowledged: (count) => progress.advance(count),
        }).finally(() => progress.stop()),
      ({ edgeCount, elapsedMs }, took) =>
        `loaded ${formatCount(edgeCount)} edges, ${formatCount((edgeCount / elapsedMs) * 1_000)} a second ${took}`,
    );
    const waitMs = await step(
      'wait',
      () => waitUntilMaterialized(() => roost.journal(), io.signal),
      (_, took) => `all of them can be read, in both directions, after another ${took}`,
    );
    const tour = await step(
      'tour',
      () => takeTour(graph, input.degrees),
      (result) => tourLines(result, output),
    );
    const comparison = await step(
      'compare',
      () =>
        compareDegrees(
          input.degrees,
          (direction, ids) => Promise.all(Array.from(ids, (id) => graph.counts(id, { direction }))),
          io.signal,
        ),
      ({ degreeCount, mismatchCount }, took) =>
        mismatchCount === 0
          ? `compared ${formatCount(degreeCount)} degrees with the file: all agree ${took}`
          : `compared ${formatCount(degreeCount)} degrees with the file: ${mismatchCount} differ ${took}`,
    );
    await step(
      'timelines',
      () => cluster.setUpTimelines(),
      (_, took) => `made tables of tweets, and ${shards} shards of timelines on another Redis ${took}`,
    );
    const timelines = await step(
      'delivery',
      () => tourTimelines(roost, tour.mostFollowed[0]!.id, io.signal),
      ({ author, tweets, readers }, took) =>
        `user ${author} tweeted ${tweets} times to ${formatCount(readers)} followers: all of it is in their home timelines ${took}`,
    );
    io.signal.throwIfAborted();
    kept = options.keep;
    return {
      input: {
        file: options.file,
        seed: options.file === undefined ? options.seed : undefined,
        edgeCount: input.edgeCount,
        distinctEdgeCount: input.degrees.edgeCount,
        userCount: input.degrees.ids.length,
      },
      database: playground.serverVersion,
      graph: { name: graphName, shards, replicas: hosts },
      load: {
        elapsedMs: loaded.elapsedMs,
        edgesPerSecond: (loaded.edgeCount / loaded.elapsedMs) * 1_000,
        acknowledgmentMs: {
          p50: quantile(loaded.acknowledgmentMs, 0.5),
          p99: quantile(loaded.acknowledgmentMs, 0.99),
        },
        waitMs,
        materializedPerSecond: (loaded.edgeCount / (loaded.elapsedMs + waitMs)) * 1_000,
      },
      tour,
      timelines,
      comparison,
      stepMs,
      kept: kept ? { dir, configPath: playground.configPath, server } : undefined,
    };
  } finally {
    try {
      await cluster.release(kept);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }
}

interface Input {
  readonly file: EdgeFile;
  readonly edgeCount: number;
  readonly degrees: Degrees;
}

/** Reads the whole file before anything is started, so that a bad file leaves nothing behind. */
async function readInput(io: CliIo, { file: path, seed }: QuickstartOptions, temporary: string): Promise<Input> {
  let source = path === undefined ? undefined : resolve(io.workingFolder, path);
  if (source === undefined) {
    source = join(temporary, 'edges.txt');
    await pipeline(Readable.from(generateEdges({ ...generated, seed })), createWriteStream(source), {
      signal: io.signal,
    });
  }
  const file = await EdgeFile.open(source);
  const counter = new DegreeCounter();
  const { edgeCount } = await file.check({ signal: io.signal }, (batch) => counter.add(batch));
  if (edgeCount === 0)
    throw new RoostError('InvalidArgument', `${source}: holds no edges`, { fields: { file: source } });
  return { file, edgeCount, degrees: counter.result() };
}
