import { createReadStream, createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Deadline, inTurns, limits, priorities, type Priority, RoostError } from '../core/index.js';
import {
  type Gizzard,
  type JobQueueName,
  type JobView,
  type NewJob,
  type StoredQueue,
  storedQueues,
} from '../gizzard/index.js';
import { again, watchOption, type WatchOptions } from './console/again.js';
import type { CliIo } from './console/cliIo.js';
import { change, priorityArgument, reportChange, withCluster } from './console/cluster.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  defineGroup,
  integerArgument,
  nameListArgument,
} from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { formatCount, formatMs, toJson } from './console/output.js';

interface QueueOptions extends ConfigOptions {
  readonly queue: StoredQueue;
  readonly ids?: readonly string[];
}

interface ShowOptions extends ConfigOptions {
  readonly queue: JobQueueName;
  readonly count: number;
  readonly after?: string;
}

interface InjectOptions extends ConfigOptions {
  readonly file?: string;
  readonly replicated?: true;
}

/** Ids as the journal gives them. */
function idListArgument(text: string): readonly string[] {
  const ids = nameListArgument(text);
  const wrong = ids.find((id) => !/^\d{1,20}-\d{1,20}(@[A-Za-z0-9_.:/=@-]{1,90})?$/.test(id));
  if (wrong !== undefined)
    throw new InvalidArgumentError(
      `${wrong} is no id of a job; \`roost job show\` shows them, such as 1763700000000-0@db2.`,
    );
  return ids;
}

const jobsPerPage = 500;
const jobsPerAppend = 100;

