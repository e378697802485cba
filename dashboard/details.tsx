import type { VNode } from 'preact';
import { parseId, priorities, type Priority, RoostError } from '../core/index.js';
import {
  changesSummary,
  nodeType,
  parseShardId,
  remainingMs,
  shardKey,
  type Gizzard,
  type JobQueueName,
  type MoveTask,
  type ShardId,
  type Topology,
} from '../gizzard/index.js';
import {
  ChangesPage,
  JobsPage,
  MigrationsPage,
  ShardPage,
  TablesPage,
  type ChangesView,
  type JobsView,
  type MigrationsListView,
  type ShardView,
  type TablesView,
  type TreeView,
} from './page/details.js';
import { durationText } from './page/format.js';
import { boundsText } from './actions.js';
import { integer, oneOf } from './query.js';

const treesPerPage = 100;
const jobsPerPage = 50;
const changesPerPage = 50;
const shownMigrations = 100;
const contentsChars = 300;
/** Nodes of one tree that are shown. */
const maxTreeNodes = 200;

/** The pages behind the first one, by path. Each throws `InvalidArgument` and `NotFound` for what it is asked, and what the cluster throws. */
export const detailPages: Readonly<
  Record<string, (gizzard: Gizzard, query: URLSearchParams) => Promise<VNode> | VNode>
> = {
  '/topology': (gizzard, query) => <TablesPage view={tablesView(gizzard.topology, query)} />,
  '/shard': async (gizzard, query) => <ShardPage view={await shardView(gizzard, query)} />,
  '/jobs': async (gizzard, query) => <JobsPage view={await jobsView(gizzard, query)} />,
  '/migrations': async (gizzard, query) => <MigrationsPage view={await migrationsView(gizzard, query)} />,
  '/changes': async (gizzard, query) => <ChangesPage view={await changesView(gizzard, query)} />,
};

export function tablesView(topology: Topology, query: URLSearchParams): TablesView {
  const counts = new Map<number, number>();
  for (const { tableId } of topology.state.forwardings) counts.set(tableId, (counts.get(tableId) ?? 0) + 1);
  const tables = topology.tables.map(({ tableId, name, service, hash }) => ({
    table: tableId,
    name,
    service,
    hash,
    forwardings: counts.get(tableId) ?? 0,
    covered: topology.covers(tableId),
  }));
  if (!query.has('table')) return { tables, trees: null };
  const table = integer(query, 'table', -(2 ** 31), 2 ** 31 - 1);
  const { name } = topology.table(table);
  const key = query.get('key');
  const located = key === null ? undefined : topology.locate(table, parseId(key));
  const from = located?.baseId ?? parseId(query.get('from') ?? '0');
  // One more than is shown, to know where the next page begins.
  const page = topology.state.forwardings
    .filter(({ tableId, baseId }) => tableId === table && baseId >= from)
    .sort((a, b) => (a.baseId < b.baseId ? -1 : 1))
    .slice(0, treesPerPage + 1);
  return {
    tables,
    trees: {
      table,
      name,
      found: located === undefined ? '' : `key ${key} has the hash ${located.hash}, in the first tree below`,
      list: page
        .slice(0, located === undefined ? treesPerPage : 1)
        .map(({ baseId, shard }) => ({ base: String(baseId), tree: treeView(topology, shard) })),
      next: located === undefined && page.length > treesPerPage ? String(page.at(-1)!.baseId) : '',
    },
  };
}

function treeView(topology: Topology, id: ShardId): TreeView {
  const access = new Map(
    topology.routeOf(id).leaves.map(({ key, read, write }) => [key, `read ${read}, write ${write}`]),
  );
  let left = maxTreeNodes;
  const visit = (shard: ShardId, weight: number): TreeView => {
    left--;
    const { type, busy } = topology.shard(shard);
    const key = shardKey(shard);
    return {
      shard: key,
      type,
      weight,
      busy,
      access: nodeType(type) === undefined ? (access.get(key) ?? '') : '',
      children: topology
        .children(shard)
        .slice(0, Math.max(0, left))
        .map((link) => visit(link.child, link.weight)),
    };
  };
  return visit(id, 1);
}

