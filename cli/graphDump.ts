import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type CliIo } from './console/cliIo.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  integerArgument,
  openConfig,
  outputFor,
} from './console/command.js';
import { formatCount, formatMs } from './console/output.js';
import { Progress } from './console/progress.js';
import { DumpFile } from './edges/dumpFile.js';
import { dumpGraph } from './edges/dumpGraph.js';
import { dumpFormats, type DumpFormat } from './edges/edgeText.js';
import { withFlock } from './graph.js';

interface DumpCommandOptions extends ConfigOptions {
  readonly format?: DumpFormat;
  readonly parallel: number;
}

/** How long a page is retried while its replicas are slow or unavailable. */
const scanDeadlineMs = 60_000;
const countDeadlineMs = 300_000;

export function addGraphDumpCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'dump',
    'write a whole graph to a file\nA name with .ndjson gives everything that is known of edges and nodes, which `roost load` makes an equal graph of; any other gives "source destination position" of the normal edges. With .gz it is compressed. Each block of lines has a checksum in front, which `roost load` compares. It reads the databases, several shards at once. A dump that was stopped goes on where it was when the same command comes again.',
    'roost dump follows follows.ndjson.gz',
  )
    .argument('<graph>', "the graph's name")
    .argument('<file>', 'where to write')
    .addOption(new Option('--format <format>', "what to write, whatever the file's name").choices(dumpFormats))
    .option('--parallel <count>', 'shards read at once', integerArgument(1, 64), 4)
    .addOption(configOption())
    .action(async (name: string, path: string, options: DumpCommandOptions) => {
      const output = outputFor(io, options);
      const format = options.format ?? (/\.ndjson(\.gz)?$/.test(path) ? 'ndjson' : 'edges');
      await withFlock(openConfig(io, options).config, { create: false }, async (flock) => {
        const graph = flock.graph(name);
        const startedMs = performance.now();
        const target = resolve(io.workingFolder, path);
        const file = await DumpFile.open(target, {
          graphId: graph.id,
          format,
          gzip: path.endsWith('.gz'),
          starts: flock.scanStarts(graph.id),
        });
        const before = file.edgeCount;
        const total = await flock.scanTotal(graph.id, { deadlineMs: countDeadlineMs });
        const progress = new Progress(io, 'dumping', total, output.quiet);
        progress.advance(before);
        try {
          await dumpGraph(file, {
            scan: (cursor, count) => flock.scan(graph.id, cursor, count, { deadlineMs: scanDeadlineMs }),
            format,
            parallel: options.parallel,
            signal: io.signal,
            onEdges: (count) => progress.advance(count),
          });
        } finally {
          progress.stop();
          await file.close();
        }
        const elapsedMs = performance.now() - startedMs;
        const { edgeCount, byteCount } = file;
        output.result({ graph: name, file: target, format, edgeCount, byteCount, elapsedMs }, () =>
          [
            `dumped ${formatCount(edgeCount)} edges of ${name} in ${formatMs(elapsedMs)}, ${formatCount(byteCount)} bytes`,
            ...(before === 0 ? [] : [`${formatCount(before)} of them by an earlier run`]),
          ].join('\n'),
        );
      });
    });
}
