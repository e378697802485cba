import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { BackgroundLoop, Deadline, deadlineExceeded, RoostError, type JournalClock } from '../../core/index.js';
import type { Log, Metrics } from '../../process/index.js';
import { microsOf, redisTrouble } from '../../redis/index.js';
import { clockProblem, skewMs, type ClockReading } from './clockSkew.js';
import { newestEpoch, type Epoch, type EpochLook, type EpochTable } from './epochTable.js';
import { readSettings, replicasProblem, type RedisSettings } from './redisSettings.js';
import { ReplicaAcks } from './replicaAcks.js';
import { scripts } from './scripts.js';
import { lostText } from './lostText.js';
import { stateKey } from './streamKeys.js';
import type { SilentWriter, WriterTable } from './writerTable.js';

/** Why no write is accepted. `unreachable`, `replica` and `replicas` (too few are connected) end by themselves; `clock` when a clock is set right; `epoch` and `lost` with `roost journal adopt`. */
export const refusals = ['unreachable', 'replica', 'replicas', 'epoch', 'lost', 'clock'] as const;
export type Refusal = (typeof refusals)[number];

/** What an append must bring for the journal to be the one that this process knows. */
export interface Admission {
  readonly epoch: string;
  /** Jobs that the epoch is known to have accepted. */
  readonly accepted: number;
}

const lookEveryMs = 1_000;
const lookDeadlineMs = 3_000;
/** A Redis that started anew, or another at its address, is not written to for so long: each server first writes down how far it knows the journal to be. */
const newRunGraceMs = 500;
/** What a write waits for a connection that was lost before it fails. */
const reconnectMs = 500;

/** All that one look found. */
export interface JournalLook {
  readonly settings: RedisSettings;
  readonly clock: ClockReading;
  readonly databases: readonly EpochLook[];
  /** What the name server knows; undefined where it knows of no epoch. */
  readonly known: Epoch | undefined;
  /** What Redis holds; undefined where it holds none. `lost`: how many jobs it had accepted where it has lost a part. */
  readonly held: (Pick<Epoch, 'epoch' | 'number' | 'accepted'> & { readonly lost: number | undefined }) | undefined;
  readonly waiting: number;
  /** Writers of a Redis that was started anew since, for whose last writes nobody vouches. Empty with `appendfsync always`. */
  readonly silent: readonly SilentWriter[];
}

/**
 * Knows whether the Redis of the configuration is the cluster's journal, whole, and takes writes. The name server's database holds the journal's epoch and how many jobs it has
 * accepted; so does Redis, beside the jobs. Every append compares both in its own atomic step. Where they do not fit, Redis came back empty, or as an older copy of itself: every write of every
 * server is refused until an operator adopts what there is. See docs/journal.md.
 */
