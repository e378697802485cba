import type { Redis, Result } from 'ioredis';
import {
  Deadline,
  deadlineExceeded,
  limits,
  RoostError,
  writeIdentityBytes,
  type JobsConfig,
  type JournalClock,
  type Micros,
  type WriteIdentity,
} from '../../core/index.js';
import { checkEpochLua, streamBytesLua } from './epochScripts.js';
import { encodeJob } from './jobEntry.js';
import type { FollowUp } from './jobType.js';
import type { JournalGuard } from './journalGuard.js';
import { priorities, type Priority } from './priority.js';
import { microsOf, redisTrouble } from './redis.js';
import {
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

/** A refused write is worth another try when the workers have had time to make room. */
const overloadedRetryAfterMs = 200;
/** A look at the queues takes no longer than this. */
const lookDeadlineMs = 2_000;
/** An older answer says too little of Redis's clock, which may have been set since. */
const clockFreshMs = 5_000;

/** How long a write is remembered after its last moment, so that one which arrives at that very moment is not taken for a new one. */
const rememberedAfterMs = 1_000;
const maxAheadMicros = limits.maxDeadlineMs * 1_000;

/**
 * One atomic step, so that two writers cannot both take the last place, jobs that belong together are accepted together, here and for other clusters, a write is accepted once, and
 * a Redis that is not the journal, or no longer all of it, accepts nothing.
 * Keys: the queue, the failing jobs, the greatest time given to a job, the topology of the newest change of remote clusters, what is remembered of this write, the journal's state,
 * then the two streams of each remote backlog, then the fanouts. After the three bounds in entries, the number of remote backlogs, the last moment for all of this by the clock of
 * Redis, the topology that the copies follow, the last moment of the write's identity (0: it has none), the epoch, how many jobs it is known to have accepted, and the bound of each
 * backlog in bytes come the jobs, each as the number of its fields, how many times it takes, the places in its payload where the first of them is put, and the fields, of which the payload is
 * the fourth.
 * Answers what the clock says, and how many jobs the epoch has accepted; for a write that was accepted before also what is remembered of it: its first and last entry, and its queue.
 * Times of microseconds are exact as Lua's numbers until the year 2255.
 */
const appendScript = `${checkEpochLua}${streamBytesLua}
  local state, firstRemote, firstJob = KEYS[6], 7, 11
  local refused, accepted = checkEpoch(state, ARGV[8], ARGV[9])
  if refused then return refused end
  local clock = redis.call('TIME')
  local now = clock[1] * 1000000 + clock[2]
  local told = string.format('%.0f', now)
  local identified = tonumber(ARGV[7])
  if identified > 0 then
    local remembered = redis.call('GET', KEYS[5])
    if remembered then return {told, accepted, remembered} end
    if identified > now + ${maxAheadMicros} then return {err = 'AHEAD ' .. told} end
  end
  if now > tonumber(ARGV[5]) then return {err = 'LATE ' .. told} end
  local remotesKnownBy = redis.call('GET', KEYS[4])
  if remotesKnownBy and tonumber(remotesKnownBy) > tonumber(ARGV[6]) then return {err = 'STALE ' .. remotesKnownBy} end
  local full = isFull(state, now, ARGV[10])
  if full(ARGV[1], KEYS[1]) then return {err = 'FULL queued'} end
  if full(ARGV[2], KEYS[2]) then return {err = 'FULL failing'} end
  local firstFanout = firstRemote + 2 * tonumber(ARGV[4])
  for i = firstRemote, firstFanout - 1, 2 do
    if full(ARGV[3], KEYS[i], KEYS[i + 1]) then return {err = 'FULL remote ' .. KEYS[i]} end
  end
  local added = 0
  for i = firstJob, #ARGV do added = added + #ARGV[i] end
  addBytes(state, KEYS[1], added, now)
  for i = firstRemote, firstFanout - 1, 2 do addBytes(state, KEYS[i], added, now) end
  local before = tonumber(redis.call('GET', KEYS[3]) or 0)
  local latest = before
  local firstEntry, lastEntry
  local at = firstJob + 2
  while at <= #ARGV do
    local fields, count = tonumber(ARGV[at - 2]), tonumber(ARGV[at - 1])
    if count > 0 then
      local first = math.max(now, latest + 1)
      local payload, places, parts, from = ARGV[at + 4], ARGV[at], {}, 1
      local text = places:sub(1, 1) == 'd' and string.format('%016.0f', first) or struct.pack('<i8', first)
      for place in places:gmatch('%d+') do
        parts[#parts + 1] = payload:sub(from, place)
        parts[#parts + 1] = text
        from = place + #text + 1
      end
      parts[#parts + 1] = payload:sub(from)
      ARGV[at + 4] = table.concat(parts)
      latest = first + count - 1
    end
    lastEntry = redis.call('XADD', KEYS[1], '*', unpack(ARGV, at + 1, at + fields))
    firstEntry = firstEntry or lastEntry
    for i = firstRemote, firstFanout - 1, 2 do redis.call('XADD', KEYS[i], '*', unpack(ARGV, at + 1, at + fields)) end
    for i = firstFanout, #KEYS do redis.call('XADD', KEYS[i], 'MAXLEN', '~', ARGV[1], '*', unpack(ARGV, at + 1, at + fields)) end
    at = at + 3 + fields
    accepted = accepted + 1
  end
  if latest > before then redis.call('SET', KEYS[3], string.format('%.0f', latest)) end
  redis.call('HSET', state, 'accepted', accepted)
  if identified > 0 and firstEntry then
    redis.call('SET', KEYS[5], firstEntry .. ' ' .. lastEntry .. ' ' .. KEYS[1], 'PX', string.format('%.0f', math.ceil((identified - now) / 1000) + ${rememberedAfterMs}))
  end
  return {told, accepted}`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    roostAppend(
      keyCount: number,
      keys: string[],
      settings: (string | number)[],
      jobs: (string | Buffer | number)[],
    ): Result<[nowMicros: string, accepted: number, before?: string], Context>;
  }
}

