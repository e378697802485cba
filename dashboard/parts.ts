import { poolStats, type Caches } from '../cache/index.js';
import { Deadline } from '../core/index.js';
import {
  dayWindowsText,
  nodeType,
  remainingMs,
  serverName,
  type Finding,
  type Gizzard,
  type MigrationReport,
  type MoveThrottleNow,
  type Topology,
} from '../gizzard/index.js';
import type { Growth } from './growth.js';
import type {
  CachesView,
  CacheView,
  FindingView,
  HostView,
  MigrationsView,
  MigrationView,
  QueueView,
  ServerView,
} from './state.js';

// How each part of the state is gathered. Every function throws if its part cannot be read.

const hostDeadlineMs = 1_000;
const shownMigrations = 12;
const shownServers = 500;
const shownHosts = 1_000;

/** The first command in a finding's message; if there is none, the command that examines the finding further. */
export function findingView({ kind, subject, message, remedy }: Finding): FindingView {
  const named = /`(roost [^`]+)`/.exec(message)?.[1];
  return { kind, subject, message, command: named ?? (remedy === undefined ? 'roost doctor' : 'roost doctor --fix') };
}

export async function serversPart(
  gizzard: Gizzard,
  growth: Growth,
  posting: ReadonlySet<string>,
): Promise<ServerView[]> {
  const servers = await gizzard.servers.list();
  return servers.slice(0, shownServers).map(({ id, info, version }) => ({
    id,
    name: serverName(id, info),
    version: String(info['version'] ?? ''),
    topologyVersion: version,
    callsPerSecond: rounded(growth.countPerSecond('rpc', id)),
    p99Ms: rounded(growth.quantileMs('rpc', 0.99, id), 1),
    figures: posting.has(id),
  }));
}

/** The last counters of a host, and the figures worked out from them. */
export interface HostMemory {
  requests: number;
  atMs: number;
  perSecond: number | null;
  readonly trend: number[];
  usedBytes: number | null;
  freeBytes: number | null;
  roomAtMs: number;
}

const roomEveryMs = 30_000;
const trendLength = 60;

export async function hostsPart(
  { hosts, topology }: Gizzard,
  growth: Growth,
  memory: Map<string, HostMemory>,
): Promise<HostView[]> {
  const shards = leavesByHost(topology);
  return Promise.all(
    hosts.names.slice(0, shownHosts).map(async (name): Promise<HostView> => {
      const host = hosts.host(name);
      const now = memory.get(name) ?? newMemory();
      memory.set(name, now);
      const deadline = Deadline.after(hostDeadlineMs);
      const answers = await deadline.race(lookAt(host, now, deadline), `a look at ${name}`).then(
        () => true,
        () => false,
      );
      if (!answers) now.perSecond = null;
      const [poolWaiting = 0, poolInUse = 0] = growth.now(`pool ${name}`);
      return {
        name,
        backend: hosts.backendOf(name).name,
        state: answers ? 'up' : 'down',
        reason: answers ? '' : host.health.reason,
        shards: shards.get(name) ?? 0,
        queriesPerSecond: rounded(now.perSecond),
        trend: [...now.trend],
        p99Ms: rounded(growth.quantileMs(`sql ${name}`, 0.99), 1),
        usedBytes: now.usedBytes,
        freeBytes: now.freeBytes,
        poolWaiting,
        poolInUse,
      };
    }),
  );
}

const counted = new WeakMap<Topology, ReadonlyMap<string, number>>();

/** How many leaves each host has. Counted once for each topology. */
function leavesByHost(topology: Topology): ReadonlyMap<string, number> {
  const before = counted.get(topology);
  if (before !== undefined) return before;
  const leaves = new Map<string, number>();
  for (const { id, type } of topology.state.shards)
    if (nodeType(type) === undefined) leaves.set(id.hostname, (leaves.get(id.hostname) ?? 0) + 1);
  counted.set(topology, leaves);
  return leaves;
}

type LookedAt = ReturnType<Gizzard['hosts']['host']>;

const newMemory = (): HostMemory => ({
  requests: -1,
  atMs: 0,
  perSecond: null,
  trend: [],
  usedBytes: null,
  freeBytes: null,
  roomAtMs: -Infinity,
});

/** Throws if the host does not answer. */
async function lookAt(host: LookedAt, memory: HostMemory, deadline: Deadline): Promise<void> {
  if (host.load === undefined) {
    if (!(await host.answers())) throw new Error('no answer');
  } else {
    const { requests } = await host.load(deadline);
    const atMs = performance.now();
    if (memory.requests >= 0 && atMs > memory.atMs) {
      memory.perSecond = Math.max(0, ((requests - memory.requests) / (atMs - memory.atMs)) * 1_000);
      memory.trend.push(Math.round(memory.perSecond));
      if (memory.trend.length > trendLength) memory.trend.shift();
    }
    memory.requests = requests;
    memory.atMs = atMs;
  }
  if (host.room === undefined || performance.now() - memory.roomAtMs < roomEveryMs) return;
  memory.roomAtMs = performance.now();
  try {
    const { usedBytes, freeBytes } = await host.room(deadline);
    memory.usedBytes = usedBytes;
    memory.freeBytes = freeBytes ?? null;
  } catch {
    // A host may answer and yet take long to say how full it is: the figure of before stands.
  }
}

export async function migrationsPart({ migrations }: Gizzard): Promise<MigrationsView> {
  const [active, throttle] = await Promise.all([
    migrations.list({ active: true, limit: 1_000 }),
    migrations.throttle(),
  ]);
  const urgency = ['failed', 'running', 'paused', 'settled', 'queued'];
  const shown = [...active]
    .sort((a, b) => urgency.indexOf(a.state) - urgency.indexOf(b.state) || a.id - b.id)
    .slice(0, shownMigrations);
  const reports = await Promise.all(shown.map(({ id }) => migrations.show(id)));
  return {
    throttle: throttleText(throttle),
    list: reports.map((report) => migrationView(report, throttle)),
    more: active.length - shown.length,
  };
}

function throttleText({ rowsPerSecond, between, resting, running }: MoveThrottleNow): string {
  const bounds = [
    ...(rowsPerSecond === undefined ? [] : [`at most ${rowsPerSecond} rows/s over ${running} running copies`]),
    ...(between.length === 0 ? [] : [`between ${dayWindowsText(between)} UTC${resting === '' ? '' : ', resting now'}`]),
  ];
  return bounds.join(', ');
}

function migrationView(report: MigrationReport, throttle: MoveThrottleNow): MigrationView {
  const { id, title, state, goal, options, error, steps, moves } = report;
  const names = [...new Set(steps.map(({ phase }) => phase))];
  const phases = names.map((name) => {
    const states = steps.filter(({ phase }) => phase === name).map((step) => step.state);
    const done = states.every((each) => each === 'done');
    const begun = states.some((each) => each !== 'pending' && each !== 'undone');
    return { name, state: done ? ('done' as const) : begun ? ('running' as const) : ('pending' as const) };
  });
  const copies = moves.filter(({ kind }) => kind === 'copy' || kind === 'merge');
  const open = moves.filter((move) => move.state === 'running');
  const left = open.map(remainingMs).filter((each) => each !== undefined);
  const held = [
    ...(error === '' ? [] : [error]),
    ...(throttle.resting === '' || goal === 'rollback' ? [] : [throttle.resting]),
    ...moves
      .filter((move) => move.error !== '' && move.state !== 'done')
      .map((move) => `move ${move.id}: ${move.error}`),
    ...(throttle.rowsPerSecond === undefined || open.length === 0
      ? []
      : [`all copies together do at most ${throttle.rowsPerSecond} rows/s (\`roost migrations throttle\`)`]),
  ];
  const verify = phases.find(({ name }) => name === 'verify')?.state;
  return {
    id,
    title,
    state,
    goal,
    phase: steps.find((step) => step.state !== 'done')?.phase ?? null,
    phases,
    rowsDone: sum(copies.map(({ rowsDone }) => rowsDone)),
    rowsTotal: sum(copies.map(({ rowsTotal }) => rowsTotal)),
    rowsPerSecond: Math.round(sum(open.map(({ rowsPerSecond }) => rowsPerSecond))),
    leftMs: left.length === 0 ? null : Math.max(...left),
    heldUp: held.slice(0, 3).join('; '),
    verified: verify === 'done' ? 'yes' : verify === 'running' ? 'running' : 'no',
    rollBackUntil:
      phases.find(({ name }) => name === 'cleanup')?.state === 'running' || goal === 'rollback'
        ? ''
        : options.cleanup === true
          ? 'its cleanup begins by itself'
          : `\`roost migrations cleanup ${id}\``,
  };
}

