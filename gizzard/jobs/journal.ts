import type { Redis } from 'ioredis';
import {
  Deadline,
  deadlineExceeded,
  type JournalClock,
  limits,
  type Micros,
  priorities,
  type Priority,
  RoostError,
  type Trace,
  type WriteIdentity,
  writeIdentityBytes,
} from '../../core/index.js';
import type { JobsConfig } from '../../process/index.js';
import { microsOf, redisTrouble, results } from '../../redis/index.js';
import { encodeJob } from './jobEntry.js';
import type { FollowUp } from './jobType.js';
import type { JournalGuard } from './journalGuard.js';
import { scripts } from './scripts.js';
import {
  archiveKey,
  clockKey,
  fanoutKey,
  remoteKeys,
  remotesFenceKey,
  stateKey,
  streamKeys,
  workerGroup,
  writeKey,
  type StreamKeys,
} from './streamKeys.js';

/** A refused write is worth another attempt once the workers have had time to make room. */
const overloadedRetryAfterMs = 200;
/** Time limit for a look at the queues. */
const lookDeadlineMs = 2_000;
/** An older answer says too little about Redis's clock, which may have been set since. */
const clockFreshMs = 5_000;

/**
 * How long a write's record outlives its last moment, so that one arriving at that moment is not taken for a new
 * write.
 */
const rememberedAfterMs = 1_000;
const maxAheadMicros = limits.maxDeadlineMs * 1_000;

export interface QueueSizes {
  /** Accepted and not yet applied. */
  readonly queued: number;
  /** Failed and waiting for a retry. */
  readonly failing: number;
  /** Given up after the error limit; kept until an operator decides. */
  readonly bad: number;
}

/** A job as an application submits it. */
export interface NewJob {
  readonly kind: string;
  readonly payload: Buffer;
  /** The payload's version. Absent: the newest that this process knows of the kind. */
  readonly version?: number;
  /** Who to notify once it has been applied. */
  readonly waiter?: string;
  /** It follows from the other jobs of its call: if it fails and is tried again, callers that wait are not told so. */
  readonly alongside?: boolean;
  /** The times for the journal to assign. Absent: it has none, or the caller's own. */
  readonly times?: JobTimes;
}

/**
 * A number of consecutive times, in microseconds: from the present of the journal's Redis clock on, and later than
 * all that it assigned before. The first is written into the payload at each of some rising offsets: as 8 bytes
 * little-endian or, with `digits`, as 16 decimal digits.
 */
export interface JobTimes {
  readonly count: number;
  readonly offsets: readonly number[];
  readonly digits?: boolean;
}

/** Recipients of copies of the jobs, beside this cluster's own workers. */
export interface JobCopies {
  /** Names of remote clusters. */
  readonly remotes: readonly string[];
  /** Suffixes of fanouts: for onlookers; their oldest jobs make room for new ones. */
  readonly fanouts: readonly string[];
  /** The version of the topology that names them. */
  readonly version: number;
}

const noTimes: JobTimes = { count: 0, offsets: [] };
const noCopies: JobCopies = { remotes: [], fanouts: [], version: Number.MAX_SAFE_INTEGER };

const encodeNew = (
  { kind, payload, waiter, leaves }: NewJob & FollowUp,
  version: number,
  trace: Trace | undefined,
  write?: string,
  timePlaces?: string,
): (string | Buffer)[] =>
  encodeJob(
    {
      kind,
      payload,
      version,
      waiter,
      write,
      onlyLeaves: leaves,
      attempts: 0,
      lastError: '',
      acceptedAtMs: Date.now(),
      trace: trace?.traceparent,
    },
    timePlaces,
  );

/**
 * The journal of writes: Redis Streams, one for each priority. A job that `append` has acknowledged is as durable as
 * that Redis is configured: with `appendfsync always` it survives `kill -9` of every process. With
 * `journal.replicas`, that many replicas of the Redis have it too.
 */
export class Journal {
  readonly #redis: Redis;
  readonly #keys: Readonly<Record<Priority, StreamKeys>>;
  /** Bytes of payloads in flight to Redis. */
  #bytesInFlight = 0;
  readonly #clock: JournalClock;

  constructor(
    private readonly cluster: string,
    redis: Redis,
    private readonly config: JobsConfig,
    private readonly guard: JournalGuard,
    clock: JournalClock,
    /** The newest version of a kind that this process knows. */
    private readonly versionOf: (kind: string) => number,
  ) {
    this.#clock = clock;
    this.#redis = redis;
    this.#keys = streamKeys(cluster);
  }