async function shardView({ topology, hosts, jobs }: Gizzard, query: URLSearchParams): Promise<ShardView> {
  const id = parseShardId(query.get('id') ?? '');
  const { type, busy, attributes, schemaVersion } = topology.shard(id);
  const key = shardKey(id);
  const lacks = (await jobs.laggingHosts()).find(({ host }) => host === id.hostname)?.lacks[key] ?? 0;
  return {
    shard: key,
    facts: [
      ['type', type],
      ['busy', busy],
      ...(schemaVersion === undefined ? [] : ([['schema version', String(schemaVersion)]] as const)),
      ...Object.entries(attributes),
      ...(nodeType(type) === undefined
        ? ([
            ['host', hosts.has(id.hostname) && hosts.host(id.hostname).health.down ? 'does not answer' : 'answers'],
            ['accepted writes that it lacks', String(lacks)],
          ] as const)
        : []),
    ],
    tree: treeView(topology, id),
    parents: topology.parents(id).map(({ parent }) => shardKey(parent)),
    forwardings: topology.state.forwardings
      .filter(({ shard }) => shardKey(shard) === key)
      .slice(0, treesPerPage)
      .map(({ tableId, baseId }) => ({
        table: tableId,
        name: topology.table(tableId).name,
        base: String(baseId),
      })),
  };
}

async function jobsView({ jobs, topology }: Gizzard, query: URLSearchParams): Promise<JobsView> {
  const priority = oneOf<Priority>(query, 'priority', priorities);
  const queue = oneOf<JobQueueName>(query, 'queue', ['bad', 'failing', 'queued']);
  const after = query.get('after');
  if (after !== null && !/^\d{1,20}-\d{1,20}(@[A-Za-z0-9_.:/=@-]{1,90})?$/.test(after))
    throw new RoostError('InvalidArgument', `${after} is no id of a job`);
  const [status, found] = await Promise.all([
    jobs.queues.status(),
    jobs.queues.list(priority, queue, jobsPerPage, after ?? undefined),
  ]);
  const own = status.find((each) => each.priority === priority);
  return {
    priority,
    queue,
    steered: {
      priority,
      paused: topology.state.pausedPriorities.includes(priority),
      failing: own?.failing.jobs ?? 0,
      bad: own?.bad.jobs ?? 0,
    },
    queues: status.flatMap((each) =>
      (['queued', 'failing', 'bad'] as const).map((name) => ({
        priority: each.priority,
        queue: name,
        jobs: each[name].jobs,
      })),
    ),
    jobs: found.map(({ id, kind, acceptedAtMs, attempts, lastError, contents = '' }) => ({
      id,
      kind,
      acceptedAtMs,
      attempts,
      error: lastError.slice(0, contentsChars),
      contents: contents.length > contentsChars ? `${contents.slice(0, contentsChars)}…` : contents,
    })),
    next: found.length < jobsPerPage ? '' : found.at(-1)!.id,
  };
}

async function migrationsView({ migrations }: Gizzard, query: URLSearchParams): Promise<MigrationsListView> {
  const [throttle, list, one] = await Promise.all([
    migrations.throttle(),
    migrations.list({ active: false, limit: shownMigrations }),
    query.has('id') ? migrations.show(integer(query, 'id', 1, Number.MAX_SAFE_INTEGER)) : undefined,
  ]);
  return {
    throttle: boundsText(throttle),
    list: list.map(({ id, title, state, createdAt, error }) => ({ id, title, state, createdAt, error })),
    one:
      one === undefined
        ? null
        : {
            id: one.id,
            title: one.title,
            state: one.state,
            error: one.error,
            steps: one.steps.map(({ phase, title, state, evidence }) => ({
              phase,
              title,
              state,
              seen: Object.entries(evidence)
                .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(' ') : String(value)}`)
                .join(', '),
            })),
            moves: one.moves.map((move) => ({ id: move.id, text: moveText(move) })),
          },
  };
}

function moveText(move: MoveTask): string {
  const { id, kind, state, rowsDone, rowsTotal, differenceCount, error } = move;
  const left = state === 'running' ? remainingMs(move) : undefined;
  return [
    `move ${id}: ${kind} is ${state}, ${rowsDone} of ${rowsTotal} rows`,
    ...(kind === 'copy' ? [] : [`${differenceCount} different`]),
    ...(left === undefined ? [] : [`${durationText(left)} left`]),
    ...(error === '' ? [] : [error]),
  ].join(', ');
}

async function changesView({ nameServer }: Gizzard, query: URLSearchParams): Promise<ChangesView> {
  const below = query.has('below') ? integer(query, 'below', 1, Number.MAX_SAFE_INTEGER) : undefined;
  const entries = await nameServer.audit({
    count: changesPerPage,
    ...(below === undefined ? {} : { belowVersion: below }),
  });
  return {
    list: entries.map(({ version, changedAtMs, by, changes }) => ({
      version,
      atMs: changedAtMs,
      by,
      text: changesSummary(changes),
    })),
    next: entries.length < changesPerPage ? 0 : entries.at(-1)!.version,
  };
}
