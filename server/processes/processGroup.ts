import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { Backoff, RoostError } from '../../core/index.js';
import type { Log, Metrics } from '../../process/index.js';
import type { ConnectionHandout } from './connectionHandout.js';
import { Member } from './member.js';
import { SummedMetrics } from './mergeMetrics.js';
import type { ConnectionCounts, MetricJson, Ports, ProcessState } from './messages.js';
import { processEnvironment } from './parentLink.js';

export interface ProcessGroupOptions {
  readonly count: number;
  /** Module and arguments of each process. */
  readonly command: readonly [module: string, ...args: string[]];
  readonly environment: NodeJS.ProcessEnv;
  readonly handout: ConnectionHandout;
  /** Ports that the processes know of, and take no connections from. */
  readonly otherPorts?: Ports;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** The state of one process, as the admin pages show it. */
export interface MemberState extends ProcessState {
  readonly pid: number;
}

const startDeadlineMs = 60_000;
/** Time for a process to finish its requests and to hand back its jobs. */
const stopGraceMs = 30_000;
const [firstRestartMs, lastRestartMs] = [100, 30_000];
/** After this lifetime a process counts as healthy: the next restart has no backoff. */
const wellAfterMs = 60_000;

/** A place of the group, filled by one process at a time. */
interface Place {
  member: Member | undefined;
  readonly backoff: Backoff;
}

/**
 * The parent's side of processes that serve the same ports: starts them, restarts those that end, and replaces them
 * one after the other.
 */
export class ProcessGroup {
  readonly #places: readonly Place[];
  /** All running processes, including those that are shutting down. */
  readonly #members = new Set<Member>();
  /** Consumer names of ended processes whose jobs no other process has taken over yet. */
  readonly #gone: string[] = [];
  readonly #summed = new SummedMetrics<Member>();
  readonly #stopping = new AbortController();
  #replacing: Promise<void> | undefined;

