import { setTimeout as sleep } from 'node:timers/promises';
import { isRoostError, RoostError, type Log } from '../../core/index.js';
import { unknownHostText } from '../hosts/databaseHosts.js';
import type { MovesDatabase } from './movesDatabase.js';

/** A server that has been silent for this long is gone. What it had in work is done again by others, with the topology of then. */
const goneAfterMs = 5_000;
/** Servers that ended without a word are forgotten by the next one that starts after this time. */
const forgottenAfterMs = 3_600_000;
const waitForAllMs = 60_000;
const lookEveryMs = 25;

/** Where a server listens, for people and tools, and what its clock said at its last beat (`clockMs`); empty where it has not said so. */
export type ServerInfo = Readonly<Record<string, string | number>>;

export interface ServerVersion {
  readonly id: string;
  readonly info: ServerInfo;
  /** The oldest topology that the server still works with. */
  readonly version: number;
  readonly silentMs: number;
}

/** The servers of a cluster, and the topology that each works with. */
export class Servers {
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  #stopped = false;
  #announced = false;
  #info: ServerInfo = {};

  constructor(
    private readonly database: MovesDatabase,
    readonly id: string,
    /** Looks for a newer topology, then says which is the oldest in use here. */
    private readonly currentVersion: () => Promise<number>,
    /** Has jobs applied under no older topology from now on. */
    private readonly require: (version: number) => Promise<void>,
    private readonly log: Log,
    /** What else the others hear of this server, as it is at the time. */
    private readonly state: () => ServerInfo = () => ({}),
  ) {}

  /** Says from now on, every `everyMs`, that this server is there. */
  start(everyMs: number): void {
    let lastReason = '';
    const beat = async (): Promise<void> => {
      try {
        await this.#beat();
        lastReason = '';
      } catch (error) {
        const { message } = RoostError.from(error);
        if (message !== lastReason && !isRoostError(error, 'FailedPrecondition')) this.log.warn({ err: error }, 'this server could not say that it is there');
        lastReason = message;
      }
      if (!this.#stopped) this.#timer = setTimeout(run, everyMs);
    };
    const run = (): void => {
      this.#beating = beat();
    };
    run();
  }

  /** What the others will hear of this server from its next beat on. */
  describe(info: ServerInfo): void {
    this.#info = info;
  }

  /** This server, for people: `server vm:7915`. */
  get name(): string {
    return serverName(this.id, this.#info);
  }

  /** Sentences on servers whose configurations lack some of these hosts. A server of a release that does not say which hosts it knows is taken to know all. */
  async lacking(hosts: readonly string[]): Promise<string[]> {
    if (hosts.length === 0) return [];
    return (await this.list()).flatMap((server) => {
      const known = hostsOf(server);
      const missing = known === undefined ? [] : hosts.filter((host) => !known.includes(host));
      return missing.length === 0 ? [] : [unknownHostText(serverName(server.id, server.info), missing)];
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#beating;
    await this.database.host.run(`DELETE FROM ${this.database.table('servers')} WHERE id = ?`, [this.id], this.database.deadline()).catch((error: unknown) => {
      this.log.debug({ err: error }, 'this server could not say that it is gone');
    });
  }

  /** The servers that have been heard of lately. */
  async list(): Promise<ServerVersion[]> {
    await this.database.ready();
    const rows = await this.database.host.rows(
      `SELECT id, version, info, TIMESTAMPDIFF(MICROSECOND, seen_at, UTC_TIMESTAMP(3)) DIV 1000 AS silent FROM ${this.database.table('servers')} HAVING silent < ? ORDER BY id`,
      [goneAfterMs],
      this.database.deadline(),
    );
    return rows.map(([id, version, info, silent]) => ({
      id: String(id),
      version: Number(version),
      info: JSON.parse(String(info)) as ServerInfo,
      silentMs: Number(silent),
    }));
  }

  /**
   * Waits until no server works with a topology older than `version`: until then a write may go to the old leaves only. One that is gone may still be at work,
   * cut off from us alone: what it applies does not count.
   * Throws `Unavailable` where one is there and stays behind.
   */
  async allHold(version: number, signal: AbortSignal): Promise<void> {
    await this.require(version);
    const giveUpAtMs = performance.now() + waitForAllMs;
    for (;;) {
      const behind = (await this.list()).filter((server) => server.version < version);
      if (behind.length === 0) return;
      if (performance.now() > giveUpAtMs) {
        throw new RoostError('Unavailable', `server ${behind[0]!.id} still works with topology ${behind[0]!.version}, not ${version}`, { fields: { server: behind[0]!.id } });
      }
      await sleep(lookEveryMs, undefined, { signal });
    }
  }

  async #beat(): Promise<void> {
    if (!this.#announced) {
      await this.database.ready();
      await this.database.host.run(
        `DELETE FROM ${this.database.table('servers')} WHERE seen_at < TIMESTAMPADD(MICROSECOND, ?, UTC_TIMESTAMP(3))`,
        [-forgottenAfterMs * 1000],
        this.database.deadline(),
      );
      this.#announced = true;
    }
    const version = await this.currentVersion();
    await this.database.host.run(
      `REPLACE INTO ${this.database.table('servers')} (id, version, info, seen_at) VALUES (?, ?, ?, UTC_TIMESTAMP(3))`,
      [this.id, version, JSON.stringify({ ...this.#info, ...this.state(), clockMs: Date.now() })],
      this.database.deadline(),
    );
  }
}

/** A server for people: where it listens, or its number where it has not said so. */
export const serverName = (id: string, { machine, flockPort, managerPort }: ServerInfo): string => (machine === undefined ? `server ${id}` : `server ${machine}:${flockPort ?? managerPort ?? '?'}`);

/** The database hosts that a server's configuration names; undefined where it does not say. */
export const hostsOf = ({ info: { hosts } }: ServerVersion): readonly string[] | undefined => (typeof hosts === 'string' ? hosts.split('\n') : undefined);