export async function queuesPart({ jobs, topology }: Gizzard, growth: Growth): Promise<QueueView[]> {
  const status = await jobs.queues.status();
  return Promise.all(
    status.map(async ({ priority, queued, failing, bad }): Promise<QueueView> => {
      const stored = bad.jobs > 0 ? 'bad' : failing.jobs > 0 ? 'failing' : undefined;
      const [worst] = stored === undefined ? [] : await jobs.queues.list(priority, stored, 1);
      return {
        priority,
        paused: topology.state.pausedPriorities.includes(priority),
        queued: queued.jobs,
        oldestMs: queued.oldestAgeMs ?? null,
        appliedPerSecond: rounded(growth.perSecond(`jobs ${priority}`)?.[0] ?? null),
        failing: failing.jobs,
        oldestFailingMs: failing.oldestAgeMs ?? null,
        bad: bad.jobs,
        lastError: worst?.lastError.slice(0, 500) ?? '',
      };
    }),
  );
}

/** What each kind of cache reached at Twitter, in percent. */
const usualPercents: readonly (readonly [RegExp, number])[] = [
  [/newest|vector/, 99],
  [/fragments/, 95],
  [/pages/, 40],
  [/tweets|users|edges|rows/, 95],
];

export async function cachesPart(
  { main, pages }: Caches,
  growth: Growth,
  names: Iterable<string>,
): Promise<CachesView> {
  const pools = [main, pages].filter((pool) => pool !== undefined);
  const nodes = await Promise.all(
    pools.map(async (pool) =>
      (await poolStats(pool)).map(({ node, state, memcached }) => ({
        pool: pool.options.name,
        node,
        state,
        answers: memcached !== undefined,
        items: memcached?.items ?? null,
        fillPercent:
          memcached === undefined ? null : Math.round((100 * memcached.bytes) / Math.max(1, memcached.maxBytes)),
      })),
    ),
  );
  const list = [...names].sort().map((name): CacheView => {
    const [hits = 0, misses = 0] = growth.perSecond(`cache ${name}`) ?? [];
    const reads = hits + misses;
    return {
      name,
      hitPercent: reads === 0 ? null : Math.round((1_000 * hits) / reads) / 10,
      usualPercent: usualPercents.find(([pattern]) => pattern.test(name))?.[1] ?? null,
      readsPerSecond: rounded(reads),
    };
  });
  return { list, nodes: nodes.flat() };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

function rounded(value: number | null, digits = 0): number | null {
  if (value === null) return null;
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}
