import { setTimeout as sleep } from 'node:timers/promises';
import { BackgroundLoop, Deadline, isRoostError, RoostError } from '../../core/index.js';
import type { Control } from '../control/control.js';
import type { ControlStore } from '../control/controlStore.js';
import { settled } from '../control/settled.js';
import type { Log } from '../../process/index.js';
import { unknownHostText } from '../hosts.js';

/** A server silent for this long is gone. Others redo its work, under the topology of that time. */
const goneAfterMs = 5_000;
/** Servers that ended without notice are forgotten by the next one that starts after this time. */
const forgottenAfterMs = 3_600_000;
const waitForAllMs = 60_000;
const lookEveryMs = 25;
/** How long to wait for a host that hangs. */
const askDeadlineMs = 2_000;

/** One replica's answer. */
type Answer<T> =
  { readonly store: ControlStore; readonly value: T } | { readonly store: ControlStore; readonly error: RoostError };

/**
 * Where a server listens, for people and tools, and its clock at its last beat (`clockMs`); empty if it has not
 * reported.
 */
export type ServerDescription = Readonly<Record<string, string | number>>;

export interface ServerVersion {
  readonly id: string;
  readonly info: ServerDescription;
  /** The oldest topology that the server still works with. */
  readonly version: number;
  readonly silentMs: number;
}

/**
 * The servers of a cluster, and the topology that each works with. A server reports to every replica of the name
 * server's database, and is present as long as a majority hears it; whoever waits for all servers asks a majority.
 * Two majorities share a replica, so that no present server is missed.
 */
export class Servers {
  #beating: BackgroundLoop | undefined;
  readonly #announced = new Set<ControlStore>();
  readonly #telling = new Set<ControlStore>();
  #info: ServerDescription = {};

  constructor(
    private readonly control: Control,
    readonly id: string,
    /** Checks for a newer topology, then returns the oldest in use here. */
    private readonly currentVersion: () => Promise<number>,
    /** Requires that jobs be applied under no older topology from now on. */
    private readonly require: (version: number) => Promise<void>,
    private readonly log: Log,
    /** Further state to report, as of the time of the report. */
    private readonly state: () => ServerDescription = () => ({}),
  ) {}

