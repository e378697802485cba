import { type Command } from 'commander';
import { type IdInput, parseInt64, RoostError } from '../../core/index.js';
import type { NodeQuery } from '../../sdk/index.js';
import type { CliIo } from '../console/cliIo.js';
import { withClient } from '../console/client.js';
import { argument, idArgument, idListArgument, outputFor } from '../console/command.js';
import { formatCount, formatMs } from '../console/output.js';
import {
  addPageOptions,
  ask,
  directionOption,
  expressionArgument,
  type PageFlags,
  type SetFlags,
  statesOption,
} from './askOptions.js';
import { pageEnd, printEdgePage, printPage } from './printPage.js';
import type { QueryExpression } from './queryExpression.js';
import { queryOf, setOf } from './queryOf.js';

interface SetPageOptions extends SetFlags, PageFlags {
  readonly between?: readonly [min: bigint, max: bigint];
}

interface QueryOptions extends PageFlags {
  readonly size?: true;
  readonly exact?: true;
}

const combinations = [
  { name: 'intersect', description: 'the ids that all of some nodes have in common, greatest first' },
  { name: 'union', description: 'the ids that any of some nodes has, greatest first' },
  {
    name: 'difference',
    description: 'the ids that the first of some nodes has and none of the others, greatest first',
  },
] as const;

const expressionHelp = `The query: from(ID) is whom a node's edges lead to, to(ID) whom edges to it come from;
  & both, | either, - the left one only, and parentheses. A set may say more:
  from(1, states=normal+archived, among=2+3, between=10..20); blocks.from(1) is of another graph.`;

/** Pages of sets, of combinations of sets, and how they are found. */
export function addQueryCommands(flock: Command, io: CliIo): void {
  const pageOfNode = (name: string, description: string, example: string): Command =>
    addPageOptions(ask(flock, name, description, example))
      .addOption(directionOption())
      .addOption(statesOption())
      .option('--between <min..max>', 'only edges at positions from here to there', rangeArgument)
      .argument('<id>', 'the node', idArgument);
  const setOfNode = (query: NodeQuery, { states, between }: SetPageOptions): NodeQuery =>
    between === undefined ? query.in(...states) : query.in(...states).between(...between);

  pageOfNode('page', "a page of a node's edges, newest position first", 'roost flock page follows 1 --count 10').action(
    (name: string, id: bigint, options: SetPageOptions) =>
      withClient(io, options, async (roost) =>
        printPage(io, setOfNode(setOf(await roost.graph(name), options.direction, id), options), options),
      ),
  );
  pageOfNode(
    'edges',
    "a page of a node's edges, each with its state, position and time",
    'roost flock edges follows 1 --direction backward',
  ).action((name: string, id: bigint, options: SetPageOptions) =>
    withClient(io, options, async (roost) =>
      printEdgePage(io, setOfNode(setOf(await roost.graph(name), options.direction, id), options), options),
    ),
  );

  for (const { name: kind, description } of combinations) {
    addPageOptions(ask(flock, kind, description, `roost flock ${kind} follows 1 2 --direction backward`))
      .addOption(directionOption())
      .addOption(statesOption())
      .argument('<ids...>', 'two nodes or more', idListArgument)
      .action(async (name: string, ids: readonly bigint[], options: SetPageOptions) => {
        if (ids.length < 2) throw new RoostError('InvalidArgument', `${kind} needs two nodes or more`);
        await withClient(io, options, async (roost) => {
          const graph = await roost.graph(name);
          const [first, ...others] = ids.map((id) => setOf(graph, options.direction, id).in(...options.states));
          await printPage(io, first![kind](...others), options);
        });
      });
  }

  addPageOptions(
    ask(
      flock,
      'query',
      `a page of any combination of sets, greatest id first\n${expressionHelp}`,
      "roost flock query follows 'to(1) - from(1)'",
    ),
  )
    .argument('<expression>', 'the query', expressionArgument)
    .option('--size', 'how many ids there are, instead of which; an estimate where there are many')
    .option('--exact', 'with --size: count them all')
    .action((name: string, expression: QueryExpression, options: QueryOptions) =>
      withClient(io, options, async (roost) => {
        const query = await queryOf(roost, name, expression);
        if (options.size !== true) return printPage(io, query, options);
        const count = await query.count({ exact: options.exact === true });
        outputFor(io, options).result({ count }, () => formatCount(count));
      }),
    );

  addPageOptions(
    ask(
      flock,
      'explain',
      `ask a query for a page, and show how it was found\n${expressionHelp}`,
      "roost flock explain follows 'from(1) & to(2)'",
    ),
  )
    .argument('<expression>', 'the query', expressionArgument)
    .action((name: string, expression: QueryExpression, options: PageFlags) =>
      withClient(io, options, async (roost) => {
        const query = await queryOf(roost, name, expression);
        const explanation = await query.explain({ count: options.count, cursor: options.cursor });
        const { plan, estimate, page, rowsRead, tookMs, steps } = explanation;
        const output = outputFor(io, options);
        output.result({ ...explanation, page: { ...page, ids: [...page.ids] } }, () =>
          [
            `${output.bold('plan')}: ${plan}`,
            `about ${formatCount(estimate)} ids in all; this page has ${formatCount(page.ids.length)}, found in ${formatMs(tookMs)} with ${formatCount(rowsRead)} rows read`,
            output.table(
              ['step', 'shard', 'host', 'asked', 'rows', 'ms'],
              steps.map((step) => [step.kind, step.shard, step.host, step.asked, step.rows, step.tookMs.toFixed(2)]),
            ) + (page.partial ? pageEnd(output, { partial: true }) : ''),
          ].join('\n'),
        );
      }),
    );
}

const rangeArgument = argument((text: IdInput): readonly [bigint, bigint] => {
  const [min, max, more] = String(text).split('..');
  if (min === undefined || max === undefined || more !== undefined)
    throw new RoostError('InvalidArgument', `must be two positions as MIN..MAX, not ${JSON.stringify(text)}`);
  return [parseInt64(min, 'position'), parseInt64(max, 'position')];
});
