import { appendTo, Deadline, type ErrorCode, giveWay, limits, type Priority, RoostError } from '../core/index.js';
import type { Gizzard, NewJob } from '../gizzard/index.js';
import type { Log, Metrics } from '../process/index.js';
import {
  JobException,
  JobInjectorProcessor,
  priorityNumbers,
  required,
  type InjectorTypes,
  type JobInjectorModule,
} from '../wire/index.js';
import { kindsOf } from './callKind.js';
import type { Caller } from './caller.js';
import { deadlineLeft } from './deadlineLeft.js';
import type { ForeignJob, ForeignJobs } from './foreignJobs.js';
import { injectorRoles } from './injectorRoles.js';
import { thriftService, type ThriftService } from './thriftService.js';

interface Group {
  readonly priority: Priority;
  readonly replicate: boolean;
  readonly jobs: NewJob[];
  readonly foreign: Map<ForeignJobs, ForeignJob[]>;
}

/**
 * Accepts jobs as JSON, including those of other systems. All are parsed before the first is accepted, so that an
 * unreadable one refuses the call.
 */
export function injectorHandler(
  { jobs }: Pick<Gizzard, 'jobs'>,
  foreign: readonly ForeignJobs[],
  caller: Pick<Caller, 'closed' | 'waitedMs'>,
): JobInjectorModule.Client {
  return {
    async inject_jobs(injected: InjectorTypes.Job[]) {
      try {
        await accept(injected);
      } catch (error) {
        const { code, message, fields } = RoostError.from(error);
        const replicated = injected?.some(({ is_replicated: isReplicated }) => isReplicated === true)
          ? true
          : undefined;
        throw new RoostError(code, message, { fields: { ...fields, replicated }, cause: error });
      }
    },
  } as JobInjectorModule.Client;

  async function accept(injected: readonly InjectorTypes.Job[]): Promise<void> {
    if (required(injected, 'jobs').length > limits.operationsPerWrite)
      throw new RoostError(
        'InvalidArgument',
        `one call may bring ${limits.operationsPerWrite} jobs, not ${injected.length}`,
      );
    // Jobs from other clusters carry their times, and may arrive at any time.
    const waitedMs = injected.every(({ is_replicated: isReplicated }) => isReplicated === true) ? 0 : caller.waitedMs();
    const { deadlineMs = limits.defaultDeadlineMs } = deadlineLeft(undefined, waitedMs);
    const groups = new Map<string, Group>();
    for (const [i, { priority, contents, is_replicated: isReplicated }] of injected.entries()) {
      const job = await parse(i, required(contents, 'contents'));
      const replicate = isReplicated !== true && !('of' in job && job.job.replicated);
      const group: Group = {
        priority: priorityNumbers.toName(required(priority, 'priority')),
        replicate,
        jobs: [],
        foreign: new Map(),
      };
      const key = `${group.priority} ${group.replicate}`;
      const known = groups.get(key) ?? group;
      groups.set(key, known);
      if ('of' in job) appendTo(known.foreign, job.of, job.job);
      else known.jobs.push(job);
      await giveWay();
    }
    const deadline = Deadline.after(deadlineMs, caller.closed);
    for (const { jobs: together, foreign: others } of groups.values())
      for (const [of, some] of others) together.push(...(await of.toJobs(some, deadline)));
    for (const { priority, replicate, jobs: together } of groups.values())
      if (together.length > 0) await jobs.append(together, { priority, replicate, waitUntilApplied: false, deadline });
  }

  async function parse(
    place: number,
    contents: Buffer,
  ): Promise<NewJob | { readonly of: ForeignJobs; readonly job: ForeignJob }> {
    if (contents.length > limits.jobJsonBytes && !isExact(contents))
      throw new RoostError(
        'InvalidArgument',
        `job ${place} has ${contents.length} bytes; at most ${limits.jobJsonBytes} are allowed`,
      );
    try {
      const json = contents.toString();
      for (const of of foreign) {
        const job = of.parse(json);
        if (job !== undefined) return { of, job };
        await giveWay();
      }
      return await jobs.parse(json);
    } catch (error) {
      const { code, message, fields } = RoostError.from(error);
      throw new RoostError(code, `job ${place}: ${message}`, { fields, cause: error });
    }
  }
}

const exactHead = /^\s*\{\s*"[^"\\]{1,64}"\s*:\s*\{\s*"payload"\s*:\s*"/;
const quote = 0x22;

/**
 * Whether a job is in its exact form, one long string, which is parsed as fast as it is copied: the tweets of one
 * create may take several megabytes.
 */
function isExact(contents: Buffer): boolean {
  const [head] = exactHead.exec(contents.toString('latin1', 0, 256)) ?? [];
  return head !== undefined && contents.indexOf(quote, head.length) >= contents.length - 16;
}

/**
 * Codes of refusals before the jobs are examined: whether they were replicated is unknown, and they may be sent
 * again.
 */
const refusals: ReadonlySet<ErrorCode> = new Set(['Overloaded', 'Unauthenticated', 'PermissionDenied']);

/** Gizzard's job injector, for a ThriftServer's `processor`. */
export const injectorProcessor = (
  gizzard: Gizzard,
  { foreign, ...options }: { readonly metrics: Metrics; readonly log: Log; readonly foreign: readonly ForeignJobs[] },
): ThriftService =>
  thriftService({
    ...options,
    Processor: JobInjectorProcessor,
    kinds: kindsOf(injectorRoles),
    handler: (caller) => injectorHandler(gizzard, foreign, caller),
    toException: (_method, { code, message, fields }) =>
      new JobException({
        description: message,
        ...(fields['replicated'] === undefined && !refusals.has(code) ? {} : { code }),
      }),
  });
