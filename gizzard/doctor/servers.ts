import { Deadline, groupBy } from '../../core/index.js';
import { serverName, type ServerVersion } from '../moving/servers.js';
import type { Check, Examination, Finding } from './check.js';

const lookDeadlineMs = 5_000;

/**
 * Servers that ended without notice, servers of different releases or configurations, and jobs that no server takes.
 */
export const servers: Check = {
  name: 'servers',
  quick: true,
  async examine(examination) {
    const { servers: cluster } = examination;
    const [alive, silent] = await Promise.all([cluster.list(), cluster.silent()]);
    const waiting = alive.length > 0 ? [] : await waitingWork(examination);
    return [
      ...(waiting.length > 0
        ? [
            {
              kind: 'noServer',
              subject: 'servers',
              message: `no server runs, and work waits (${waiting.join(', ')}): \`roost serve\` starts one`,
            },
          ]
        : []),
      ...silent.filter((one) => !alive.some((other) => placeOf(other) === placeOf(one))).map(silentServer),
      ...apart(alive, 'differentVersions', 'run different releases', ({ info }) => info['version']),
      ...apart(alive, 'differentConfigurations', 'have different configurations', ({ info }) => info['config']),
    ];
  },
};

/** Work that only servers do, such as `jobs 5`. */
async function waitingWork({ jobs, migrations, openMoves }: Examination): Promise<string[]> {
  const queues = await Deadline.after(lookDeadlineMs).race(jobs.queues.status(), 'looking at the journal');
  const active = await migrations.list({ active: true });
  return [
    ['jobs', queues.reduce((sum, { queued, failing }) => sum + queued.jobs + failing.jobs, 0)] as const,
    ['migrations', active.filter(({ state }) => state === 'queued' || state === 'running').length] as const,
    ['moves', openMoves.filter(({ state }) => state !== 'paused').length] as const,
  ].flatMap(([what, count]) => (count === 0 ? [] : [`${what} ${count}`]));
}

const placeOf = ({ info: { machine, managerPort } }: ServerVersion): string => `${machine}:${managerPort}`;

const silentServer = ({ id, info, silentMs }: ServerVersion): Finding => ({
  kind: 'silentServer',
  subject: serverName(id, info),
  message: `${serverName(id, info)} ended without a word, or cannot reach the name server: nothing was heard of it for ${Math.round(silentMs / 1_000)} s`,
});

/** One finding if servers report different values. Servers that do not report one are left out. */
function apart(
  servers: readonly ServerVersion[],
  kind: string,
  what: string,
  of: (server: ServerVersion) => string | number | undefined,
): Finding[] {
  const said = groupBy(
    servers.filter((server) => of(server) !== undefined),
    (server) => String(of(server)),
  );
  if (said.size < 2) return [];
  const groups = [...said]
    .map(
      ([value, some]) =>
        `${some.map(({ id, info }) => serverName(id, info)).join(', ')}: ${kind === 'differentVersions' ? value : digests(value, [...said.keys()])}`,
    )
    .sort();
  return [{ kind, subject: 'servers', message: `servers ${what} (${groups.join('; ')})` }];
}

/** The sections of a configuration that differ between servers. */
function digests(value: string, all: readonly string[]): string {
  const lines = value.split(' ');
  return lines.filter((line) => !all.every((other) => other.split(' ').includes(line))).join(' ');
}
