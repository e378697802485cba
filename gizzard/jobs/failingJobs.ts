import type { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { RoostError, type JobsConfig, type Log } from '../../core/index.js';
import { writeOf } from './acceptedBefore.js';
import { passScript, refileScript } from './failingScripts.js';
import { decodeJob, encodeJob, errorText, type JobEntry } from './jobEntry.js';
import type { HostFailure, JobOutcome } from './jobRunner.js';
import type { Priority } from './priority.js';
import { lagKeys, ofHost, passKey, workerGroup, type StreamKeys } from './streamKeys.js';
import { waitedFor } from './unknownJobs.js';

/** Jobs tried at once in a pass: so many while they fail, or as many as this many bytes hold. */
const jobsPerPage = 256;
const bytesPerPage = 8 * 1024 * 1024;
const firstPage = 16;
/** Rest after a page on which something failed. */
const restMs = 200;
/** Whoever has begun a pass and has not been heard of for so long is gone. */
const silentMs = 5_000;
/** Servers begin their passes at different moments, so that each gets its turn. */
const spread = 0.2;
/** In which time a server that works notices the end of another's pass. */
const longestLookMs = 1_000;

export interface FailingJobsOptions {
  readonly cluster: string;
  readonly priority: Priority;
  readonly keys: StreamKeys;
  readonly consumer: string;
  readonly config: JobsConfig;
  readonly run: (job: JobEntry) => Promise<JobOutcome>;
  readonly fenceKey: string | undefined;
  /** While true no job is tried. */
  readonly paused: () => boolean;
  /** Called where a job was applied under a topology that may no longer be used. */
  readonly outdated: (topologyVersion: number) => void;
  readonly count: (outcome: 'applied' | 'failed' | 'bad', ageMs: number) => void;
  readonly log: Log;
}

/** What this server knows of a stream: who tried its jobs last, since when it has known that, and when its own turn comes. By its monotonic clock. */
interface Turn {
  holder: string;
  sinceMs: number;
  atMs: number;
  running: Promise<void> | undefined;
  /** Its pass writes down that it is over: no sign of life must come after that. */
  ending: boolean;
  /** An operator asked for another pass while this one ran. */
  asked: boolean;
}

interface NewEntry {
  readonly host: string;
  readonly bad: boolean;
  readonly leaves: readonly string[] | undefined;
  readonly fields: readonly (string | Buffer)[];
}

/** How the end of an attempt was recorded. `mark`: see `LaggingLeaves.knownEverywhere`. */
export interface Refiled {
  readonly state: 'recorded' | 'gone' | 'late';
  readonly mark: number;
}

/**
 * The failing jobs of one priority, in a stream for each host on which they failed, so that the backlog of a host which is away neither delays nor bounds
 * the jobs of others. They stay in their stream until they are applied.
 *
 * One server at a time goes through a stream, oldest job first, and tries each job once; the next pass begins `errorDelaySeconds` after the last one ended, on whatever server.
 * Servers measure that by their own monotonic clocks: what a clock of the machine, or of Redis, says is never asked.
 */
export class FailingJobs {
  readonly #turns = new Map<string, Turn>();
  /** Streams of which the last pass here met jobs of kinds that this server does not know. */
  readonly #forOthers = new Set<string>();
  #stopping = false;
  #retryNow: string | null | undefined;
  #passes = 0;
  #looking: Promise<void> | undefined;
  #nextLook: Promise<void> | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly options: FailingJobsOptions,
  ) {
    redis.defineCommand('roostRefile', { lua: refileScript });
    redis.defineCommand('roostPass', { numberOfKeys: 1, lua: passScript });
  }

  /** Looks whose turn it is, and begins passes. To be called again and again; a look that is asked for during another follows it. */
  look(): Promise<void> {
    if (this.#looking === undefined) {
      this.#looking = this.#look().finally(() => (this.#looking = undefined));
      return this.#looking;
    }
    this.#nextLook ??= this.#looking
      .catch(() => undefined)
      .then(() => {
        this.#nextLook = undefined;
        return this.look();
      });
    return this.#nextLook;
  }

  async #look(): Promise<void> {
    const { keys, paused } = this.options;
    if (paused()) return;
    const [hosts, retryNow] = await Promise.all([this.redis.smembers(keys.hosts), this.redis.get(keys.retryNow)]);
    const asked = this.#retryNow !== undefined && retryNow !== this.#retryNow;
    this.#retryNow = retryNow;
    await Promise.all(['', ...hosts].map((host) => this.#lookAt(host, asked)));
  }

  /** Begins no more passes. Resolves when those that run have ended with the page at which they are. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(Array.from(this.#turns.values(), ({ running }) => running ?? Promise.resolve()));
  }

  /** Takes an entry of the queue, or of the failing jobs of a host, and files it under the hosts on which it failed. */
  async refile(
    source: string,
    host: string,
    id: string,
    job: JobEntry,
    { failures, readable, topologyVersion }: JobOutcome,
  ): Promise<Refiled> {
    const { config, count, log, priority } = this.options;
    const entries = failures.map((failure) => {
      const attempts = job.attempts + (failure.counts ? 1 : 0);
      const bad = failure.counts && (attempts >= config.errorLimit || failure.error.code === 'DataLoss');
      if (bad)
        log.error({ err: failure.error, job: id, priority }, 'a job was given up; it is kept in the bad-job queue');
      const left = leavesLeft(job, failure, topologyVersion);
      const fields = encodeJob({
        ...job,
        waiter: undefined,
        write: undefined,
        attempts,
        ...left,
        lastError: failure.error.message,
      });
      return { host: placeOf(failure, host), bad, leaves: left.onlyLeaves, fields };
    });
    count(
      entries.length === 0 ? 'applied' : entries.some(({ bad }) => bad) ? 'bad' : 'failed',
      Math.max(0, Date.now() - job.acceptedAtMs),
    );
    return this.#refile(source, host, id, entries, {
      // What is readable under a topology that is no longer in use may be nowhere in the new one.
      topologyVersion: readable ? topologyVersion : undefined,
      unapplied: readable ? undefined : job.write,
    });
  }

  /** Keeps an entry that is no job, or that never finishes, as it is, with the reason beside it. */
  async giveUp(source: string, host: string, id: string, fields: readonly Buffer[], error: RoostError): Promise<void> {
    this.options.count('bad', 0);
    this.options.log.error(
      { err: error, job: id, priority: this.options.priority },
      'a job was given up; it is kept in the bad-job queue',
    );
    await this.#refile(
      source,
      host,
      id,
      [{ host: '', bad: true, leaves: undefined, fields: [...fields, 'error', error.message] }],
      { bound: Number.MAX_SAFE_INTEGER, unapplied: writeOf(fields) },
    );
  }

  /** Files a job that an operator wants tried again as one that never failed. Returns whether it was there. */
  async again(source: string, host: string, id: string, job: JobEntry): Promise<boolean> {
    // No attempt counted: it may be in work, and stays where it is.
    if (job.attempts === 0 && source === ofHost(this.options.keys.failing, host)) return true;
    const { state } = await this.#refile(source, host, id, [
      { host, bad: false, leaves: job.onlyLeaves, fields: encodeJob({ ...job, attempts: 0, lastError: '' }) },
    ]);
    return state === 'recorded';
  }

  /** Drops an entry. Returns whether it was there. */
  async discard(source: string, host: string, id: string): Promise<boolean> {
    return (await this.#refile(source, host, id, [])).state === 'recorded';
  }

  /** Lets every server begin a pass at its next look. */
  async retryNow(): Promise<void> {
    await this.redis.incr(this.options.keys.retryNow);
  }

  async #refile(
    source: string,
    host: string,
    id: string,
    entries: readonly NewEntry[],
    {
      topologyVersion,
      bound = this.options.config.maxBad,
      unapplied,
    }: {
      readonly topologyVersion?: number | undefined;
      readonly bound?: number;
      readonly unapplied?: string | undefined;
    } = {},
  ): Promise<Refiled> {
    const { cluster, keys, fenceKey } = this.options;
    const lag = lagKeys(cluster);
    const names = [
      source,
      lag.counts,
      lag.marks,
      lag.changes,
      keys.hosts,
      fenceKey ?? lag.changes,
      unapplied ?? lag.changes,
      ...entries.flatMap((entry) => [ofHost(keys.failing, entry.host), ofHost(keys.bad, entry.host)]),
    ];
    const answer = await this.redis.roostRefile(names.length, names, [
      source === keys.queued ? workerGroup : '',
      id,
      host,
      fenceKey === undefined || topologyVersion === undefined ? '' : topologyVersion,
      bound,
      unapplied === undefined ? 0 : 1,
      ...entries.flatMap((entry) => [
        entry.host,
        entry.bad ? 1 : 0,
        entry.leaves?.join('\n') ?? '',
        entry.fields.length,
        ...entry.fields,
      ]),
    ]);
    return answer === 'gone' || answer === 'late'
      ? { state: answer, mark: 0 }
      : { state: 'recorded', mark: Number(answer) };
  }

  /** Longer by chance, so that servers take turns. */
  get #delayMs(): number {
    return this.options.config.errorDelaySeconds * 1_000 * (1 + spread * Math.random());
  }

  /** Enough for any server that is there to be the next to go through the stream. */
  get #yieldMs(): number {
    return this.options.config.errorDelaySeconds * 1_000 * (spread + 0.1) + longestLookMs;
  }

  async #lookAt(host: string, asked: boolean): Promise<void> {
    const stream = ofHost(this.options.keys.failing, host);
    const key = passKey(stream);
    const [length, current] = await Promise.all([this.redis.xlen(stream), this.redis.get(key)]);
    const holder = current ?? '';
    const turn = this.#turns.get(stream);
    const nowMs = performance.now();
    if (turn?.running !== undefined) {
      turn.asked ||= asked;
      if (turn.ending) return;
      const next = `${this.options.consumer} ${++this.#passes}`;
      const now = await this.redis.roostPass(key, turn.holder, next);
      if (now === next) turn.holder = next;
      // Somebody has taken over while this server was silent: it ends its pass. Or the pass has just ended by itself.
      else if (!now.startsWith(`${ended}${this.options.consumer} `))
        this.#turns.set(stream, {
          holder: now,
          sinceMs: nowMs,
          atMs: nowMs + this.#delayMs,
          running: undefined,
          ending: false,
          asked: turn.asked,
        });
      return;
    }
    if (length === 0) {
      this.#turns.delete(stream);
      return;
    }
    const now = asked || turn?.asked === true;
    const mine: Turn =
      turn?.holder === holder
        ? turn
        : { holder, sinceMs: nowMs, atMs: nowMs + this.#delayMs, running: undefined, ending: false, asked: false };
    this.#turns.set(stream, mine);
    if (now) mine.atMs = nowMs;
    const over = holder === '' || holder.startsWith(ended);
    // What is asked for while another server is at it holds for when it is done.
    mine.asked = now && !over;
    const free = over ? nowMs >= mine.atMs : nowMs >= mine.sinceMs + silentMs;
    if (!free || this.#stopping) return;
    const next = `${this.options.consumer} ${++this.#passes}`;
    if ((await this.redis.roostPass(key, holder, next)) !== next) return;
    mine.holder = next;
    mine.running = this.#pass(stream, host, () => this.#turns.get(stream) === mine).finally(() =>
      Object.assign(mine, { running: undefined, ending: false }),
    );
  }

  /** Tries each job of a stream that is there now. Never rejects. */
  async #pass(stream: string, host: string, mine: () => boolean): Promise<void> {
    const { paused, log, priority } = this.options;
    /** Some jobs failed, and those after them did not: the host came back meanwhile. */
    let someFailed = false;
    let cameBack = false;
    this.#forOthers.delete(stream);
    try {
      const [newest] = await this.redis.xrevrange(stream, '+', '-', 'COUNT', 1);
      let size = firstPage;
      for (let from = '-'; newest !== undefined && mine() && !this.#stopping && !paused();) {
        const entries = await this.redis.xrangeBuffer(stream, from, newest[0], 'COUNT', size);
        if (entries.length === 0) break;
        const ends = await Promise.all(entries.map(([id, fields]) => this.#try(stream, host, id.toString(), fields)));
        const failed = ends.includes(false);
        cameBack = someFailed && !failed;
        someFailed ||= failed;
        const last = entries.at(-1)![0].toString();
        if (last === newest[0]) break;
        if (failed) await sleep(restMs);
        from = `(${last}`;
        const bytes = entries.reduce(
          (sum, [, fields]) => sum + fields.reduce((all, field) => all + field.length, 0),
          0,
        );
        size = Math.max(
          1,
          Math.min(jobsPerPage, size * 2, Math.floor((bytesPerPage * entries.length) / Math.max(bytes, 1))),
        );
      }
    } catch (error) {
      if (!this.#stopping)
        log.error({ err: error, priority, host }, 'trying failing jobs again ended early; the next pass goes on');
    }
    const turn = this.#turns.get(stream);
    if (turn === undefined || !mine()) return;
    turn.ending = true;
    const over = `${ended}${turn.holder}`;
    try {
      // A sign of life that was under way may have come first.
      let holder = await this.redis.roostPass(passKey(stream), turn.holder, over);
      if (holder.startsWith(`${this.options.consumer} `))
        holder = await this.redis.roostPass(passKey(stream), holder, over);
      const nowMs = performance.now();
      Object.assign(turn, {
        holder,
        sinceMs: nowMs,
        atMs: cameBack ? nowMs : nowMs + this.#delayMs + (this.#forOthers.has(stream) ? this.#yieldMs : 0),
      });
    } catch (error) {
      log.debug(
        { err: error, priority, host },
        'the end of a pass could not be written down; another server will take it for gone',
      );
    }
  }

  /** Returns whether the job is done with. */
  async #try(stream: string, host: string, id: string, fields: readonly Buffer[]): Promise<boolean> {
    let job: JobEntry;
    try {
      job = decodeJob(fields);
    } catch (error) {
      await this.giveUp(stream, host, id, fields, RoostError.from(error));
      return true;
    }
    const outcome = await this.options.run(job);
    if (outcome.handBack === true) return false;
    if (outcome.unknownHere === true) this.#forOthers.add(stream);
    if (isUnchanged(job, host, outcome)) {
      this.options.count('failed', 0);
      return false;
    }
    const { state } = await this.refile(stream, host, id, job, outcome);
    if (state === 'late') this.options.outdated(outcome.topologyVersion);
    return outcome.failures.length === 0 && state !== 'late';
  }
}

const ended = 'ended ';

/** If no item was applied, the leaves still to do are unchanged. */
const leavesLeft = (
  job: JobEntry,
  { leaves }: HostFailure,
  topologyVersion: number,
): Pick<JobEntry, 'onlyLeaves' | 'failedUnder'> =>
  leaves === undefined
    ? { onlyLeaves: job.onlyLeaves, failedUnder: job.failedUnder }
    : { onlyLeaves: leaves, failedUnder: topologyVersion };

/** The host, or the kind, under whose name a job waits that failed: where no item came to any host, that under which it waited before. */
const placeOf = ({ host, leaves }: HostFailure, before: string): string =>
  leaves !== undefined || host !== '' || waitedFor(before) !== undefined ? host : before;

/** Whether a job that was tried again is what it was, so that its entry may stay. */
function isUnchanged(job: JobEntry, host: string, { failures, topologyVersion }: JobOutcome): boolean {
  const [only, second] = failures;
  if (only === undefined || second !== undefined || only.counts || errorText(only.error.message) !== job.lastError)
    return false;
  if (only.leaves === undefined) return placeOf(only, host) === host;
  return only.host === host && job.failedUnder === topologyVersion && only.leaves.join() === job.onlyLeaves?.join();
}