  /**
   * Accepts jobs, all or none. Throws `Overloaded` if the queue, a host's failing jobs or a remote cluster's backlog
   * is full, or Redis does not keep up; and `StaleRemotes` if the remote clusters differ from `copies`. Nothing is
   * accepted then.
   *
   * `Unavailable` and `DeadlineExceeded` leave open whether the jobs were accepted, until the deadline at the latest,
   * as far as the two clocks agree. Jobs with times of their own are idempotent; others count as written at their
   * repetition, unless they carry an identity. An identity is accepted once, whatever its jobs are; a repetition
   * returns the record of the first time. After the identity's last moment it is refused with `DeadlineExceeded`,
   * with the journal's time in microseconds in the field `journalTime`.
   */
  async append(
    priority: Priority,
    jobs: readonly NewJob[],
    deadline: Deadline,
    { remotes, fanouts, version }: JobCopies = noCopies,
    identity?: WriteIdentity,
  ): Promise<string | undefined> {
    if (identity !== undefined) checkIdentity(identity);
    const { queued, failing } = this.#keys[priority];
    const remembered = identity === undefined ? undefined : writeKey(this.cluster, identity.id);
    const keys = {
      queue: queued,
      failing,
      clock: clockKey(this.cluster),
      remotesFence: remotesFenceKey(this.cluster),
      state: stateKey(this.cluster),
      remembered,
      backlogs: remotes.flatMap((remote) => {
        const backlog = remoteKeys(this.cluster, remote)[priority];
        return [backlog.queued, backlog.failing];
      }),
      fanouts: fanouts.map((suffix) => fanoutKey(this.cluster, priority, suffix)),
    };
    const { maxQueued, maxFailing, maxReplicating, maxQueuedBytes } = this.config;
    const largest = jobs.find(({ payload }) => payload.length > limits.jobPayloadBytes);
    if (largest !== undefined)
      throw new RoostError(
        'InvalidArgument',
        `a job of kind ${largest.kind} has ${largest.payload.length} bytes; ${limits.jobPayloadBytes} are allowed`,
      );
    const bytes = jobs.reduce((sum, { payload }) => sum + payload.length, 0);
    const identified = Number(identity?.notAfter ?? 0);
    const fields = jobs.flatMap((job) => {
      const { count, offsets, digits } = job.times ?? noTimes;
      const places = `${digits === true ? 'd' : 'i'}${offsets.join()}`;
      const encoded = encodeNew(
        job,
        job.version ?? this.versionOf(job.kind),
        deadline.trace,
        job.waiter === undefined ? undefined : remembered,
        count > 0 ? places : undefined,
      );
      return [encoded.length, count, places, ...encoded];
    });
    for (let attempt = 1; ; attempt++) {
      try {
        const { epoch, accepted } = await this.guard.admit(deadline);
        // Redis's clock decides lateness: an abandoned command may still wait to be sent, or in a socket. Commands to
        // a Redis that hangs keep waiting after their callers have given up.
        if (this.#bytesInFlight + bytes > limits.journalInFlightBytes) {
          throw new RoostError('Overloaded', "the journal's Redis does not keep up", {
            retryAfterMs: overloadedRetryAfterMs,
            fields: { priority },
          });
        }
        const ours = Math.floor(this.#clock.nowMicros! + deadline.remainingMs() * 1_000);
        const notAfter = identity === undefined ? ours : Math.min(ours, identified);
        this.#bytesInFlight += bytes;
        const { connection } = this.guard.replicas;
        const appended = scripts.append
          .run(
            this.guard.redis,
            { ...keys, archive: archiveKey(this.cluster, epoch) },
            {
              maxQueued,
              maxFailing,
              maxReplicating,
              maxBytes: maxQueuedBytes,
              notAfter,
              copiesVersion: version,
              identityNotAfter: identified,
              maxAhead: maxAheadMicros,
              rememberedAfterMs,
              epoch,
              known: accepted,
              jobs: fields,
            },
          )
          .finally(() => {
            this.#bytesInFlight -= bytes;
          });
        const [now, acceptedNow, before] = await deadline.race(appended, 'journaling a write');
        this.#clock.learn(Number(now));
        await deadline.race(
          this.guard.replicas.reached(connection),
          'waiting until replicas of the journal have a write',
        );
        // Not earlier: jobs that no replica has may be lost without a trace.
        this.guard.heard(epoch, acceptedNow);
        return before;
      } catch (error) {
        if (error instanceof Error && /STALE \d+/.test(error.message)) throw new StaleRemotes();
        if (error instanceof Error && isForeign(error)) {
          // The journal may have been adopted meanwhile. Otherwise the look says why it is refused.
          await this.guard.look(deadline);
          if (attempt < 2) continue;
        }
        const late = error instanceof Error ? /(?:LATE|AHEAD) (\d+)/.exec(error.message)?.[1] : undefined;
        if (late === undefined) throw journalError(error, priority);
        this.#clock.learn(Number(late));
        if (identity !== undefined && (Number(late) > identified || identified > Number(late) + maxAheadMicros))
          throw notNow(identity, late);
        // In time by our own clock: Redis's clock was set, or another Redis has taken over.
        if (attempt === 2 || deadline.passed) throw deadlineExceeded('journaling a write');
      }
    }
  }

  /**
   * The present time by the journal's clock, which every server of the cluster shares: whole milliseconds since 1970. Whatever is decided by time for the whole cluster, such as
   * which windows are over, is decided by it and not by this server's clock. It rests on an answer of Redis of the last 5 s, asked for where there is none.
   * Throws `Unavailable` and `DeadlineExceeded` where Redis does not answer, and `Unavailable` where its clock is
   * wrong by more than `server.maxClockSkewMs`, as far as the hosts of the name server can tell. A wrong wall clock of this server changes nothing.
   */
  async nowMs(deadline: Deadline = Deadline.after(lookDeadlineMs)): Promise<number> {
    return Number((await this.nowMicros(deadline)) / 1_000n);
  }

  /** The same in microseconds. */
  async nowMicros(deadline: Deadline = Deadline.after(lookDeadlineMs)): Promise<Micros> {
    try {
      // A journal's clock that is wrong decides nothing. A wrong clock of this process does not matter: between looks time is measured by a monotonic one.
      if (this.guard.refused?.fields['wrongClock'] === 'journal') throw this.guard.refused;
      if (this.#clock.ageMs > clockFreshMs) await this.#readClock(deadline);
      return BigInt(Math.floor(this.#clock.nowMicros!));
    } catch (error) {
      throw journalError(error, 'high');
    }
  }

  async #readClock(deadline: Deadline): Promise<void> {
    this.#clock.learn(
      microsOf(await deadline.race(this.guard.redis.time(), "reading the clock of the journal's Redis")),
    );
  }

  /**
   * Adds jobs that follow from accepted ones, and belong to their trace. They belong to accepted work, so that no limit
   * refuses them.
   */
  async enqueue(priority: Priority, jobs: readonly FollowUp[], trace?: Trace): Promise<void> {
    const transaction = this.#redis.multi();
    for (const job of jobs)
      transaction.xadd(
        this.#keys[priority].queued,
        '*',
        ...encodeNew(job, job.version ?? this.versionOf(job.kind), trace),
      );
    try {
      await results(transaction);
    } catch (error) {
      throw journalError(error, priority);
    }
  }

  /** Jobs accepted and not tried yet. Throws `Unavailable` and `DeadlineExceeded`. */
  async queued(priority: Priority): Promise<number> {
    try {
      return await Deadline.after(lookDeadlineMs).race(
        this.#redis.xlen(this.#keys[priority].queued),
        'looking at the journal',
      );
    } catch (error) {
      throw journalError(error, priority);
    }
  }

  /**
   * Creates missing consumer groups, so that jobs accepted before the first worker starts are found. Only for this
   * cluster's own journal.
   */
  async prepare(): Promise<void> {
    try {
      await Promise.all(priorities.map((priority) => createGroup(this.#redis, this.#keys[priority].queued)));
    } catch (error) {
      throw journalError(error, 'high');
    }
  }
}

/** The remote clusters have changed since the topology that a write's copies follow. */
export class StaleRemotes extends Error {}

function checkIdentity({ id, notAfter }: WriteIdentity): void {
  if (id.length !== writeIdentityBytes)
    throw new RoostError(
      'InvalidArgument',
      `the identity of a write has ${writeIdentityBytes} bytes, not ${id.length}`,
    );
  if (notAfter <= 0n || notAfter > BigInt(Number.MAX_SAFE_INTEGER))
    throw new RoostError(
      'InvalidArgument',
      `the last moment of a write is in microseconds since 1970, not ${notAfter}`,
    );
}

/** Nothing was accepted, and nothing will be before `journalTime` and the last moment are reconciled. */
const notNow = ({ notAfter }: WriteIdentity, journalTime: string): RoostError =>
  new RoostError(
    'DeadlineExceeded',
    `the write may be accepted until ${notAfter}, and the journal's clock is at ${journalTime}; nothing was accepted`,
    { fields: { journalTime } },
  );

/** Creates a stream's consumer group, reading from the first entry; does nothing if it exists. */
export async function createGroup(redis: Redis, stream: string): Promise<void> {
  try {
    await redis.xgroup('CREATE', stream, workerGroup, '0', 'MKSTREAM');
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error;
  }
}

/** Whether Redis holds another journal than this process knows, or has lost a part of it. */
const isForeign = ({ message }: Error): boolean => /\bEPOCH\b/.test(message);

export function journalError(error: unknown, priority: Priority): RoostError {
  if (error instanceof RoostError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const full = /FULL (queued|failing)/.exec(message);
  if (full !== null) {
    return new RoostError(
      'Overloaded',
      full[1] === 'queued' ? `the ${priority} queue is full` : `too many ${priority} jobs are failing`,
      {
        retryAfterMs: overloadedRetryAfterMs,
        fields: { priority, queue: full[1] },
      },
    );
  }
  const remote = /FULL remote \{.*\}:remote:(.*):\w+/.exec(message)?.[1];
  if (remote !== undefined) {
    return new RoostError('Overloaded', `the backlog of ${priority} jobs for cluster ${remote} is full`, {
      retryAfterMs: overloadedRetryAfterMs,
      fields: { priority, cluster: remote },
    });
  }
  if (message.startsWith('OOM'))
    return new RoostError('Overloaded', `the journal's Redis is out of memory`, { cause: error, retryAfterMs: 5_000 });
  return new RoostError('Unavailable', `the journal's Redis ${redisTrouble(message)}`, {
    cause: error,
    fields: { priority, service: 'redis' },
  });
}