export class JournalGuard {
  /** The epoch that this process goes by, with the jobs that it is known to have accepted. */
  #held: (Pick<Epoch, 'epoch' | 'number'> & { accepted: number }) | undefined;
  /** What the name server's hosts were last known to hold. */
  #written: Pick<Epoch, 'epoch' | 'accepted' | 'waiting'> | undefined;
  #waiting = 0;
  #runId: string | undefined;
  /** The run of Redis for which every writer of an earlier one has said what it knows. */
  #vouchedRun: string | undefined;
  /** The run that this process is noted as a writer of: from before its first append until what it knows is written down. */
  #notedRun: string | undefined;
  readonly #id = randomUUID();
  #refused: RoostError | undefined = new RoostError('Unavailable', "the journal's Redis was not looked at yet", {
    fields: { refusal: 'unreachable' },
  });
  #looking: Promise<void> | undefined;
  #reconnecting: Promise<void> | undefined;
  readonly #loop = new BackgroundLoop(
    async () => {
      // At the same address there may be another by now.
      if (this.#refused?.fields['refusal'] === 'replica') this.redis.disconnect(true);
      else await this.look();
    },
    // Why a look failed is said where it turns.
    { everyMs: lookEveryMs, startAfterMs: lookEveryMs, onError: () => undefined },
  );
  readonly #stop = new AbortController();
  readonly #clock: JournalClock;

  constructor(
    /** The connection that appends use, so that what was looked at is what is written to. */
    readonly redis: Redis,
    private readonly table: EpochTable,
    private readonly writers: WriterTable,
    private readonly options: {
      readonly cluster: string;
      /** Replicas that must have a write. */
      readonly replicas: number;
      readonly maxClockSkewMs: number;
      readonly clock: JournalClock;
      /** Jobs that wait in the journal now. */
      readonly waiting: () => Promise<number>;
      readonly log: Log;
      readonly metrics: Metrics;
    },
  ) {
    this.#clock = options.clock;
    this.replicas = new ReplicaAcks(redis, { needed: options.replicas, connected: 0 });
    redis.on('close', () => this.#disconnected());
    redis.on('ready', () => {
      if (this.#loop.started) void this.look().catch(() => undefined);
    });
    const { metrics } = options;
    metrics.gauge('roost_journal_refuses', 'Whether this server accepts no writes, by reason', ['reason'], (gauge) => {
      for (const reason of refusals) gauge.set({ reason }, this.#refused?.fields['refusal'] === reason ? 1 : 0);
    });
    metrics.gauge(
      'roost_journal_accepted_jobs',
      'Jobs that the present epoch of the journal has accepted, as far as this process knows',
      [],
      (gauge) => gauge.set(this.#held?.accepted ?? 0),
    );
    this.#skew = metrics.gauge(
      'roost_clock_skew_seconds',
      "How far the clock of the journal's Redis or of a host of the name server is ahead of this process's, at the least",
      ['clock'],
    );
  }

  /** Waits until replicas have what the connection of appends has written. */
  readonly replicas: ReplicaAcks;
  readonly #skew: { set(labels: { clock: string }, value: number): void };

  /** Why no write is accepted; undefined while writes are. */
  get refused(): RoostError | undefined {
    return this.#refused;
  }

  /** Whether jobs may be taken from this Redis. A wrong clock of this process does not matter to them. */
  get trusted(): boolean {
    return this.#refused === undefined || this.#refused.fields['refusal'] === 'clock';
  }

  /**
   * What an append is to bring. Waits for a look that is under way. Throws `FailedPrecondition` where the journal is not the cluster's, which no retry cures; `Unavailable`
   * where it does not answer, is a replica, or where clocks differ; `DeadlineExceeded`.
   */
  async admit(deadline: Deadline): Promise<Admission> {
    if (this.#refused !== undefined) {
      this.start();
      const { refusal } = this.#refused.fields;
      if (this.#looking !== undefined || refusal === 'unreachable') {
        if (this.redis.status !== 'ready' && this.redis.status !== 'wait')
          await deadline.race(this.#reconnected(), "reaching the journal's Redis");
        await this.look(deadline).catch(() => undefined);
        if (deadline.passed) throw deadlineExceeded("looking at the journal's Redis");
      }
      if (this.#refused !== undefined) throw this.#refused;
    }
    if (this.#notedRun !== this.#runId) await deadline.race(this.#noteFirst(), 'noting a writer of the journal');
    const { epoch, accepted } = this.#held!;
    return { epoch, accepted };
  }

  /** An append was answered: the epoch has accepted so many jobs. */
  heard(epoch: string, accepted: number): void {
    if (epoch === this.#held?.epoch && accepted > this.#held.accepted) this.#held.accepted = accepted;
  }

  /** Looks from now on every second. */
  start(): void {
    this.#loop.start();
  }

  /** Writes down how far the journal is, and stops looking. */
  async stop(): Promise<void> {
    const ended = this.#loop.stop();
    this.#stop.abort();
    await ended;
    await this.#looking?.catch(() => undefined);
    await this.#leave().catch(() => undefined);
  }

  /** Looks now. Concurrent calls share one look. Throws why the journal is refused. */
  async look(deadline: Deadline = Deadline.after(lookDeadlineMs + newRunGraceMs)): Promise<void> {
    this.#looking ??= this.#look()
      .then(() => this.#turn(undefined))
      .catch((error: unknown) => this.#turn(refusalOf(error)))
      .finally(() => (this.#looking = undefined));
    await deadline.race(this.#looking, "looking at the journal's Redis");
    if (this.#refused !== undefined) throw this.#refused;
  }

  /** Reads what Redis and the name server say, and changes nothing. Throws `Unavailable` where Redis or a majority of the name server's hosts does not answer. */
  async examine(): Promise<JournalLook> {
    try {
      return await this.#examine();
    } catch (error) {
      throw refusalOf(error);
    }
  }

  async #examine(): Promise<JournalLook> {
    const { settings, clock } = await this.#readRedis();
    const databases = await this.table.look();
    this.#requireMajority(databases);
    const [held, waiting] = await Promise.all([
      this.redis.hmget(stateKey(this.options.cluster), 'epoch', 'number', 'accepted', 'lost'),
      this.options.waiting(),
    ]);
    const [epoch, number, accepted, lost] = held;
    const silent = this.#isSafe(settings) ? [] : ((await this.writers.silent(settings.runId)) ?? []);
    return {
      silent,
      settings,
      clock,
      databases,
      known: newestEpoch(databases),
      held:
        epoch == null
          ? undefined
          : {
              epoch,
              number: Number(number),
              accepted: Number(accepted),
              lost: lost == null ? undefined : Number(lost),
            },
      waiting,
    };
  }

  /** Begins a new epoch with what Redis holds now. Throws `Conflict` where the epoch has become another since it was looked at. */
  async adopt({ held, known, waiting, settings }: JournalLook): Promise<Epoch> {
    const next: Epoch = {
      epoch: newEpoch(),
      number: Math.max(held?.number ?? 0, known?.number ?? 0) + 1,
      accepted: 0,
      waiting,
    };
    const now = await scripts.adoptEpoch.run(
      this.redis,
      { state: stateKey(this.options.cluster) },
      { from: held?.epoch ?? '', to: next.epoch, number: next.number },
    );
    if (now !== next.epoch)
      throw new RoostError('Conflict', 'the epoch of the journal has become another meanwhile; look again');
    await this.table.merge(next);
    await this.writers.forget(settings.runId);
    return next;
  }

  async #look(): Promise<void> {
    const { settings, clock } = await this.#readRedis();
    if (settings.role === 'replica') throw refusalOf(new Error('READONLY'));
    this.replicas.counts.connected = settings.replicas;
    const tooFew = replicasProblem(settings, this.options.replicas);
    if (tooFew !== undefined) throw refusal('replicas', tooFew);
    if (this.#runId !== undefined && settings.runId !== this.#runId) {
      await this.#write().catch(() => undefined);
      await sleep(newRunGraceMs, undefined, { signal: this.#stop.signal });
    }
    const databases = await this.table.look();
    const known = newestEpoch(databases);
    if (known === undefined && this.#held === undefined) this.#requireMajority(databases);
    if (known !== undefined) {
      this.#written = known;
      if (known.epoch === this.#held?.epoch) this.heard(known.epoch, known.accepted);
      else this.#held = { epoch: known.epoch, number: known.number, accepted: known.accepted };
    }
    // Where no host of the name server answers, this process goes by what it knows itself.
    await this.#compare();
    this.#runId = settings.runId;
    await this.#write();
    this.#clockMs = clock.ms;
    await this.#vouch(settings);
    this.#checkClocks(clock, databases);
  }

  async #compare(): Promise<void> {
    const expected = this.#held;
    // Counted before the comparison: what a Redis holds that lost its data in between is not written down.
    const waiting = await this.options.waiting();
    const [epoch, number, accepted, lost] = await scripts.lookAtEpoch.run(
      this.redis,
      { state: stateKey(this.options.cluster) },
      { epoch: expected?.epoch ?? '', accepted: expected?.accepted ?? 0, fresh: newEpoch() },
    );
    const held =
      epoch === ''
        ? undefined
        : { epoch, number: Number(number), accepted: Number(accepted), lost: lost === '' ? undefined : Number(lost) };
    const problem = lostText({
      silent: [],
      known: expected === undefined ? undefined : { ...expected, waiting: this.#written?.waiting ?? 0 },
      held,
    });
    if (problem !== undefined) throw refusal(held?.epoch === expected?.epoch ? 'lost' : 'epoch', problem);
    this.#waiting = waiting;
    if (expected === undefined) {
      const first = { epoch, number: Number(number), accepted: this.#proven(accepted), waiting: this.#waiting };
      await this.table.merge(first);
      this.#written = first;
      this.#held = { ...first };
    }
    this.heard(epoch, this.#proven(accepted));
  }

  /** Says what this process writes to, and refuses a Redis that was started anew while a writer of before has not been heard of. */
  async #vouch(settings: RedisSettings): Promise<void> {
    this.#safe = this.#isSafe(settings);
    if (this.#safe) {
      this.#vouchedRun = settings.runId;
      return;
    }
    if (this.#notedRun !== undefined) await this.#note().catch(() => undefined);
    if (this.#vouchedRun === settings.runId) return;
    const silent = await this.writers.silent(settings.runId);
    if (silent === undefined) return;
    const problem = lostText({
      known: undefined,
      held: { epoch: '', number: 0, accepted: 0, lost: undefined },
      silent,
    });
    if (problem !== undefined) throw refusal('lost', problem);
    this.#vouchedRun = settings.runId;
    await this.writers.sweep(this.#clockMs).catch(() => undefined);
  }

  /** Whether what was acknowledged survives the death of Redis and of every process that knows of it. */
  #isSafe({ appendFsync, appendOnly }: RedisSettings): boolean {
    return (appendOnly && appendFsync === 'always') || this.options.replicas > 0;
  }

  #safe = true;
  /** The journal's time at the last look. */
  #clockMs = 0;
  #noting: Promise<void> | undefined;

  /** Where the name server does not answer, writes go on: this process vouches for them as long as it lives. Callers share one attempt. */
  #noteFirst(): Promise<void> {
    this.#noting ??= this.#note()
      .catch(() => void (this.#notedRun = this.#runId))
      .finally(() => (this.#noting = undefined));
    return this.#noting;
  }

  async #note(): Promise<void> {
    const run = this.#runId!;
    if (!this.#safe) await this.writers.note(this.#id, run, this.#clockMs);
    this.#notedRun = run;
  }

  /** Writes down how far the journal is known to be. After that, nothing is lost with this process. */
  async #leave(): Promise<void> {
    await this.#write();
    const written = this.#written;
    if (
      this.#notedRun === undefined ||
      written?.epoch !== this.#held?.epoch ||
      written!.accepted < this.#held!.accepted
    )
      return;
    this.#notedRun = undefined;
    if (!this.#safe) await this.writers.leave(this.#id);
  }

  /** Some of what the primary holds may be on no replica, and was acknowledged to nobody then: it is not missed after a failover. Appends tell how far replicas are. */
  #proven(accepted: string): number {
    return this.options.replicas === 0 ? Number(accepted) : 0;
  }

  async #readRedis(): Promise<{ readonly settings: RedisSettings; readonly clock: ClockReading }> {
    const deadline = Deadline.after(lookDeadlineMs);
    const before = Date.now();
    const [time, settings] = await deadline.race(
      Promise.all([this.redis.time(), readSettings(this.redis)]),
      "looking at the journal's Redis",
    );
    const micros = microsOf(time);
    this.#clock.learn(micros);
    return { settings, clock: { name: 'redis', ms: micros / 1_000, before, after: Date.now() } };
  }

  #checkClocks(journal: ClockReading, databases: readonly EpochLook[]): void {
    const readings = databases.flatMap(({ host, clock }) => (clock === undefined ? [] : [{ name: host, ...clock }]));
    for (const reading of [journal, ...readings]) this.#skew.set({ clock: reading.name }, skewMs(reading) / 1_000);
    const problem = clockProblem(journal, readings, this.options.maxClockSkewMs);
    if (problem !== undefined) throw refusal('clock', problem.text, { wrongClock: problem.wrong });
  }

  #requireMajority(looks: readonly EpochLook[]): void {
    const silent = looks.filter(({ epoch }) => epoch === undefined);
    if (looks.length - silent.length >= this.table.majority) return;
    throw new RoostError(
      'Unavailable',
      `the epoch of the journal is not known: ${silent.map(({ error }) => error?.message).join('; ')}`,
      { cause: silent[0]?.error, fields: { refusal: 'unreachable', host: silent[0]?.host } },
    );
  }

  /** Writes down, for other processes and later ones, how far this one knows the journal to be. */
  async #write(): Promise<void> {
    const held = this.#held;
    if (
      held === undefined ||
      (this.#written?.epoch === held.epoch &&
        this.#written.accepted >= held.accepted &&
        this.#written.waiting === this.#waiting)
    )
      return;
    const now = { ...held, waiting: this.#waiting };
    try {
      await this.table.merge(now);
      this.#written = now;
    } catch (error) {
      this.options.log.debug({ err: error }, 'how far the journal is could not be written down');
    }
  }

  #disconnected(): void {
    if (this.#refused !== undefined && this.#refused.fields['refusal'] !== 'clock') return;
    this.#refused = refusal('unreachable', "the connection to the journal's Redis was lost");
    void this.#leave().catch(() => undefined);
  }

  /** Waits for the connection, for a while. Callers share one wait. */
  #reconnected(): Promise<void> {
    this.#reconnecting ??= new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.redis.off('ready', done);
        this.#stop.signal.removeEventListener('abort', done);
        this.#reconnecting = undefined;
        resolve();
      };
      const timer = setTimeout(done, reconnectMs);
      this.redis.once('ready', done);
      this.#stop.signal.addEventListener('abort', done);
    });
    return this.#reconnecting;
  }

  #turn(refused: RoostError | undefined): void {
    if (this.#loop.stopped) return;
    const before = this.#refused;
    this.#refused = refused;
    const { log } = this.options;
    if (refused !== undefined && refused.message !== before?.message)
      log.error({ err: refused }, 'this server accepts no writes');
    if (refused === undefined && this.#said) log.info({ epoch: this.#held?.epoch }, 'this server accepts writes again');
    this.#said = refused !== undefined;
  }

  #said = false;
}

const newEpoch = (): string => randomUUID().replaceAll('-', '');

const retried: ReadonlySet<Refusal> = new Set(['unreachable', 'replica', 'replicas', 'clock']);

/** Another server may do better where only this one's clock is wrong, and a replica is replaced. An epoch that does not fit is refused by all of them until an operator decides. */
const refusal = (reason: Refusal, message: string, fields: Readonly<Record<string, string>> = {}): RoostError =>
  new RoostError(retried.has(reason) ? 'Unavailable' : 'FailedPrecondition', message, {
    fields: { refusal: reason, ...fields },
  });

function refusalOf(error: unknown): RoostError {
  if (error instanceof RoostError && error.fields['refusal'] !== undefined) return error;
  if (error instanceof RoostError)
    return new RoostError('Unavailable', `the journal could not be looked at: ${error.message}`, {
      cause: error,
      fields: { ...error.fields, refusal: 'unreachable' },
    });
  const message = error instanceof Error ? error.message : String(error);
  const reason: Refusal = message.startsWith('READONLY') ? 'replica' : 'unreachable';
  return new RoostError('Unavailable', `the journal's Redis ${redisTrouble(message)}`, {
    cause: error,
    fields: { service: 'redis', refusal: reason },
  });
}