  constructor(private readonly options: ProcessGroupOptions) {
    this.#places = Array.from({ length: options.count }, () => ({
      member: undefined,
      backoff: new Backoff(firstRestartMs, lastRestartMs),
    }));
    const { metrics } = options;
    metrics.gauge('roost_processes', 'Processes of this server that take requests', [], (gauge) =>
      gauge.set(this.#ready.length),
    );
    this.#ended = metrics.counter(
      'roost_processes_ended_total',
      'Processes of this server that ended unasked, and were started again',
    );
  }
  readonly #ended;

  /**
   * Starts the first process alone, then the others. Throws `Unavailable` with the field `exitCode` if the first one does
   * not start; it has logged the reason itself.
   */
  async start(): Promise<void> {
    const [first, ...others] = this.#places;
    await this.#fill(first!);
    await Promise.all(
      others.map((place) => this.#fill(place).catch((error: unknown) => this.#startAgain(place, error))),
    );
  }

  /**
   * Replaces all processes, one after the other: each ends once its successor takes requests. If a new process does not
   * start, its predecessor and all further processes stay.
   */
  replaceAll(): Promise<void> {
    return (this.#replacing ??= this.#replaceAll().finally(() => (this.#replacing = undefined)));
  }

  /** Ends all processes once their requests are answered. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(Array.from(this.#members, (member) => this.#end(member)));
  }

  /** The sum of all processes' metrics and the parent's own. */
  async metrics(): Promise<Registry> {
    await Promise.all(
      this.#ready.map(async (member) => {
        try {
          this.#summed.heard(member, await member.ask('metrics'));
        } catch {
          // The process is busy or shutting down: its last known metrics count.
        }
      }),
    );
    const own = (await this.options.metrics.registry.getMetricsAsJSON()) as unknown as MetricJson[];
    return this.#summed.sum(own);
  }

  /** The state of each process that takes requests. One that does not answer is shown as not ready. */
  states(): Promise<MemberState[]> {
    return Promise.all(
      this.#ready.map(async (member) => {
        try {
          return { pid: member.pid, ...(await member.ask('state')) };
        } catch (error) {
          const notReady = `it does not answer: ${RoostError.from(error).message}`;
          return { pid: member.pid, info: {}, notReady, notes: [] };
        }
      }),
    );
  }

  get #ready(): Member[] {
    return [...this.#members].filter(({ state }) => state === 'ready');
  }

  /** Starts a new process in a place, and ends the one before it. Throws as `Member.started`. */
  async #fill(place: Place): Promise<void> {
    const member = this.#fork();
    try {
      await member.started(startDeadlineMs);
    } catch (error) {
      member.kill();
      throw error;
    }
    const before = place.member;
    place.member = member;
    void this.#watch(place, member);
    if (before !== undefined) await this.#end(before);
  }

  #fork(): Member {
    const { command, environment, handout, count, otherPorts } = this.options;
    const [module, ...args] = command;
    const child = fork(module, args, {
      env: processEnvironment(environment),
      serialization: 'advanced',
      // Only the parent reports on stdout that the server is up.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const member = new Member(child, { processes: count, ports: { ...otherPorts, ...handout.ports } }, (told) => {
      switch (told.kind) {
        case 'ready':
          handout.add(child);
          return this.#handOver();
        case 'leaving':
          return handout.leave(child);
        case 'taken':
          return handout.taken(child);
        case 'refused':
          return handout.refused(child);
        case 'closed':
          return handout.closed(child, told.port);
        case 'connections':
          return this.#tellConnections();
        case 'reloadOthers':
          return void this.#reloadOthers(member, told.id);
        case 'lastMetrics':
          return this.#summed.heard(member, told.metrics);
      }
    });
    this.#members.add(member);
    void member.ended.then(async () => {
      handout.ended(child);
      this.#members.delete(member);
      if (member.worker !== undefined) this.#gone.push(member.worker);
      this.#handOver();
      this.#tellConnections();
      await this.#summed.forget(member);
    });
    return member;
  }

  /** Restarts the place's process if this one ends unasked. */
  async #watch(place: Place, member: Member): Promise<void> {
    const how = await member.ended;
    if (place.member !== member || member.asked || this.#stopping.signal.aborted) return;
    if (member.livedMs > wellAfterMs) place.backoff.reset();
    this.#ended.inc();
    await this.#startAgain(place, new RoostError('Unavailable', how));
  }

  async #startAgain(place: Place, error: unknown): Promise<void> {
    for (let why = error; !this.#stopping.signal.aborted;) {
      const inMs = place.backoff.next();
      this.options.log.error({ err: RoostError.from(why), inMs }, 'a process of this server ended; another is started');
      try {
        await sleep(inMs, undefined, { signal: this.#stopping.signal });
      } catch {
        return;
      }
      // A replacement may have taken the place meanwhile.
      if (place.member !== undefined && place.member.state !== 'ended') return;
      try {
        return await this.#fill(place);
      } catch (again) {
        why = again;
      }
    }
  }

  async #replaceAll(): Promise<void> {
    const { log } = this.options;
    log.info(
      { processes: this.#places.length },
      'the processes of this server are being replaced, one after the other',
    );
    for (const place of this.#places) {
      if (this.#stopping.signal.aborted) return;
      try {
        await this.#fill(place);
      } catch (error) {
        log.error({ err: RoostError.from(error) }, 'a new process of this server did not start; the running ones stay');
        return;
      }
    }
    log.info('the processes of this server were replaced');
  }

  /** Makes one process take over the jobs of ended processes, since callers may wait for these jobs. */
  #handOver(): void {
    const [heir] = this.#ready;
    if (heir === undefined) return;
    for (const worker of this.#gone.splice(0)) heir.tell({ kind: 'gone', worker });
  }

  async #end(member: Member): Promise<void> {
    this.options.handout.leave(member.child);
    await member.end(stopGraceMs);
  }

  async #reloadOthers(asking: Member, id: number): Promise<void> {
    const others = this.#ready.filter((member) => member !== asking);
    const failed = (await Promise.allSettled(others.map((member) => member.ask('reload')))).find(
      ({ status }) => status === 'rejected',
    );
    const error = failed === undefined ? undefined : 'another process of this server could not reload';
    asking.tell({ kind: 'reloaded', id, error });
  }

  /** Tells each process the connections of the others. */
  #tellConnections(): void {
    const total = new Map<string, number>();
    for (const { connections } of this.#members)
      for (const [identity, count] of Object.entries(connections))
        total.set(identity, (total.get(identity) ?? 0) + count);
    for (const member of this.#members) {
      const elsewhere: Record<string, number> = {};
      for (const [identity, count] of total) elsewhere[identity] = count - (member.connections[identity] ?? 0);
      member.tell({ kind: 'elsewhere', connections: elsewhere satisfies ConnectionCounts });
    }
  }
}
