import { type Command, InvalidArgumentError } from 'commander';
import {
  type Caches,
  inspectCache,
  type InspectOptions,
  type InspectReport,
  LeasedCache,
  openCaches,
} from '../cache/index.js';
import { parseId, RoostError } from '../core/index.js';
import { type Direction, edgeKey, nodeKey, parseEdgeKey, parseNodeKey } from '../flock/index.js';
import { createLog } from '../process/index.js';
import { openTbird, renderTweets, type Tbird, tweetFormats } from '../tbird/index.js';
import { userRows, usersTypes } from '../users/index.js';
import type { CliIo } from './console/cliIo.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  integerArgument,
  openConfig,
  outputFor,
} from './console/command.js';
import { formatCount } from './console/output.js';
import { directionOption } from './flock/askOptions.js';

const kinds = ['users', 'tweets', 'fragments', 'lists', 'edges'] as const;
type Kind = (typeof kinds)[number];

interface InspectCommandOptions extends ConfigOptions {
  readonly graph?: string;
  readonly direction: Direction;
  readonly sample: number;
  readonly settleMs: number;
}

/** What people say of a kind of entries and its keys, and where they are. */
interface Inspectable {
  readonly kind: Kind;
  /** `keys` absent: those that the nodes hold. Stale ones come back as people write them. */
  readonly inspect: (
    keys: readonly string[] | undefined,
    options: Pick<InspectOptions<string>, 'sample' | 'settleMs'>,
  ) => Promise<Found>;
}

interface Found extends Pick<InspectReport<string>, 'compared' | 'missing' | 'unreachable'> {
  readonly stale: readonly {
    readonly kind: Kind;
    readonly key: string;
    readonly node: string;
    readonly cached: string | undefined;
    readonly stored: string | undefined;
  }[];
}

/** Stale entries that are named to people. */
const shownRows = 100;

export function addInspectCommand(cache: Command, io: CliIo): void {
  defineCommand(
    cache,
    'inspect',
    `compare what is cached with the database, while both are used\nKinds: ${kinds.join(', ')}. Lists are the newest edges of nodes: those of graph tweets_by_user are users' tweets. Keys are ids, and of edges SOURCE:DESTINATION. A difference counts when it stays: a write needs a moment from the one to the other. Ends with DataLoss where an entry is stale.`,
    'roost cache inspect --sample 1000\nroost cache inspect tweets 125082707389718530\nroost cache inspect lists 12 13 --graph follows --direction backward\nroost cache inspect edges 12:13 --graph follows',
  )
    .argument('[kind]', 'only entries of this kind (default: all that are cached)', kindArgument)
    .argument('[key...]', 'only these (default: what the nodes hold)')
    .option('--graph <name>', 'with keys of lists and edges: their graph')
    .addOption(directionOption())
    .option(
      '--sample <count>',
      'entries of each kind to compare at most, at random',
      integerArgument(1, 10_000_000),
      10_000,
    )
    .option('--settle-ms <ms>', 'how long a difference must stay', integerArgument(10, 600_000), 5_000)
    .addOption(configOption())
    .action(
      (
        kind: Kind | undefined,
        keys: readonly string[],
        { graph, direction, sample, settleMs, ...options }: InspectCommandOptions,
      ) =>
        withInspectables(io, options, graph, direction, async (all) => {
          const wanted = all.filter((each) => kind === undefined || each.kind === kind);
          if (wanted.length === 0)
            throw new RoostError(
              'FailedPrecondition',
              `the configuration has no ${kind ?? 'entries'} cached: see memcached, cache.tweets and cache.graphs`,
            );
          const found: Found[] = [];
          // One after the other: a node lists its entries to one caller at a time.
          for (const { inspect } of wanted)
            found.push(await inspect(keys.length === 0 ? undefined : keys, { sample, settleMs }));
          const [compared, missing, unreachable] = (['compared', 'missing', 'unreachable'] as const).map((of) =>
            found.reduce((sum, each) => sum + each[of], 0),
          ) as [number, number, number];
          const stale = found.flatMap((each) => each.stale);
          const output = outputFor(io, options);
          output.result({ compared, missing, unreachable, stale }, () => {
            if (stale.length > 0)
              return (
                output.table(
                  ['kind', 'key', 'node'],
                  stale.slice(0, shownRows).map((each) => [each.kind, each.key, each.node]),
                ) + (stale.length > shownRows ? `\nand ${formatCount(stale.length - shownRows)} more` : '')
              );
            const others = [
              ...(missing === 0 ? [] : [`not cached: ${formatCount(missing)}`]),
              ...(unreachable === 0 ? [] : [`not looked at: ${formatCount(unreachable)}`]),
            ];
            return [
              `${compared === 1 ? '1 entry agrees' : `${formatCount(compared)} entries agree`} with the database`,
              ...others,
            ].join('; ');
          });
          if (stale.length > 0) {
            throw new RoostError(
              'DataLoss',
              `${stale.length} of ${compared} entries say something else than the database; the next write of a row puts its entries right, and \`roost cache flush\` empties a node`,
              { fields: { compared, stale: stale.length } },
            );
          }
          if (unreachable > 0)
            throw new RoostError(
              'Unavailable',
              `${unreachable} entries could not be looked at: their nodes do not answer; \`roost cache stats\` shows which`,
              { fields: { unreachable }, retryable: false },
            );
        }),
    );
}

