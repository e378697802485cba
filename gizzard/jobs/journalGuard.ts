import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { BackgroundLoop, Deadline, deadlineExceeded, RoostError, type JournalClock } from '../../core/index.js';
import type { Log, Metrics } from '../../process/index.js';
import { microsOf, type Sentinels } from '../../redis/index.js';
import { clockProblem, skewMs, type ClockReading } from './clockSkew.js';
import { newestEpoch, type Epoch, type EpochLook, type EpochTable } from './epochTable.js';
import { readSettings, replicasProblem, type RedisSettings } from './redisSettings.js';
import { ReplicaAcks, ReplicaCounts } from './replicaAcks.js';
import { refusal, refusalOf, refusals } from './journalRefusal.js';
import { scripts } from './scripts.js';
import { lostText } from './lostText.js';
import { stateKey } from './streamKeys.js';
import { WriterNotes } from './writerNotes.js';
import type { SilentWriter, WriterTable } from './writerTable.js';

/** Proof that an append must carry that the journal is the one that this process knows. */
export interface Admission {
  readonly epoch: string;
  /** Jobs that the epoch is known to have accepted. */
  readonly accepted: number;
}

const lookEveryMs = 1_000;
const lookDeadlineMs = 3_000;
/**
 * How long not to write to a Redis that has restarted or been replaced: each server first records how far it knows
 * the journal to be.
 */
const newRunGraceMs = 500;
/** How long a write waits for a lost connection before it fails. */
const reconnectMs = 500;

/** The result of one look. */
export interface JournalLook {
  readonly settings: RedisSettings;
  readonly clock: ClockReading;
  readonly databases: readonly EpochLook[];
  /** The name server's record; undefined if it has no epoch. */
  readonly known: Epoch | undefined;
  /** Redis's record; undefined if it has none. `lost`: the number of jobs it had accepted, if it has lost some. */
  readonly held: (Pick<Epoch, 'epoch' | 'number' | 'accepted'> & { readonly lost: number | undefined }) | undefined;
  readonly waiting: number;
  /** Writers of a Redis that was started anew since, for whose last writes nobody vouches. Empty with `appendfsync always`. */
  readonly silent: readonly SilentWriter[];
}

/**
 * Knows whether the configured Redis is the cluster's whole journal and accepts writes. The name server's database
 * records the journal's epoch and its number of accepted jobs; so does Redis, beside the jobs. Every append compares
 * both in its own atomic step. If they do not match, Redis came back empty or as an older copy of itself: all servers
 * refuse every write until an operator adopts the present state. See docs/journal.md.
 */
