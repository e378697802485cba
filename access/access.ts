import { readFile, stat } from 'node:fs/promises';
import type { Gauge } from 'prom-client';
import { BackgroundLoop, limits, RoostError } from '../core/index.js';
import type { Log, Metrics } from '../process/index.js';
import { parseAccessFile, readAccessFile, type AccessRules } from './accessFile.js';
import { Credentials } from './credentials.js';
import { PortAccess } from './portAccess.js';
import type { ServiceRoles } from './roles.js';
import { Usage, type RefusalReason } from './usage.js';

/** A port's service, for decisions about access. */
export interface ServiceOfPort {
  /** Its name in grants. */
  readonly service: string;
  readonly roles: ServiceRoles;
  /** A graph's name by the id in calls; undefined if there is none. Absent: the calls concern no graphs. */
  readonly graphName?: (id: number) => string | undefined;
}

/** Renews its knowledge of its caller from the present file. */
export interface Renewable {
  renew(): void;
}

/**
 * The access rules of this process's ports. They follow the file of identities, which is checked every
 * `limits.accessLookMs`: a changed file that cannot be read is logged, and the previous rules stay in force.
 */
export class Access {
  /** Access rules that let everybody call everything. */
  static readonly open = new Access();
  /** Connections to check again when the file has changed. */
  readonly callers = new Set<Renewable>();
  readonly #usage = new Map<string, Usage>();
  #credentials: Credentials | undefined;
  #loop: BackgroundLoop | undefined;

  private constructor() {}

  /** Throws as `readAccessFile`. The file is checked until `close`. */
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

  /** Callers without an identity are counted under the empty name. */
  usageOf(name: string): Usage {
    let usage = this.#usage.get(name);
    if (usage === undefined) this.#usage.set(name, (usage = new Usage(name)));
    return usage;
  }

  /** Open connections in this process, by identity. */
  get connections(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const [name, { connections }] of this.#usage) if (name !== '' && connections > 0) counts[name] = connections;
    return counts;
  }

  /** Takes in the identities' connections in other processes of the server: their limits hold for all together. */
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
        if (text !== undefined) log.info({ file }, 'the access file was reloaded');
        text = found;
      }
      seen = mark;
    };
    this.#loop = new BackgroundLoop(look, {
      everyMs: limits.accessLookMs,
      onError: (error, repeated) => {
        if (!repeated)
          log.error({ err: error, file }, 'the access file cannot be read; its last content stays in force');
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