  /** Starts reporting this server every `everyMs`. */
  start(everyMs: number): void {
    this.#beating ??= new BackgroundLoop(() => this.#beat(), {
      everyMs,
      onError: (error, repeated) => {
        if (!repeated && !isRoostError(error, 'FailedPrecondition'))
          this.log.warn({ err: error }, 'this server could not send its sign of life');
      },
    });
    this.#beating.start();
  }

  /** Adds to the report, from the next beat on. */
  describe(info: ServerDescription): void {
    this.#info = info;
  }

  /** This server, for people: `server vm:7920`. */
  get name(): string {
    return serverName(this.id, this.#info);
  }

  /**
   * Sentences about servers whose configurations lack some of these hosts. A server of a release that does not report
   * its hosts counts as knowing all.
   */
  async lacking(hosts: readonly string[]): Promise<string[]> {
    if (hosts.length === 0) return [];
    return (await this.#list(this.control.majority)).flatMap((server) => {
      const known = hostsOf(server);
      const missing = known === undefined ? [] : hosts.filter((host) => !known.includes(host));
      return missing.length === 0 ? [] : [unknownHostText(serverName(server.id, server.info), missing)];
    });
  }

  async stop(): Promise<void> {
    await this.#beating?.stop();
    const gone = await Promise.all(
      this.#ask((store, deadline) =>
        store.host.run(`DELETE FROM ${store.table('servers')} WHERE id = ?`, [this.id], deadline),
      ),
    );
    for (const answer of gone)
      if ('error' in answer)
        this.log.debug(
          { err: answer.error, host: answer.store.host.name },
          'this server could not remove its sign of life',
        );
  }

  /** The servers heard of recently, as far as replicas answer. */
  list(): Promise<ServerVersion[]> {
    return this.#list(1);
  }

  /** Servers that reported within the last hour, then fell silent without saying that they end. */
  async silent(): Promise<ServerVersion[]> {
    return (await this.#list(1, forgottenAfterMs)).filter(({ silentMs }) => silentMs >= goneAfterMs);
  }

  /**
   * Waits until no server works with a topology older than `version`: until then a write may reach only the old
   * leaves. A server that seems gone may still work, cut off from us alone: what it applies does not count. Throws
   * `Unavailable` if a present server stays behind.
   */
  async allHold(version: number, signal: AbortSignal): Promise<void> {
    await this.require(version);
    const giveUpAtMs = performance.now() + waitForAllMs;
    for (;;) {
      const behind = (await this.#list(this.control.majority)).filter((server) => server.version < version);
      if (behind.length === 0) return;
      if (performance.now() > giveUpAtMs) {
        throw new RoostError(
          'Unavailable',
          `server ${behind[0]!.id} still works with topology ${behind[0]!.version}, not ${version}`,
          { fields: { server: behind[0]!.id } },
        );
      }
      await sleep(lookEveryMs, undefined, { signal });
    }
  }

  async #list(least: number, silentForMs = goneAfterMs): Promise<ServerVersion[]> {
    const sql = (store: ControlStore): string =>
      `SELECT id, version, info, TIMESTAMPDIFF(MICROSECOND, seen_at, UTC_TIMESTAMP(3)) DIV 1000 AS silent FROM ${store.table('servers')} HAVING silent < ?`;
    // Servers of earlier releases report to the primary alone.
    const answers = await settled(
      this.#ask((store, deadline) => store.host.rows(sql(store), [silentForMs], deadline)),
      (seen) =>
        valuesOf(seen).length >= this.control.majority && seen.some(({ store }) => store.host === this.control.host),
    );
    if (valuesOf(answers).length < least) throw errorOf(answers);
    const servers = new Map<string, ServerVersion>();
    for (const [id, version, info, silent] of valuesOf(answers).flat()) {
      const server = {
        id: String(id),
        version: Number(version),
        info: JSON.parse(String(info)) as ServerDescription,
        silentMs: Number(silent),
      };
      const known = servers.get(server.id);
      if (known === undefined || server.silentMs < known.silentMs) servers.set(server.id, server);
    }
    return [...servers.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async #beat(): Promise<void> {
    const version = await this.currentVersion();
    const info = JSON.stringify({ ...this.#info, ...this.state(), clockMs: Date.now() });
    const told = await settled(
      this.#ask((store, deadline) => this.#tell(store, version, info, deadline)),
      (seen) => valuesOf(seen).length >= this.control.majority,
    );
    if (valuesOf(told).length < this.control.majority) throw errorOf(told);
  }

  async #tell(store: ControlStore, version: number, info: string, deadline: Deadline): Promise<void> {
    // An older report must not follow a newer one.
    if (this.#telling.has(store))
      throw new RoostError('Unavailable', `${store.host.name} has not yet stored the previous sign of life`, {
        fields: { host: store.host.name },
      });
    this.#telling.add(store);
    try {
      if (!this.#announced.has(store)) {
        await store.host.run(
          `DELETE FROM ${store.table('servers')} WHERE seen_at < TIMESTAMPADD(MICROSECOND, ?, UTC_TIMESTAMP(3))`,
          [-forgottenAfterMs * 1000],
          deadline,
        );
        this.#announced.add(store);
      }
      await store.host.run(
        `REPLACE INTO ${store.table('servers')} (id, version, info, seen_at) VALUES (?, ?, ?, UTC_TIMESTAMP(3))`,
        [this.id, version, info],
        deadline,
      );
    } finally {
      this.#telling.delete(store);
    }
  }

  /** Asks every replica. The answers never fail. */
  #ask<T>(ask: (store: ControlStore, deadline: Deadline) => Promise<T>): Promise<Answer<T>>[] {
    return this.control.stores.map(async (store) => {
      const deadline = Deadline.after(askDeadlineMs);
      const work = store.ready(deadline).then(() => ask(store, deadline));
      return deadline.race(work, `asking ${store.host.name} for the servers`).then(
        (value) => ({ store, value }),
        (error: unknown) => ({ store, error: RoostError.from(error) }),
      );
    });
  }
}

/** A server for people: where its manager listens, and which of several processes it is; its number where it has not said so. */
export function serverName(id: string, { machine, pid, processes, managerPort }: ServerDescription): string {
  if (machine === undefined) return `server ${id}`;
  const listener = `server ${machine}:${managerPort ?? '?'}`;
  return processes === undefined ? listener : `${listener} (process ${pid})`;
}

/** The database hosts in a server's configuration; undefined if it does not report them. */
export const hostsOf = ({ info: { hosts } }: ServerVersion): readonly string[] | undefined =>
  typeof hosts === 'string' ? hosts.split('\n') : undefined;

const valuesOf = <T>(answers: readonly Answer<T>[]): T[] =>
  answers.flatMap((answer) => ('value' in answer ? [answer.value] : []));

function errorOf(answers: readonly Answer<unknown>[]): RoostError {
  const [first] = answers.flatMap((answer) => ('error' in answer ? [answer.error] : []));
  if (answers.length === 1) return first!;
  return new RoostError(
    'Unavailable',
    `too few replicas of the name server answer to list the servers: ${first?.message}`,
    { cause: first },
  );
}