export class JournalGuard {
  /** This process's epoch, with the jobs that it is known to have accepted. */
  #held: (Pick<Epoch, 'epoch' | 'number'> & { accepted: number }) | undefined;
  /** The last known records of the name server's hosts. */
  #written: Pick<Epoch, 'epoch' | 'accepted' | 'waiting'> | undefined;
  #waiting = 0;
  #runId: string | undefined;
  readonly #notes: WriterNotes;
  #refused: RoostError | undefined = new RoostError('Unavailable', "the journal's Redis has not been checked yet", {
    fields: { refusal: 'unreachable' },
  });
  #looking: Promise<void> | undefined;
  #reconnecting: Promise<void> | undefined;
  readonly #loop = new BackgroundLoop(
    async () => {
      // Another Redis may be at the same address by now.
      if (this.#refused?.fields['refusal'] === 'replica') this.redis.disconnect(true);
      else await this.look();
    },
    // A failed look is reported where its result is used.
    { everyMs: lookEveryMs, startAfterMs: lookEveryMs, onError: () => undefined },
  );
  readonly #stop = new AbortController();
  readonly #clock: JournalClock;

  constructor(
    /** The connection that appends use, so that the examined Redis is the one that is written to. */
    readonly redis: Redis,
    private readonly table: EpochTable,
    private readonly writers: WriterTable,
    private readonly options: {
      readonly cluster: string;
      /** Replicas that must have a write. */
      readonly replicas: number;
      /** Absent: this Redis has none. */
      readonly sentinels: Pick<Sentinels, 'keep'> | undefined;
      readonly maxClockSkewMs: number;
      readonly clock: JournalClock;
      /** Jobs that wait in the journal now. */
      readonly waiting: () => Promise<number>;
      readonly log: Log;
      readonly metrics: Metrics;
    },
  ) {
    this.#clock = options.clock;
    this.#notes = new WriterNotes(writers, options.replicas);
    const { sentinels } = options;
    this.replicas = new ReplicaAcks(
      redis,
      new ReplicaCounts(options.replicas, async () => sentinels === undefined || sentinels.keep(this.#runId ?? '')),
    );
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

  /** Waits until replicas have what the appends' connection has written. */
  readonly replicas: ReplicaAcks;
  readonly #skew: { set(labels: { clock: string }, value: number): void };

  /** Why writes are refused; undefined if they are accepted. */
  get refused(): RoostError | undefined {
    return this.#refused;
  }

  /** Whether jobs may be taken from this Redis. A wrong clock of this process does not matter for them. */
  get trusted(): boolean {
    return this.#refused === undefined || this.#refused.fields['refusal'] === 'clock';
  }

  /**
   * The proof for an append. Waits for a look in progress. Throws `FailedPrecondition` if the journal is not the
   * cluster's, which no retry cures; `Unavailable` if it does not answer, is a replica, or clocks differ;
   * `DeadlineExceeded`.
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
    const run = this.#runId!;
    if (!this.#notes.has(run)) await deadline.race(this.#notes.note(run), 'noting a writer of the journal');
    const { epoch, accepted } = this.#held!;
    return { epoch, accepted };
  }

  /** Reports an answered append: the epoch's number of accepted jobs. */
  heard(epoch: string, accepted: number): void {
    if (epoch === this.#held?.epoch && accepted > this.#held.accepted) this.#held.accepted = accepted;
  }

  /** Starts a look every second. */
  start(): void {
    this.#loop.start();
  }

  /** Records the journal's progress, and stops looking. */
  async stop(): Promise<void> {
    const ended = this.#loop.stop();
    this.#stop.abort();
    await ended;
    await this.#looking?.catch(() => undefined);
    await this.#leave().catch(() => undefined);
  }

  /** Looks now; concurrent calls share one look. Throws the reason if the journal is refused. */
  async look(deadline: Deadline = Deadline.after(lookDeadlineMs + newRunGraceMs)): Promise<void> {
    this.#looking ??= this.#look()
      .then(() => this.#turn(undefined))
      .catch((error: unknown) => this.#turn(refusalOf(error)))
      .finally(() => (this.#looking = undefined));
    await deadline.race(this.#looking, "looking at the journal's Redis");
    if (this.#refused !== undefined) throw this.#refused;
  }

  /**
   * Reads the records of Redis and the name server, and changes nothing. Throws `Unavailable` if Redis or a majority
   * of the name server's hosts does not answer.
   */
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
    const silent = await this.#notes.silent(settings);
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

  /**
   * Begins a new epoch with the present content of Redis. Throws `Conflict` if the epoch has changed since the look.
   */
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
      throw new RoostError(
        'Conflict',
        'the epoch of the journal has changed meanwhile: run `roost journal status`, and then this again',
      );
    await this.table.merge(next);
    await this.writers.forget(settings.runId);
    return next;
  }

  async #look(): Promise<void> {
    const { settings, clock } = await this.#readRedis();
    if (settings.role === 'replica') throw refusalOf(new Error('READONLY'));
    this.replicas.counts.saw(settings.replicas);
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
    // If no host of the name server answers, this process relies on its own knowledge.
    await this.#compare();
    this.#runId = settings.runId;
    await this.#write();
    await this.#notes.vouch(settings, clock.ms);
    this.#checkClocks(clock, databases);
  }

  async #compare(): Promise<void> {
    const expected = this.#held;
    // Counted before the comparison: the content of a Redis that lost data in between is not recorded.
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

  /** Writes down how far the journal is known to be. After that, nothing is lost with this process. */
  async #leave(): Promise<void> {
    await this.#write();
    const written = this.#written;
    const held = this.#held;
    if (held === undefined || written?.epoch !== held.epoch || written.accepted < held.accepted) return;
    await this.#notes.leave();
  }

  /**
   * Entries that only the primary has may have been acknowledged to nobody, and are not missed after a failover.
   * Appends tell how far replicas are.
   */
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

  /** Records this process's knowledge of the journal, for other and later processes. */
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
      this.options.log.debug({ err: error }, "the journal's count could not be written to the name server");
    }
  }

  #disconnected(): void {
    if (this.#refused !== undefined && this.#refused.fields['refusal'] !== 'clock') return;
    this.#refused = refusal('unreachable', "the connection to the journal's Redis was lost");
    void this.#leave().catch(() => undefined);
  }

  /** Waits some time for the connection. Callers share one wait. */
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