export interface QueueSizes {
  /** Accepted and not yet applied. */
  readonly queued: number;
  /** Failed, waiting for another attempt. */
  readonly failing: number;
  /** Given up after the error limit; kept until an operator decides. */
  readonly bad: number;
}

/** A job as an application hands it in. */
export interface NewJob {
  readonly kind: string;
  readonly payload: Buffer;
  /** Of the payload's form. Absent: the newest that this process knows of the kind. */
  readonly version?: number;
  /** Who wants to hear when it has been applied. */
  readonly waiter?: string;
  /** The times that the journal gives it. Absent: it has none, or they are the caller's own. */
  readonly times?: JobTimes;
}

/**
 * So many times in a row, in microseconds: from now on by the clock of the journal's Redis, and later than all that it gave before. The first is put into the payload, at each
 * of some offsets, rising: as 8 bytes little-endian or, with `digits`, as 16 decimal digits.
 */
export interface JobTimes {
  readonly count: number;
  readonly offsets: readonly number[];
  readonly digits?: boolean;
}

/** Who gets a copy of the jobs beside this cluster's own workers. */
export interface JobCopies {
  /** Names of remote clusters. */
  readonly remotes: readonly string[];
  /** Suffixes of fanouts: onlookers, whose oldest jobs make room for new ones. */
  readonly fanouts: readonly string[];
  /** The topology that names them. */
  readonly version: number;
}

const noBytes = Buffer.alloc(0);
const noTimes: JobTimes = { count: 0, offsets: [] };
const noCopies: JobCopies = { remotes: [], fanouts: [], version: Number.MAX_SAFE_INTEGER };