export function addJobCommands(program: Command, io: CliIo): void {
  const job = defineGroup(program, 'job', 'look at the queues of jobs, and work on them');
  const define = (name: string, description: string, example: string): Command =>
    defineCommand(job, name, description, example).addOption(configOption());
  const queueOption = (): Option =>
    new Option('--queue <queue>', 'failing: waiting for another attempt; bad: given up')
      .choices(storedQueues)
      .default('failing');
  const idsOption = (): Option =>
    new Option('--ids <id,...>', 'only these jobs (default: all)').argParser(idListArgument);

  define(
    'list',
    'show how many jobs wait in each queue, failing ones by database host, or by the kind and version that no server knows, and for how long the oldest has',
    'roost job list',
  )
    .addOption(watchOption())
    .action((options: ConfigOptions & WatchOptions) =>
      withCluster(io, options, (gizzard, output) =>
        again(io, options, output, async () => {
          await gizzard.nameServer.reload();
          const { jobs, topology } = gizzard;
          const { pausedPriorities, fanouts } = topology.state;
          const queues = (await jobs.queues.status()).map((status) => ({
            ...status,
            paused: pausedPriorities.includes(status.priority),
          }));
          const age = (ms: number | undefined): string => (ms === undefined ? '' : formatMs(ms));
          const rows = queues.flatMap(({ priority, paused, hosts, unknown, ...loads }) =>
            (['queued', ...storedQueues] as const).flatMap((queue) => [
              [
                priority,
                queue,
                loads[queue].jobs,
                age(loads[queue].oldestAgeMs),
                queue === 'queued' && paused ? 'paused' : '',
              ],
              ...(queue === 'queued'
                ? []
                : hosts
                    .filter((one) => one.host !== '' && one[queue].jobs > 0)
                    .map((one) => [priority, queue, one[queue].jobs, age(one[queue].oldestAgeMs), `on ${one.host}`])),
              ...(queue === 'failing'
                ? unknown.map(({ kind, version, ...load }) => [
                    priority,
                    queue,
                    load.jobs,
                    age(load.oldestAgeMs),
                    `wait for a server that knows ${kind}, version ${version}`,
                  ])
                : []),
            ]),
          );
          const steps = queues.flatMap(({ priority, paused, failing, bad }) => [
            ...(paused ? [`roost job resume ${priority}`] : []),
            ...(failing.jobs > 0 ? [`roost job show ${priority}`] : []),
            ...(bad.jobs > 0 ? [`roost job show ${priority} --queue bad`] : []),
          ]);
          output.result(
            { queues, fanouts },
            () => output.table(['priority', 'queue', 'jobs', 'oldest', ''], rows),
            steps,
          );
        }),
      ),
    );

  define(
    'show',
    'show the oldest jobs of a queue, with what their last attempt said',
    'roost job show high --queue bad',
  )
    .argument('<priority>', priorities.join(', '), priorityArgument)
    .addOption(
      new Option('--queue <queue>', 'queued: not tried yet; failing: waiting for another attempt; bad: given up')
        .choices(['queued', ...storedQueues])
        .default('failing'),
    )
    .option('--count <count>', 'jobs to show', integerArgument(1, limits.pageSize), 20)
    .option('--after <id>', 'those behind this one')
    .action((priority: Priority, { queue, count, after, ...options }: ShowOptions) =>
      withCluster(io, options, async ({ jobs }, output) => {
        const found = await jobs.queues.list(priority, queue, count, after);
        const steps =
          found.length === 0 || queue === 'queued'
            ? []
            : [`roost job retry ${priority} --queue ${queue}`, `roost job export ${priority} FILE --queue ${queue}`];
        if (found.length === count)
          steps.push(`roost job show ${priority} --queue ${queue} --after ${found.at(-1)!.id}`);
        output.result({ jobs: found }, () => (found.length === 0 ? 'none' : found.map(jobText).join('\n')), steps);
      }),
    );

  define('retry', 'try failing jobs again now, or jobs that were given up', 'roost job retry high --queue bad')
    .alias('flush')
    .argument('<priority>', `${priorities.join(', ')} or all`, priorityOrAll)
    .addOption(queueOption())
    .addOption(idsOption())
    .action((which: readonly Priority[], { queue, ids, ...options }: QueueOptions) =>
      withCluster(io, options, async ({ jobs }, output) => {
        if (ids !== undefined && which.length > 1)
          throw new RoostError('InvalidArgument', '--ids needs one priority, not all');
        let retried = 0;
        for (const priority of which) retried += await jobs.queues.retry(priority, queue, ids);
        output.result({ retried }, () => `${formatCount(retried)} ${queue} jobs are tried again`, ['roost job list']);
      }),
    );

  define(
    'discard',
    'give failing jobs up for good, or forget those that were given up',
    'roost job discard low --queue bad',
  )
    .argument('<priority>', priorities.join(', '), priorityArgument)
    .addOption(queueOption())
    .addOption(idsOption())
    .addOption(yesOption())
    .action((priority: Priority, { queue, ids, ...options }: QueueOptions & ConfirmOptions) =>
      withCluster(io, options, async ({ jobs }, output) => {
        const count = ids?.length ?? (await jobs.sizes(priority))[queue];
        await confirm(io, options, `discard ${queue} jobs of priority ${priority}`, [
          `${formatCount(count)} writes that were accepted are lost where they are not applied yet; \`roost job export ${priority} FILE --queue ${queue}\` keeps them`,
        ]);
        const discarded = await jobs.queues.discard(priority, queue, ids);
        output.result({ discarded }, () => `discarded ${formatCount(discarded)} ${queue} jobs`, ['roost job list']);
      }),
    );

  define(
    'export',
    'write jobs to a file, one JSON object a line; they stay in the queue\n`roost job inject --file` takes such a file.',
    'roost job export high bad-jobs.jsonl --queue bad',
  )
    .argument('<priority>', priorities.join(', '), priorityArgument)
    .argument('<file>', 'where to')
    .addOption(queueOption())
    .action((priority: Priority, path: string, { queue, ...options }: QueueOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const file = resolve(io.workingFolder, path);
        const exported = await exportJobs(gizzard, priority, queue, file);
        output.result(
          { exported, file },
          () => `${formatCount(exported)} ${queue} jobs in ${path}`,
          exported === 0
            ? []
            : [`roost job inject ${priority} --file ${path}`, `roost job discard ${priority} --queue ${queue}`],
        );
      }),
    );

  define(
    'inject',
    'journal jobs that are written as JSON\nAs arguments, or as lines of a file: jobs, or what `roost job export` wrote.',
    `roost job inject high '{"flock.edges": {"graph": 1, "edges": [{"source": 1, "destination": 2}]}}'`,
  )
    .argument('<priority>', priorities.join(', '), priorityArgument)
    .argument('[jobs...]', 'JSON, an object with one key: the kind of job')
    .option('--file <file>', 'lines of JSON')
    .option('--replicated', 'they come from another cluster: not sent to remote clusters')
    .action((priority: Priority, texts: readonly string[], { file, replicated, ...options }: InjectOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const jobs = await inTurns(texts, (text, i) => parseJob(gizzard, text, `job ${i + 1}`));
        if (file !== undefined) jobs.push(...(await readJobs(gizzard, resolve(io.workingFolder, file))));
        if (jobs.length === 0)
          throw new RoostError('InvalidArgument', 'there is no job: give some as arguments, or --file');
        for (let start = 0; start < jobs.length; start += jobsPerAppend) {
          const deadline = Deadline.after(limits.defaultDeadlineMs);
          await gizzard.jobs.append(jobs.slice(start, start + jobsPerAppend), {
            priority,
            waitUntilApplied: false,
            replicate: replicated !== true,
            deadline,
          });
        }
        output.result({ injected: jobs.length }, () => `journaled ${formatCount(jobs.length)} jobs`, [
          'roost job list',
        ]);
      }),
    );

  define(
    'pause',
    'stop working on jobs of a priority, on every server\nWrites are accepted meanwhile, up to the bound of the queue; it stays so until `roost job resume`.',
    'roost job pause low',
  )
    .argument('<priority>', `${priorities.join(', ')} or all`, priorityOrAll)
    .action((which: readonly Priority[], options: ConfigOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const changed = await change(
          gizzard,
          'job pause',
          which.map((priority) => ({ kind: 'pauseJobs', priority })),
        );
        reportChange(output, changed, { paused: which }, `paused ${which.join(', ')}`, [
          `roost job resume ${which.length > 1 ? 'all' : which[0]!}`,
        ]);
      }),
    );

  define('resume', 'work on jobs of a priority again', 'roost job resume low')
    .argument('<priority>', `${priorities.join(', ')} or all`, priorityOrAll)
    .action((which: readonly Priority[], options: ConfigOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const changed = await change(
          gizzard,
          'job resume',
          which.map((priority) => ({ kind: 'resumeJobs', priority })),
        );
        reportChange(output, changed, { resumed: which }, `resumed ${which.join(', ')}`, ['roost job list']);
      }),
    );

  define(
    'fanout',
    "copy every job of a priority into a stream of its own, for onlookers\nThe stream is {CLUSTER}:jobs:PRIORITY:fanout:SUFFIX in the journal's Redis; its oldest jobs make room for new ones.",
    'roost job fanout high audit',
  )
    .argument('<priority>', `${priorities.join(', ')} or all`, priorityOrAll)
    .argument('<suffix>', 'what the stream is called')
    .option('--remove', 'stop copying')
    .action(
      (
        which: readonly Priority[],
        suffix: string,
        { remove, ...options }: ConfigOptions & { readonly remove?: true },
      ) =>
        withCluster(io, options, async (gizzard, output) => {
          const kind = remove === true ? 'removeFanout' : 'addFanout';
          const changed = await change(
            gizzard,
            'job fanout',
            which.map((priority) => ({ kind, fanout: { priority, suffix } })),
          );
          reportChange(
            output,
            changed,
            { fanout: suffix, priorities: which, removed: remove === true },
            `${remove === true ? 'no copies' : 'copies'} of ${which.join(', ')} jobs to ${suffix}`,
          );
        }),
    );
}

