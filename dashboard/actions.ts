import { createHash } from 'node:crypto';
import { priorities, type Priority, RoostError } from '../core/index.js';
import { dayWindowsText, parseDayWindows, type Gizzard, type MoveThrottleSettings } from '../gizzard/index.js';
import { countText } from './page/format.js';
import { integer, oneOf } from './query.js';

/** A change that the dashboard can make. */
export interface DashboardAction {
  readonly title: string;
  /** The command that does the same. */
  readonly command: string;
  /** What it will do, a sentence each, as things are now. Commands stand between backticks. */
  readonly plan: readonly string[];
  /** How much it concerns at this moment; '' if that is in the plan. */
  readonly now: string;
  /** Returns what was done, as a sentence. `by`: who, for the audit. */
  run(by: string): Promise<string>;
}

type Plan = (gizzard: Gizzard, query: URLSearchParams) => Promise<DashboardAction>;

/** Names the plan that was shown: only that one is carried out. `now` is not a part of it, since it changes all the time. */
export const digestOf = ({ title, command, plan }: DashboardAction): string =>
  createHash('sha256')
    .update(JSON.stringify([title, command, plan]))
    .digest('base64url');

const priorityOf = (query: URLSearchParams): Priority => oneOf<Priority>(query, 'priority', priorities);
const migrationOf = (query: URLSearchParams): number => integer(query, 'id', 1, Number.MAX_SAFE_INTEGER);

const steerJobs =
  (name: 'pause' | 'resume', kind: 'pauseJobs' | 'resumeJobs', effect: string): Plan =>
  async (gizzard, query) => {
    const priority = priorityOf(query);
    const { queued } = await gizzard.jobs.sizes(priority);
    return {
      title: `${name === 'pause' ? 'Pause' : 'Resume'} jobs of ${priority} priority`,
      command: `roost job ${name} ${priority}`,
      plan: [effect],
      now: `${countText(queued)} jobs wait in it now.`,
      async run(by) {
        await gizzard.apply([{ kind, priority }], by);
        return `Jobs of ${priority} priority are ${name}d.`;
      },
    };
  };

const steerMigration =
  (name: 'pause' | 'resume' | 'rollback', titleOf: (id: number) => string, effect: string, done: string): Plan =>
  async ({ migrations }, query) => {
    const { id, title, state, steps } = await migrations.show(migrationOf(query));
    const shards = steps.flatMap(({ action }) =>
      name === 'rollback' && action.kind === 'createTables' && 'shards' in action ? action.shards : [],
    );
    return {
      title: titleOf(id),
      command: `roost migrations ${name} ${id}`,
      plan: [
        `Migration ${id} (${title}) is ${state}.`,
        effect,
        ...(shards.length === 0
          ? []
          : [`These go: ${shards.map((shard) => `${shard.id.hostname}/${shard.id.tablePrefix}`).join(', ')}.`]),
      ],
      now: '',
      async run() {
        await migrations[name](id);
        return `Migration ${id} ${done}.`;
      },
    };
  };

/** The actions, by name. Each throws `InvalidArgument` and `NotFound` for what it is asked. */
const plans: Readonly<Record<string, Plan>> = {
  'pause-jobs': steerJobs(
    'pause',
    'pauseJobs',
    'Every server stops working on this queue within seconds. Writes are accepted meanwhile, up to the bound of the queue, and are not applied.',
  ),
  'resume-jobs': steerJobs('resume', 'resumeJobs', 'Servers work on this queue again.'),
  async 'retry-jobs'({ jobs }, query) {
    const priority = priorityOf(query);
    const queue = oneOf(query, 'queue', ['failing', 'bad'] as const);
    const { [queue]: count } = await jobs.sizes(priority);
    return {
      title: `Retry ${queue} jobs of ${priority} priority`,
      command: `roost job retry ${priority} --queue ${queue}`,
      plan: [`All ${queue} jobs of this priority are tried again now, as if they had never failed.`],
      now: `There are ${countText(count)} of them now.`,
      run: async () => `${countText(await jobs.queues.retry(priority, queue))} jobs are tried again.`,
    };
  },
  'pause-migration': steerMigration(
    'pause',
    (id) => `Pause migration ${id}`,
    'It rests where it is; both sides keep receiving writes.',
    'rests',
  ),
  'resume-migration': steerMigration('resume', (id) => `Resume migration ${id}`, 'It goes on from there.', 'goes on'),
  'roll-back': steerMigration(
    'rollback',
    (id) => `Roll back migration ${id}`,
    'Servers go back to where it began; reads are at once on the old shards. Nothing that was written is lost.',
    'is rolled back',
  ),
  async throttle({ migrations }, query) {
    const before = await migrations.throttle();
    const settings: MoveThrottleSettings = {
      rowsPerSecond: (query.get('rows') ?? '') === '' ? undefined : integer(query, 'rows', 1, 100_000_000),
      between: (query.get('between') ?? '') === '' ? [] : parseDayWindows(query.get('between')!),
    };
    const options = [
      ...(settings.rowsPerSecond === undefined ? [] : [` --rows-per-second ${settings.rowsPerSecond}`]),
      ...(settings.between.length === 0 ? [] : [` --between ${dayWindowsText(settings.between)}`]),
    ];
    return {
      title: 'Throttle migrations',
      command: `roost migrations throttle${options.length === 0 ? ' --off' : options.join('')}`,
      plan: [`Now: ${boundsText(before)}.`, `Then: ${boundsText(settings)}.`, 'Running copies follow within seconds.'],
      now: '',
      async run() {
        await migrations.setThrottle(settings);
        return `Throttled: ${boundsText(settings)}.`;
      },
    };
  },
};

/** The bounds on all copies together, as a clause. */
export function boundsText({ rowsPerSecond, between }: MoveThrottleSettings): string {
  const rows = rowsPerSecond === undefined ? [] : [`all copies together do at most ${countText(rowsPerSecond)} rows/s`];
  const times = between.length === 0 ? [] : [`migrations work between ${dayWindowsText(between)} UTC`];
  return [...rows, ...times].join(', ') || 'no bounds on all copies together';
}

/** The plan of the action that a query names by `do`. */
export function planOf(gizzard: Gizzard, query: URLSearchParams): Promise<DashboardAction> {
  const name = query.get('do') ?? '';
  if (!Object.hasOwn(plans, name)) throw new RoostError('NotFound', `there is no action ${name}`);
  return plans[name]!(gizzard, query);
}