const encodeNew = (
  { kind, payload, waiter, leaves }: NewJob & FollowUp,
  version: number,
  write?: string,
): (string | Buffer)[] =>
  encodeJob({
    kind,
    payload,
    version,
    waiter,
    write,
    onlyLeaves: leaves,
    attempts: 0,
    lastError: '',
    acceptedAtMs: Date.now(),
  });

/**
 * The journal of writes: Redis Streams, one for each priority. A job that `append` has answered for is as durable as that Redis is set to be:
 * with `appendfsync always` it survives `kill -9` of every process.
 */
export class Journal {
  readonly #redis: Redis;
  readonly #keys: Readonly<Record<Priority, StreamKeys>>;
  /** Payloads that are on their way to Redis. */
  #bytesInFlight = 0;
  readonly #clock: JournalClock;

  constructor(
    private readonly cluster: string,
    redis: Redis,
    private readonly config: JobsConfig,
    private readonly guard: JournalGuard,
    clock: JournalClock,
    /** The newest version of a kind of job that this process knows. */
    private readonly versionOf: (kind: string) => number,
  ) {
    this.#clock = clock;
    this.#redis = redis;
    guard.redis.defineCommand('roostAppend', { lua: appendScript });
    this.#keys = streamKeys(cluster);
  }

  /**
   * Accepts jobs, all of them or none. Throws `Overloaded` when the queue, the queue of failing jobs or a remote cluster's backlog is full, or Redis does not keep up: nothing
   * was accepted. `StaleRemotes` where the remote clusters are others than `copies` says: nothing was accepted.
   * `Unavailable` and `DeadlineExceeded` leave open whether they were accepted: by the deadline at the latest, as far as the two clocks go alike. Jobs that bring their
   * times are idempotent, so that a repetition does no harm; others count as written when they are repeated, unless they come with an identity. One whose identity was accepted
   * before is accepted no second time, whatever its jobs are: what is remembered of the first time is returned. One that comes after the last moment of its identity is refused with
   * `DeadlineExceeded`, whose field `journalTime` is the time of the journal in microseconds.
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
    const remembered = writeKey(this.cluster, identity?.id ?? noBytes);
    const keys = [
      queued,
      failing,
      clockKey(this.cluster),
      remotesFenceKey(this.cluster),
      remembered,
      stateKey(this.cluster),
      ...remotes.flatMap((remote) => {
        const backlog = remoteKeys(this.cluster, remote)[priority];
        return [backlog.queued, backlog.failing];
      }),
      ...fanouts.map((suffix) => fanoutKey(this.cluster, priority, suffix)),
    ];
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
      const encoded = encodeNew(
        job,
        job.version ?? this.versionOf(job.kind),
        identity === undefined || job.waiter === undefined ? undefined : remembered,
      );
      const { count, offsets, digits } = job.times ?? noTimes;
      return [encoded.length, count, `${digits === true ? 'd' : 'i'}${offsets.join()}`, ...encoded];
    });
    for (let attempt = 1; ; attempt++) {
      try {
        const { epoch, accepted } = await this.guard.admit(deadline);
        // What is late is known by the clock of Redis: a command that was given up may still wait to be sent, or in a socket.
        // Commands to a Redis that hangs go on waiting when their callers have given up.
        if (this.#bytesInFlight + bytes > limits.journalInFlightBytes) {
          throw new RoostError('Overloaded', "the journal's Redis does not keep up", {
            retryAfterMs: overloadedRetryAfterMs,
            fields: { priority },
          });
        }
        const ours = Math.floor(this.#clock.nowMicros! + deadline.remainingMs() * 1_000);
        const notAfter = identity === undefined ? ours : Math.min(ours, identified);
        this.#bytesInFlight += bytes;
        // As arrays, since the fields of many jobs are more than the arguments that a call can have.
        const settings = [
          maxQueued,
          maxFailing,
          maxReplicating,
          remotes.length,
          notAfter,
          version,
          identified,
          epoch,
          accepted,
          maxQueuedBytes,
        ];
        const appended = this.guard.redis.roostAppend(keys.length, keys, settings, fields).finally(() => {
          this.#bytesInFlight -= bytes;
        });
        const [now, acceptedNow, before] = await deadline.race(appended, 'journalling a write');
        this.#clock.learn(Number(now));
        this.guard.heard(epoch, acceptedNow);
        return before;
      } catch (error) {
        if (error instanceof Error && /STALE \d+/.test(error.message)) throw new StaleRemotes();
        if (error instanceof Error && isForeign(error)) {
          // It may have been adopted meanwhile. Otherwise the look says why this journal is refused.
          await this.guard.look(deadline);
          if (attempt < 2) continue;
        }
        const late = error instanceof Error ? /(?:LATE|AHEAD) (\d+)/.exec(error.message)?.[1] : undefined;
        if (late === undefined) throw journalError(error, priority);
        this.#clock.learn(Number(late));
        if (identity !== undefined && (Number(late) > identified || identified > Number(late) + maxAheadMicros))
          throw notNow(identity, late);
        // In time by our own clock: that of Redis was set, or another Redis has taken over.
        if (attempt === 2 || deadline.passed) throw deadlineExceeded('journalling a write');
      }
    }
  }

  /**
   * The present time by the journal's clock, which every server of the cluster shares: whole milliseconds since 1970. Whatever is decided by time for the whole cluster, such as
   * which windows are over, is decided by it and not by this server's clock. It rests on an answer of Redis of the last 5 s, asked for where there is none.
   * Throws `Unavailable` and `DeadlineExceeded` where Redis does not answer, and `Unavailable` where its clock and this server's differ by more than `server.maxClockSkewMs`.
   */
  async nowMs(deadline: Deadline = Deadline.after(lookDeadlineMs)): Promise<number> {
    return Number((await this.nowMicros(deadline)) / 1_000n);
  }

