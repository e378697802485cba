import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { limits, type Priority, RoostError } from '../core/index.js';
import type { Graph, WriteCallOptions } from '../sdk/index.js';
import { type CliIo } from './console/cliIo.js';
import { askingServers, type ClientOptions, withClient } from './console/client.js';
import { defineCommand, integerArgument, outputFor } from './console/command.js';
import { formatCount, formatMs } from './console/output.js';
import { Pace } from './console/pace.js';
import { Progress } from './console/progress.js';
import { EdgeFile } from './edges/edgeFile.js';
import type { EdgeBatch } from './edges/edgeParser.js';
import { loadEdges, quantile } from './edges/loadEdges.js';
import { ResumeFile } from './edges/resumeFile.js';
import { priorityOption } from './edges/priorityOption.js';
import { waitWithProgress } from './edges/waitWithProgress.js';

interface LoadOptions extends ClientOptions {
  readonly skipBad?: true;
  readonly wait?: true;
  readonly inFlight: number;
  readonly priority: Priority;
  readonly rate?: number;
  readonly resume?: string;
}

const resumeSchema = z.object({
  graph: z.string(),
  bytes: z.int(),
  modifiedMs: z.number(),
  skipBad: z.boolean(),
  batches: z.int().nonnegative(),
});

export function addLoadCommand(program: Command, io: CliIo): void {
  askingServers(
    defineCommand(
      program,
      'load',
      'add the edges of a file to a graph\nA line holds "source destination", optionally a position; # begins a comment. Or NDJSON, as `roost dump` writes it: states, times and mass operations come back as they were. Plain or gzip. The whole file is checked before anything is written, and a dump against its checksums. Loading a file again adds no edge twice.',
      'roost load follows edges.txt.gz --wait',
    )
      .argument('<graph>', "the graph's name")
      .argument('<file>', 'the edge list')
      .option('--skip-bad', 'count malformed lines and go on, instead of refusing the file')
      .option('--wait', 'wait until every write of this queue is applied, so that reads see every edge')
      .option('--resume <file>', 'keep in this file how far it got; the same command goes on from there')
      .option(
        '--in-flight <count>',
        `calls of ${limits.bulkWriteEdges} edges under way at once`,
        integerArgument(1, 64),
        limits.bulkWriteInFlight,
      )
      .addOption(priorityOption())
      .option(
        '--rate <count>',
        'edges a second at most (default: as fast as the server takes them)',
        integerArgument(1, 100_000_000),
      ),
  ).action(async (name: string, path: string, options: LoadOptions) => {
    const skipBad = options.skipBad === true;
    const file = await EdgeFile.open(resolve(io.workingFolder, path));
    const { edgeCount, badLineCount, firstBadLine } = await file.check({ skipBad, signal: io.signal });
    const output = outputFor(io, options);
    const resume =
      options.resume === undefined
        ? undefined
        : new ResumeFile(resolve(io.workingFolder, options.resume), resumeSchema);
    const { size: bytes, mtimeMs: modifiedMs } = statSync(file.path);
    const identity = { graph: name, bytes, modifiedMs, skipBad };
    const earlier = resume?.read();
    if (
      earlier !== undefined &&
      Object.entries(identity).some(([key, value]) => earlier[key as keyof typeof identity] !== value)
    ) {
      throw new RoostError(
        'FailedPrecondition',
        `${resume!.path} belongs to another load, or the file has changed since: remove it to start anew`,
        { fields: { file: resume!.path } },
      );
    }
    let batches = earlier?.batches ?? 0;
    await withClient(io, options, async (roost) => {
      const graph = await roost.graph(name);
      const badBefore = options.wait === true ? (await roost.journal()).bad : 0;
      const progress = new Progress(io, 'loading', edgeCount, output.quiet);
      const loaded = await loadEdges(file, {
        write: (batch) => writeBatch(graph, batch, { deadlineMs: writeDeadlineMs, priority: options.priority }),
        pace: new Pace(options.rate, io.signal),
        skipBatches: batches,
        onPrefix: (count) => {
          batches = count;
          if (resume?.due === true) resume.save({ ...identity, batches });
        },
        inFlight: options.inFlight,
        skipBad,
        signal: io.signal,
        onAcknowledged: (count) => progress.advance(count),
      }).finally(() => {
        progress.stop();
        resume?.save({ ...identity, batches });
      });
      resume?.remove();
      const waitMs =
        options.wait === true
          ? await waitWithProgress(io, roost, output.quiet, { priority: options.priority, badBefore })
          : undefined;
      const edgesPerSecond = Math.round((edgeCount / loaded.elapsedMs) * 1_000);
      const acknowledgmentMs = {
        p50: quantile(loaded.acknowledgmentMs, 0.5),
        p99: quantile(loaded.acknowledgmentMs, 0.99),
      };
      output.result(
        {
          graph: name,
          edgeCount,
          badLineCount,
          elapsedMs: loaded.elapsedMs,
          edgesPerSecond,
          acknowledgmentMs,
          waitMs,
        },
        () =>
          [
            `loaded ${formatCount(edgeCount)} edges into ${name} in ${formatMs(loaded.elapsedMs)}, ${formatCount(edgesPerSecond)} a second`,
            ...(badLineCount === 0
              ? []
              : [`skipped ${formatCount(badLineCount)} malformed lines, the first of them line ${firstBadLine}`]),
            ...(waitMs === undefined ? [] : [`all of them can be read after another ${formatMs(waitMs)}`]),
          ].join('\n'),
      );
    });
  });
}

async function writeBatch(graph: Graph, batch: EdgeBatch, options: WriteCallOptions): Promise<void> {
  const { nodes = [] } = batch;
  if (batch.sourceIds.length > 0) await graph.writeColumns(batch, options);
  if (nodes.length === 0) return;
  await graph.batch((all) => {
    for (const { operation, id, direction, time } of nodes) all[`${operation}All`](id, { direction, at: time });
  }, options);
}

/** How long a call is retried while the server is overloaded, restarting or unavailable. */
export const writeDeadlineMs = 60_000;
