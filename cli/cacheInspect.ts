import { type Command, InvalidArgumentError, Option } from 'commander';
import { type InspectReport, openCaches } from '../cache/index.js';
import { type CachedKind, type KeyOption, type KeyOptions, openCluster } from '../cluster/index.js';
import { RoostError } from '../core/index.js';
import { createLog } from '../process/index.js';
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

interface InspectCommandOptions extends ConfigOptions {
  readonly sample: number;
  readonly settleMs: number;
}

/** How many stale entries are printed for people. */
const shownRows = 100;

export function addInspectCommand(cache: Command, io: CliIo): void {
  const cached = io.stores.flatMap((store) => store.cached ?? []);
  const kinds = cached.flatMap(({ names }) => names);
  const abouts = cached.flatMap(({ about }) => (about === undefined ? [] : `${about} `));
  const command = defineCommand(
    cache,
    'inspect',
    `compare what is cached with the database, while both are used\nKinds: ${kinds.join(', ')}. ${abouts.join('')}Other keys are ids. A difference counts when it stays: a write needs a moment from the one to the other. Ends with DataLoss where an entry is stale.`,
    'roost cache inspect --sample 1000\nroost cache inspect tweets 125082707389718530\nroost cache inspect lists 12 13 --graph follows --direction backward\nroost cache inspect edges 12:13 --graph follows',
  )
    .argument('[kind]', 'only entries of this kind (default: all that are cached)', kindArgument(kinds))
    .argument('[key...]', 'only these (default: what the nodes hold)')
    .option(
      '--sample <count>',
      'entries of each kind to compare at most, at random',
      integerArgument(1, 10_000_000),
      10_000,
    )
    .option('--settle-ms <ms>', 'how long a difference must stay', integerArgument(10, 600_000), 5_000)
    .addOption(configOption())
    .action(
      (kind: string | undefined, keys: readonly string[], { sample, settleMs, ...options }: InspectCommandOptions) =>
        withKinds(io, options, options as KeyOptions, async (all) => {
          const wanted = all.filter((each) => kind === undefined || each.kind === kind);
          if (wanted.length === 0)
            throw new RoostError(
              'FailedPrecondition',
              `the configuration has no ${kind ?? 'entries'} cached: see its sections memcached and cache`,
            );
          const found: (InspectReport<string> & { readonly kind: string })[] = [];
          // One after the other: a node lists its entries to one caller at a time.
          for (const each of wanted)
            found.push({
              kind: each.kind,
              ...(await each.inspect(keys.length === 0 ? undefined : keys, { sample, settleMs })),
            });
          const [compared, missing, unreachable] = (['compared', 'missing', 'unreachable'] as const).map((of) =>
            found.reduce((sum, each) => sum + each[of], 0),
          ) as [number, number, number];
          const stale = found.flatMap((each) =>
            each.stale.map(({ key, node, cached: says, stored }) => ({
              kind: each.kind,
              key,
              node,
              cached: says,
              stored,
            })),
          );
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
              `${unreachable} entries could not be read: their nodes do not answer; \`roost cache stats\` shows which`,
              { fields: { unreachable }, retryable: false },
            );
        }),
    );
  for (const option of cached.flatMap(({ keyOptions = [] }) => keyOptions)) command.addOption(keyOption(option));
}

const kindArgument =
  (kinds: readonly string[]) =>
  (text: string): string => {
    if (kinds.includes(text)) return text;
    throw new InvalidArgumentError(`The kinds are ${kinds.join(', ')}.`);
  };

function keyOption({ flags, description, choices, default: value }: KeyOption): Option {
  const option = new Option(flags, description);
  if (choices !== undefined) option.choices(choices);
  return value === undefined ? option : option.default(value);
}

/** The kinds that the stores keep on the cache nodes. */
async function withKinds(
  io: CliIo,
  options: ConfigOptions,
  keyOptions: KeyOptions,
  work: (kinds: readonly CachedKind[]) => Promise<void>,
): Promise<void> {
  const { config } = openConfig(io, options);
  const caches = await openCaches(config, { onlooker: true });
  try {
    const cluster = await openCluster(config, io.stores, { log: createLog('error', io.stderr), caches });
    try {
      await work(cluster.opened.flatMap(({ store, opened }) => store.cached?.of(opened, keyOptions) ?? []));
    } finally {
      await cluster.close();
    }
  } finally {
    await caches.close();
  }
}
