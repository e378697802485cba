import { resolve } from 'node:path';
import type { Command } from 'commander';
import { limits } from '../core/index.js';
import { type CliIo } from './console/cliIo.js';
import { type ClientOptions, serverOption, withClient } from './console/client.js';
import { configOption, defineCommand, integerArgument, outputFor } from './console/command.js';
import { formatCount, formatMs } from './console/output.js';
import { Progress } from './console/progress.js';
import { EdgeFile } from './edges/edgeFile.js';
import { loadEdges, quantile } from './edges/loadEdges.js';
import { waitUntilMaterialized } from './edges/waitUntilMaterialized.js';

interface LoadOptions extends ClientOptions {
  readonly skipBad?: true;
  readonly wait?: true;
  readonly inFlight: number;
}

export function addLoadCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'load',
    'add the edges of a file to a graph\nA line holds "source destination", optionally a position; # begins a comment. Plain or gzip. The whole file is checked before anything is written. Loading a file again adds no edge twice.',
    'roost load follows edges.txt.gz --wait',
  )
    .argument('<graph>', "the graph's name")
    .argument('<file>', 'the edge list')
    .option('--skip-bad', 'count malformed lines and go on, instead of refusing the file')
    .option('--wait', 'wait until the journal is empty, so that reads see every edge')
    .option('--in-flight <count>', `calls of ${limits.bulkWriteEdges} edges under way at once`, integerArgument(1, 64), limits.bulkWriteInFlight)
    .addOption(serverOption())
    .addOption(configOption())
    .action(async (name: string, path: string, options: LoadOptions) => {
      const skipBad = options.skipBad === true;
      const file = await EdgeFile.open(resolve(io.workingFolder, path));
      const { edgeCount, badLineCount, firstBadLine } = await file.check({ skipBad, signal: io.signal });
      const output = outputFor(io, options);
      await withClient(io, options, async (roost) => {
        const graph = await roost.graph(name);
        const badBefore = options.wait === true ? (await roost.journal()).bad : 0;
        const progress = new Progress(io, 'loading', edgeCount, output.quiet);
        const loaded = await loadEdges(file, {
          write: (batch) => graph.writeColumns(batch, { deadlineMs: writeDeadlineMs }),
          inFlight: options.inFlight,
          skipBad,
          signal: io.signal,
          onAcknowledged: (count) => progress.advance(count),
        }).finally(() => progress.stop());
        const waitMs = options.wait === true ? await waitUntilMaterialized(() => roost.journal(), io.signal, badBefore) : undefined;
        const edgesPerSecond = Math.round((edgeCount / loaded.elapsedMs) * 1_000);
        const acknowledgementMs = { p50: quantile(loaded.acknowledgementMs, 0.5), p99: quantile(loaded.acknowledgementMs, 0.99) };
        output.result({ graph: name, edgeCount, badLineCount, elapsedMs: loaded.elapsedMs, edgesPerSecond, acknowledgementMs, waitMs }, () =>
          [
            `loaded ${formatCount(edgeCount)} edges into ${name} in ${formatMs(loaded.elapsedMs)}, ${formatCount(edgesPerSecond)} a second`,
            ...(badLineCount === 0 ? [] : [`skipped ${formatCount(badLineCount)} malformed lines, the first of them line ${firstBadLine}`]),
            ...(waitMs === undefined ? [] : [`all of them can be read after another ${formatMs(waitMs)}`]),
          ].join('\n'),
        );
      });
    });
}

/** A call is repeated for so long while the server is overloaded, restarting or away. */
export const writeDeadlineMs = 60_000;