const priorityOrAll = (text: string): readonly Priority[] => (text === 'all' ? priorities : [priorityArgument(text)]);

function jobText({ id, kind, version, attempts, lastError, acceptedAtMs, onlyLeaves, contents }: JobView): string {
  const short = contents === undefined ? '' : contents.length > 200 ? `${contents.slice(0, 200)}…` : contents;
  return [
    `${id}  ${kind || 'no job'}${version > 1 ? `, version ${version}` : ''}, accepted ${new Date(acceptedAtMs).toISOString()}, ${attempts} attempts`,
    ...(onlyLeaves === undefined ? [] : [`  left: ${onlyLeaves.join(', ')}`]),
    ...(lastError === '' ? [] : [`  error: ${lastError}`]),
    ...(short === '' ? [] : [`  ${short}`]),
  ].join('\n');
}

async function exportJobs({ jobs }: Gizzard, priority: Priority, queue: StoredQueue, path: string): Promise<number> {
  // `wx`: never overwrites a file that may hold the only copy of other jobs.
  const file = createWriteStream(path, { flags: 'wx' });
  try {
    await once(file, 'open');
  } catch (cause) {
    throw new RoostError(
      (cause as NodeJS.ErrnoException).code === 'EEXIST' ? 'AlreadyExists' : 'FailedPrecondition',
      `${path} cannot be written: ${(cause as Error).message}`,
      { cause, fields: { file: path } },
    );
  }
  let exported = 0;
  try {
    for (let after: string | undefined; ;) {
      const page = await jobs.queues.list(priority, queue, jobsPerPage, after);
      for (const job of page) if (!file.write(`${toJson({ priority, queue, ...job })}\n`)) await once(file, 'drain');
      exported += page.length;
      if (page.length < jobsPerPage) return exported;
      after = page.at(-1)!.id;
    }
  } finally {
    file.end();
    await once(file, 'close');
  }
}

async function readJobs(gizzard: Gizzard, path: string): Promise<NewJob[]> {
  const jobs: NewJob[] = [];
  const file = createReadStream(path);
  try {
    let line = 0;
    for await (const text of createInterface({ input: file, crlfDelay: Infinity })) {
      line++;
      if (text.trim() !== '') jobs.push(await parseJob(gizzard, text, `${path}:${line}`));
    }
  } catch (cause) {
    if (cause instanceof RoostError) throw cause;
    throw new RoostError(
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'NotFound' : 'FailedPrecondition',
      `${path} cannot be read: ${(cause as Error).message}`,
      { cause, fields: { file: path } },
    );
  } finally {
    file.destroy();
  }
  return jobs;
}

/**
 * Parses a job, or an exported job, which holds the job as text. All jobs are parsed before the first is journaled.
 */
async function parseJob({ jobs }: Gizzard, text: string, where: string): Promise<NewJob> {
  try {
    const exported = /^\s*\{\s*"priority"/.test(text)
      ? (JSON.parse(text) as { readonly contents?: unknown }).contents
      : text;
    if (typeof exported !== 'string') throw new RoostError('InvalidArgument', 'it holds no job');
    return await jobs.parse(exported);
  } catch (error) {
    const { code, message, fields } = RoostError.from(error);
    throw new RoostError(code === 'Internal' ? 'InvalidArgument' : code, `${where}: ${message}`, {
      fields,
      cause: error,
    });
  }
}
