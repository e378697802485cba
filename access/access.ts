import { readFile, stat } from 'node:fs/promises';
import type { Gauge } from 'prom-client';
import { BackgroundLoop, limits, RoostError } from '../core/index.js';
import type { Log, Metrics } from '../process/index.js';
import { parseAccessFile, readAccessFile, type AccessRules } from './accessFile.js';
import { Credentials } from './credentials.js';
import { PortAccess } from './portAccess.js';
import type { ServiceRoles } from './roles.js';
import { Usage, type RefusalReason } from './usage.js';

/** The service that a port serves, as access to it is decided. */
export interface ServiceOfPort {
  /** The name by which grants call it. */
  readonly service: string;
  readonly roles: ServiceRoles;
  /** The name of a graph by the id that calls bring; undefined where there is none. Absent: its calls are about no graphs. */
  readonly graphName?: (id: number) => string | undefined;
}

/** Renews what it found out of its caller from the file as it is now. */
export interface Renewable {
  renew(): void;
}

/**
 * Who may call what on the ports of this process. It goes by the file of identities, which is looked at every `limits.accessLookMs`: a file that has changed and cannot be read is logged, and what was read
 * before stays in force.
 */
export class Access {
  /** Whose every method is open to everybody. */
  static readonly open = new Access();
  /** Connections to be looked at again when the file has changed. */
  readonly callers = new Set<Renewable>();
  readonly #usage = new Map<string, Usage>();
  #credentials: Credentials | undefined;
  #loop: BackgroundLoop | undefined;

  private constructor() {}

  /** Throws as `readAccessFile`. The file is looked at until `close`. */
  static fromFile(file: string, { log, metrics }: { readonly log: Log; readonly metrics: Metrics }): Access {
    const access = new Access();
    access.#use(readAccessFile(file));
    access.#show(metrics);
    access.#watch(file, log);
    return access;
  }

  /** Undefined: everybody may do everything. */
  get credentials(): Credentials | undefined {
    return this.#credentials;
  }

  port(service: ServiceOfPort): PortAccess {
    return new PortAccess(this, service);
  }

  /** Counts of callers without an identity go by the empty name. */
  usageOf(name: string): Usage {
    let usage = this.#usage.get(name);
    if (usage === undefined) this.#usage.set(name, (usage = new Usage(name)));
    return usage;
  }

  /** Open connections here, by identity. */
  get connections(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const [name, { connections }] of this.#usage) if (name !== '' && connections > 0) counts[name] = connections;
    return counts;
  }

  /** Takes in the connections of identities in the other processes of the server: their limits are of all together. */
  useElsewhere(connections: Readonly<Record<string, number>>): void {
    for (const [name, count] of Object.entries(connections)) this.usageOf(name).elsewhere = count;
  }

  async close(): Promise<void> {
    await this.#loop?.stop();
  }

  #use(rules: AccessRules): void {
    this.#credentials = new Credentials(rules, (name) => this.usageOf(name));
    for (const { settings, usage } of this.#credentials.identities.values()) usage.limit(settings);
    for (const caller of this.callers) caller.renew();
  }

  #watch(file: string, log: Log): void {
    let seen = '';
    let text: string | undefined;
    const look = async (): Promise<void> => {
      const { ino, size, mtimeMs, ctimeMs } = await stat(file);
      const mark = [ino, size, mtimeMs, ctimeMs].join(' ');
      if (mark === seen) return;
      if (size > limits.accessFileBytes)
        throw new RoostError('FailedPrecondition', `${file} has ${size} bytes, more than are read`);
      const found = await readFile(file, 'utf8');
      if (found !== text) {
        this.#use(parseAccessFile(found, file));
        if (text !== undefined) log.info({ file }, 'the access file was read anew');
        text = found;
      }
      seen = mark;
    };
    this.#loop = new BackgroundLoop(look, {
      everyMs: limits.accessLookMs,
      onError: (error, repeated) => {
        if (!repeated)
          log.error({ err: error, file }, 'the access file cannot be read; what it said before stays in force');
      },
    });
    this.#loop.start();
  }

  #show(metrics: Metrics): void {
    metrics.counter(
      'roost_access_refused_total',
      'Calls and connections that were refused for who makes them, by identity and reason',
      ['identity', 'reason'],
      (counter) => {
        counter.reset();
        for (const [identity, { refused }] of this.#usage)
          for (const [reason, count] of Object.entries(refused) as [RefusalReason, number][])
            if (count > 0) counter.inc({ identity, reason }, count);
      },
    );
    const show = (gauge: Gauge<'identity'>): void => {
      gauge.reset();
      for (const [identity, { connections }] of this.#usage) if (identity !== '') gauge.set({ identity }, connections);
    };
    metrics.gauge('roost_access_connections', 'Open connections, by identity', ['identity'], show, 'sum');
  }
}
