import type { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { RoostError } from '../../core/index.js';
import { isUnchanged, type Attempts } from './attempts.js';
import { decodeJob, type JobEntry } from './jobEntry.js';
import type { WorkContext } from './queueContext.js';
import { scripts } from './scripts.js';
import { ofHost, passKey } from './streamKeys.js';

/** Jobs retried concurrently in a pass while they fail; or as many as fit these bytes. */
const jobsPerPage = 256;
const bytesPerPage = 8 * 1024 * 1024;
const firstPage = 16;
/** Pause after a page with failures. */
const restMs = 200;
/** A pass whose server has been silent for this long is abandoned. */
const silentMs = 5_000;
/** Servers start passes at different moments, so that each gets its turn. */
const spread = 0.2;
/** The time in which a working server notices the end of another's pass. */
const longestLookMs = 1_000;

/**
 * A server's knowledge of a stream: who retried its jobs last, since when it has known that, and when its own turn
 * comes. By its monotonic clock.
 */
interface Turn {
  holder: string;
  sinceMs: number;
  atMs: number;
  running: Promise<void> | undefined;
  /** Its pass is recording its end: no sign of life may follow. */
  ending: boolean;
  /** An operator asked for another pass during this one. */
  asked: boolean;
}

/**
 * The failing jobs of one priority, in a stream for each host on which they failed, so that the backlog of a host
 * that is down neither delays nor limits other jobs. They stay in their stream until they are applied.
 *
 * One server at a time passes through a stream, oldest job first, and retries each job once. The next pass begins
 * `errorDelaySeconds` after the last one ended, on any server. Servers measure that by their monotonic clocks;
 * neither the machine's nor Redis's clock matters.
 */
export class FailingJobs {
  readonly #turns = new Map<string, Turn>();
  /** Streams in which the last pass here found jobs of kinds unknown to this server. */
  readonly #forOthers = new Set<string>();
  #stopping = false;
  #retryNow: string | null | undefined;
  #passes = 0;
  #looking: Promise<void> | undefined;
  #nextLook: Promise<void> | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly context: WorkContext,
    private readonly attempts: Attempts,
    /** While false, no job is retried. */
    private readonly open: () => boolean,
  ) {}

  /** Checks whose turn it is, and starts passes. Call it repeatedly; a call during another one runs after it. */
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
    const { keys } = this.context;
    if (!this.open()) return;
    const [hosts, retryNow] = await Promise.all([this.redis.smembers(keys.hosts), this.redis.get(keys.retryNow)]);
    const asked = this.#retryNow !== undefined && retryNow !== this.#retryNow;
    this.#retryNow = retryNow;
    await Promise.all(['', ...hosts].map((host) => this.#lookAt(host, asked)));
  }

  /** Starts no more passes. Resolves when running ones have finished their present page. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(Array.from(this.#turns.values(), ({ running }) => running ?? Promise.resolve()));
  }

  /** Randomly longer, so that servers take turns. */
  get #delayMs(): number {
    return this.context.config.errorDelaySeconds * 1_000 * (1 + spread * Math.random());
  }

  /** The pause after a pass, long enough for any other server to make the next one. */
  get #yieldMs(): number {
    return this.context.config.errorDelaySeconds * 1_000 * (spread + 0.1) + longestLookMs;
  }

  async #lookAt(host: string, asked: boolean): Promise<void> {
    const stream = ofHost(this.context.keys.failing, host);
    const key = passKey(stream);
    const [length, current] = await Promise.all([this.redis.xlen(stream), this.redis.get(key)]);
    const holder = current ?? '';
    const turn = this.#turns.get(stream);
    const nowMs = performance.now();
    if (turn?.running !== undefined) {
      turn.asked ||= asked;
      if (turn.ending) return;
      const next = `${this.context.consumer} ${++this.#passes}`;
      const now = await this.#hand(key, turn.holder, next);
      if (now === next) turn.holder = next;
      // Somebody has taken over while this server was silent: it ends its pass. Or the pass has just ended by itself.
      else if (!now.startsWith(`${ended}${this.context.consumer} `))
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
    // A request made while another server works holds for when it is done.
    mine.asked = now && !over;
    const free = over ? nowMs >= mine.atMs : nowMs >= mine.sinceMs + silentMs;
    if (!free || this.#stopping) return;
    const next = `${this.context.consumer} ${++this.#passes}`;
    if ((await this.#hand(key, holder, next)) !== next) return;
    mine.holder = next;
    mine.running = this.#pass(stream, host, () => this.#turns.get(stream) === mine).finally(() =>
      Object.assign(mine, { running: undefined, ending: false }),
    );
  }

  /** Hands a stream's pass from one holder to the next. Returns the holder. */
  #hand(pass: string, from: string, to: string): Promise<string> {
    return scripts.pass.run(this.redis, { pass }, { from, to });
  }

  /** Retries each job that is now in a stream. Never rejects. */
  async #pass(stream: string, host: string, mine: () => boolean): Promise<void> {
    const { log, priority } = this.context;
    /** Some jobs failed and later ones succeeded: the host came back meanwhile. */
    let someFailed = false;
    let cameBack = false;
    this.#forOthers.delete(stream);
    try {
      const [newest] = await this.redis.xrevrange(stream, '+', '-', 'COUNT', 1);
      let size = firstPage;
      for (let from = '-'; newest !== undefined && mine() && !this.#stopping && this.open();) {
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
        log.error({ err: error, priority, host }, 'a pass over failing jobs ended early; the next pass continues');
    }
    const turn = this.#turns.get(stream);
    if (turn === undefined || !mine()) return;
    turn.ending = true;
    const over = `${ended}${turn.holder}`;
    try {
      // A sign of life in flight may have come first.
      let holder = await this.#hand(passKey(stream), turn.holder, over);
      if (holder.startsWith(`${this.context.consumer} `)) holder = await this.#hand(passKey(stream), holder, over);
      const nowMs = performance.now();
      Object.assign(turn, {
        holder,
        sinceMs: nowMs,
        atMs: cameBack ? nowMs : nowMs + this.#delayMs + (this.#forOthers.has(stream) ? this.#yieldMs : 0),
      });
    } catch (error) {
      log.debug(
        { err: error, priority, host },
        'the end of a pass over failing jobs could not be recorded; another server will take the pass over',
      );
    }
  }

  /** Returns whether the job is finished. */
  async #try(stream: string, host: string, id: string, fields: readonly Buffer[]): Promise<boolean> {
    const place = { stream, host, id };
    let job: JobEntry;
    try {
      job = decodeJob(fields);
    } catch (error) {
      await this.attempts.giveUp(place, fields, RoostError.from(error));
      return true;
    }
    const outcome = await this.context.run(job);
    if (outcome.handBack === true) return false;
    if (outcome.unknownHere === true) this.#forOthers.add(stream);
    if (isUnchanged(job, host, outcome)) {
      this.context.count('failed', 0);
      return false;
    }
    const { state } = await this.attempts.record(place, job, outcome);
    return outcome.failures.length === 0 && state !== 'late';
  }
}

const ended = 'ended ';
