import type { Command } from 'commander';
import { RoostError } from '../../core/index.js';
import { checkTweets, tweetsTableId } from '../../tbird/index.js';
import type { CliIo } from '../console/cliIo.js';
import { type ConfigOptions, configOption, defineCommand, formerName, outputFor } from '../console/command.js';
import { formatCount } from '../console/output.js';
import { withTbird } from './withTbird.js';

/** Tweets and faults shown at most. */
const shownRows = 20;

/** Checks tweets against their indexes. */
export function addCheckCommand(tweets: Command, io: CliIo): void {
  const check = defineCommand(
    tweets,
    'check',
    "prove that tweets and their indexes agree, while they are written\nReads every tweet and every entry of the authors', replies' and retweets' indexes, and compares the copies of tweets. Tweets in a table to which their ids do not lead are named; `roost shard strays --fix` moves them home. Those of an index, and its counters, are for `roost flock check`.",
    'roost tweets check --repair',
  )
    .option('--repair', 'bring the indexes to what the tweets say')
    .addOption(configOption())
    .action(async (options: ConfigOptions & { readonly repair?: true }) => {
      const report = await withTbird(io, options, (tbird) =>
        checkTweets(tbird, { repair: options.repair === true, signal: io.signal }),
      );
      const { faults, copies, strays, uncertain, repaired } = report;
      const moveHome = `roost shard strays --table=${tweetsTableId} --fix`;
      const output = outputFor(io, options);
      output.result(
        { ...report, strays: strays.strays, strayCount: strays.count },
        () =>
          [
            `${formatCount(report.tweets)} tweets, ${formatCount(report.edges)} entries: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}, ${repaired} repaired${uncertain > 0 ? `, ${uncertain} uncertain while jobs are failing` : ''}`,
            ...(faults.length === 0
              ? []
              : [
                  output.table(
                    ['tweet', 'graph', 'entry of', 'is', 'should be'],
                    faults
                      .slice(0, shownRows)
                      .map((fault) => [
                        String(fault.id),
                        fault.graphId,
                        String(fault.sourceId),
                        fault.found,
                        fault.expected,
                      ]),
                  ),
                ]),
            ...copies.map(
              ({ shards, differences }) =>
                `${shards.join(', ')} do not hold the same: ${differences.map(({ key }) => key).join(', ')}`,
            ),
            ...strays.strays
              .slice(0, shownRows)
              .map(({ shard, key, home }) => `tweet ${key} stands in ${shard}, and belongs to ${home ?? 'no table'}`),
            ...Array.from(
              strays.skipped,
              ([shard, why]) => `not looked through for tweets of other tables: ${shard}: ${why}`,
            ),
          ].join('\n'),
        [
          ...(strays.count === 0 ? [] : [moveHome]),
          ...copies.map(({ shards }) => `roost shard repair ${shards.join(' ')}`),
        ],
      );
      // First: a repair of the copies would copy them too.
      if (strays.count > 0)
        throw new RoostError(
          'DataLoss',
          `${strays.count} rows stand in tables to which their ids do not lead; \`${moveHome}\` moves them home`,
        );
      if (copies.length > 0)
        throw new RoostError(
          'DataLoss',
          `copies of ${copies.length} tables differ; \`roost shard repair ${copies[0]!.shards.join(' ')}\` merges them`,
        );
      if (faults.length > repaired)
        throw new RoostError(
          'DataLoss',
          `${faults.length - repaired} entries do not agree with the tweets; --repair puts them right`,
        );
    });
  formerName(check, 'audit', io);
}
