import { priorities, type Priority } from '../../core/index.js';
import type { Change, Gizzard } from '../../gizzard/index.js';
import { priorityNumbers, required } from '../../wire/index.js';
import type { ManagerModule } from '../../wire/manager/index.js';

export type JobMethods = Pick<
  ManagerModule.Client,
  | 'retry_errors'
  | 'stop_writes'
  | 'resume_writes'
  | 'retry_errors_for'
  | 'stop_writes_for'
  | 'resume_writes_for'
  | 'is_writing'
  | 'queue_size'
  | 'error_queue_size'
  | 'add_fanout'
  | 'remove_fanout'
  | 'list_fanout'
  | 'add_fanout_for'
  | 'remove_fanout_for'
>;

const maxInt32 = 2 ** 31 - 1;

/**
 * The queues. A stopped queue stays so on every server until it is resumed: writes are journaled meanwhile, and not
 * applied.
 */
export function jobMethods({ nameServer, jobs }: Gizzard, by: string): JobMethods {
  const change = async (
    toChange: (priority: Priority) => Change,
    which: readonly Priority[] = priorities,
  ): Promise<void> => {
    await nameServer.apply(which.map(toChange), by);
  };
  const pause = (priority: Priority): Change => ({ kind: 'pauseJobs', priority });
  const resume = (priority: Priority): Change => ({ kind: 'resumeJobs', priority });
  const named = (priority: number): Priority => priorityNumbers.toName(required(priority, 'priority'));
  const fresh = async () => {
    await nameServer.reload();
    return nameServer.topology.state;
  };
  const addFanout =
    (suffix: string) =>
    (priority: Priority): Change => ({ kind: 'addFanout', fanout: { priority, suffix: required(suffix, 'suffix') } });
  const removeFanout =
    (suffix: string) =>
    (priority: Priority): Change => ({
      kind: 'removeFanout',
      fanout: { priority, suffix: required(suffix, 'suffix') },
    });

  return {
    async retry_errors() {
      for (const priority of priorities) await jobs.queues.retry(priority, 'failing');
    },
    async retry_errors_for(priority) {
      await jobs.queues.retry(named(priority), 'failing');
    },
    async stop_writes() {
      await change(pause);
    },
    async stop_writes_for(priority) {
      await change(pause, [named(priority)]);
    },
    async resume_writes() {
      await change(resume);
    },
    async resume_writes_for(priority) {
      await change(resume, [named(priority)]);
    },
    async is_writing(priority) {
      const name = named(priority);
      return !(await fresh()).pausedPriorities.includes(name);
    },
    async queue_size(priority) {
      return Math.min((await jobs.sizes(named(priority))).queued, maxInt32);
    },
    async error_queue_size(priority) {
      return Math.min((await jobs.sizes(named(priority))).failing, maxInt32);
    },
    async add_fanout(suffix) {
      await change(addFanout(suffix));
    },
    async add_fanout_for(priority, suffix) {
      await change(addFanout(suffix), [named(priority)]);
    },
    async remove_fanout(suffix) {
      const had = (await fresh()).fanouts.filter((fanout) => fanout.suffix === suffix).map(({ priority }) => priority);
      await change(removeFanout(suffix), had.length === 0 ? priorities : had);
    },
    async remove_fanout_for(priority, suffix) {
      await change(removeFanout(suffix), [named(priority)]);
    },
    async list_fanout() {
      return [...new Set((await fresh()).fanouts.map(({ suffix }) => suffix))].sort();
    },
  };
}