  /** The same in microseconds. */
  async nowMicros(deadline: Deadline = Deadline.after(lookDeadlineMs)): Promise<Micros> {
    try {
      // A clock that is wrong decides nothing.
      if (this.guard.refused?.fields['refusal'] === 'clock') throw this.guard.refused;
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

  /** Adds jobs that accepted ones brought about. They are part of work that was accepted, so that no bound refuses them. */
  async enqueue(priority: Priority, jobs: readonly FollowUp[]): Promise<void> {
    const transaction = this.#redis.multi();
    for (const job of jobs)
      transaction.xadd(this.#keys[priority].queued, '*', ...encodeNew(job, job.version ?? this.versionOf(job.kind)));
    try {
      for (const [error] of (await transaction.exec()) ?? []) if (error !== null) throw error;
    } catch (error) {
      throw journalError(error, priority);
    }
  }

  /** How many jobs were accepted and not tried yet. Throws `Unavailable` and `DeadlineExceeded`. */
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

  /** Makes the streams' consumer groups where they are missing, so that jobs accepted before the first worker starts are found. To be called with the journal of this cluster alone. */
  async prepare(): Promise<void> {
    try {
      await Promise.all(priorities.map((priority) => createGroup(this.#redis, this.#keys[priority].queued)));
    } catch (error) {
      throw journalError(error, 'high');
    }
  }
}

/** The remote clusters were changed since the topology that a write's copies follow. */
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

/** Nothing was accepted, and nothing will be before `journalTime` and the last moment are brought together. */
const notNow = ({ notAfter }: WriteIdentity, journalTime: string): RoostError =>
  new RoostError(
    'DeadlineExceeded',
    `the write may be accepted until ${notAfter}, and the journal's clock is at ${journalTime}; nothing was accepted`,
    { fields: { journalTime } },
  );

/** Makes a stream's consumer group, reading from the first entry; does nothing where it exists. */
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
