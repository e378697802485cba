import type { MovedLoad, MigrationPlan, PlanSummary } from '../../gizzard/index.js';
import { formatBytes, formatCount, formatMs, type Output } from './output.js';

/**
 * Plans as a table of what leaves and enters each host, and the time that takes. Shows the steps of a single plan
 * and, with `verbose`, of all plans.
 */
export function planText(
  output: Output,
  plans: readonly MigrationPlan[],
  summary: PlanSummary,
  verbose: boolean,
): string {
  const { hosts, keptDays, trees, copies, rows, bytes, atLeastMs, atMostMs } = summary;
  const steps =
    verbose || plans.length === 1
      ? plans.map(({ title, steps: ofPlan }) =>
          [output.bold(title), ...ofPlan.map(({ phase, title: step }) => `  ${phase.padEnd(8)} ${step}`)].join('\n'),
        )
      : [];
  const cells = ({ shards, rows: ofHost, bytes: taken }: MovedLoad): (string | number)[] => [
    shards,
    ofHost,
    formatBytes(taken),
  ];
  const table =
    hosts.length === 0
      ? []
      : [
          output.table(
            ['host', 'shards leave', 'rows', 'bytes', 'shards arrive', 'rows', 'bytes', 'free now'],
            hosts.map(({ host, leaving, arriving, freeBytes }) => [
              host,
              ...cells(leaving),
              ...cells(arriving),
              freeBytes === undefined ? 'unknown' : formatBytes(freeBytes),
            ]),
          ),
        ];
  const size = copies === 0 ? '' : `, about ${formatCount(rows)} rows and ${formatBytes(bytes)}`;
  const time =
    rows === 0
      ? []
      : [
          `the copies take ${formatMs(atLeastMs)} at their fastest (moves.maxRowsPerSecond), and ${formatMs(atMostMs)} where hosts are busy all the time (moves.minRowsPerSecond)`,
        ];
  const kept = hosts.some(({ leaving }) => leaving.shards > 0)
    ? [
        `shards that leave are kept for ${keptDays} ${keptDays === 1 ? 'day' : 'days'} (moves.undropDays) and take their room for as long; \`roost shard purge\` frees it before`,
      ]
    : [];
  return [
    ...steps,
    ...table,
    `${trees} ${trees === 1 ? 'tree changes' : 'trees change'}, ${copies} ${copies === 1 ? 'shard is' : 'shards are'} copied${size}`,
    ...time,
    ...kept,
  ].join('\n');
}