function kindArgument(text: string): Kind {
  const kind = kinds.find((each) => each === text);
  if (kind !== undefined) return kind;
  throw new InvalidArgumentError(`The kinds are ${kinds.join(', ')}.`);
}

async function withInspectables(
  io: CliIo,
  options: ConfigOptions,
  graph: string | undefined,
  direction: Direction,
  work: (all: readonly Inspectable[]) => Promise<void>,
): Promise<void> {
  const { config } = openConfig(io, options);
  const caches = await openCaches(config, { onlooker: true });
  try {
    const rows = userRows(caches, () => tbird.gizzard);
    const tbird: Tbird = await openTbird(config, {
      log: createLog('error', io.stderr),
      caches,
      stores: usersTypes(config.cluster, { rows, gizzard: () => tbird.gizzard }),
    });
    try {
      await work([
        ...(caches.main === undefined ? [] : [inspectable('users', rows, parseId, parseId, String)]),
        ...ofTweets(caches, tbird),
        ...ofGraphs(tbird, graph, direction),
      ]);
    } finally {
      await tbird.close();
    }
  } finally {
    await caches.close();
  }
}

/**
 * @param parseKey a key as the cache has it
 * @param parseArgument a key as people write it
 */
const inspectable = <K extends bigint | string, V>(
  kind: Kind,
  cache: LeasedCache<K, V>,
  parseKey: (text: string) => K,
  parseArgument: (text: string) => K,
  describe: (key: K) => string,
): Inspectable => ({
  kind,
  async inspect(keys, options) {
    const { compared, missing, unreachable, stale } = await inspectCache(cache, parseKey, {
      ...options,
      ...(keys && { keys: keys.map(parseArgument) }),
    });
    return {
      compared,
      missing,
      unreachable,
      stale: stale.map(({ key, node, cached, stored }) => ({ kind, key: describe(key), node, cached, stored })),
    };
  },
});

function ofTweets({ main }: Caches, tbird: Tbird): Inspectable[] {
  const { caches } = tbird;
  if (caches === undefined) return [];
  const fragments = tweetFormats.map((format) => {
    // Made of what the database says, and not of cached rows, which may be as old.
    const cache = new LeasedCache<bigint, Buffer>(main, {
      ...caches.fragments.format(format).options,
      load: async (ids, deadline) => renderTweets(format, await tbird.records(ids, deadline)),
    });
    return inspectable('fragments', cache, parseId, parseId, (id) => `${format} ${id}`);
  });
  return [inspectable('tweets', caches.rows, parseId, parseId, String), ...fragments];
}

function ofGraphs({ flock }: Tbird, graph: string | undefined, direction: Direction): Inspectable[] {
  const { caches } = flock.options;
  if (caches === undefined) return [];
  const names = new Map(flock.graphs().map(({ id, name }) => [id, name]));
  const graphId = (): number => {
    if (graph === undefined) throw new RoostError('InvalidArgument', 'keys of lists and edges need --graph');
    return flock.graph(graph).id;
  };
  const describeList = (key: string): string => {
    const { tableId, id } = parseNodeKey(key);
    return `${names.get(Math.abs(tableId))} ${tableId > 0 ? 'forward' : 'backward'} ${id}`;
  };
  const describeEdge = (key: string): string => {
    const { graphId: of, pair } = parseEdgeKey(key);
    return `${names.get(of)} ${pair.join(':')}`;
  };
  const edgeArgument = (text: string): string => {
    const [source, destination, ...rest] = text.split(':');
    if (destination === undefined || rest.length > 0)
      throw new RoostError('InvalidArgument', `an edge is SOURCE:DESTINATION, not ${text}`);
    return edgeKey(graphId(), [parseId(source!), parseId(destination)]);
  };
  return [
    inspectable(
      'lists',
      caches.newest,
      String,
      (text) => nodeKey(graphId() * (direction === 'forward' ? 1 : -1), parseId(text)),
      describeList,
    ),
    inspectable('edges', caches.edges, String, edgeArgument, describeEdge),
  ];
}
