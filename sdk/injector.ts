import { type Deadline, errorCodes, type Priority, RoostError } from '../core/index.js';
import { JobException, JobInjectorClient, priorityNumbers, type JobInjectorModule } from '../wire/index.js';
import type { ServerAddress } from './address.js';
import { ThriftConnection } from './thriftConnection.js';

/** A job for an injector. */
export interface InjectedJob {
  readonly priority: Priority;
  /** A JSON object with one key, the kind of job. */
  readonly contents: string;
}

export interface InjectOptions {
  /** The jobs come from another cluster, and must not be copied further. */
  readonly replicated?: boolean;
  readonly deadline: Deadline;
}

/** Job injectors. Each has one connection, which is kept between calls and opened again after it breaks. */
export class Injectors {
  readonly #connections = new Map<string, Promise<ThriftConnection<JobInjectorModule.Client>>>();

  /**
   * Resolves once the injector's journal has the jobs. Throws `Unavailable` or `DeadlineExceeded` if it may have
   * them, `Overloaded` if its journal is full, and the injector's own error if it refused one (`InvalidArgument` from
   * injectors other than Roost's).
   */
  async inject(
    address: ServerAddress,
    jobs: readonly InjectedJob[],
    { replicated, deadline }: InjectOptions,
  ): Promise<void> {
    let connection: ThriftConnection<JobInjectorModule.Client> | undefined;
    try {
      connection = await this.#connection(address, deadline).catch(notReached);
      await connection.call(
        (client) =>
          client.inject_jobs(
            jobs.map(({ priority, contents }) => ({
              priority: priorityNumbers.toNumber(priority),
              contents: Buffer.from(contents),
              ...(replicated === undefined ? {} : { is_replicated: replicated }),
            })),
          ),
        deadline,
      );
    } catch (error) {
      const { cause, fields } = RoostError.from(error);
      if (fields['tls'] !== undefined) notReached(error);
      if (!(cause instanceof JobException)) throw error;
      const { description, code } = cause;
      // Other injectors answer with a sentence and no code.
      const meant = errorCodes.find((known) => known === code) ?? 'InvalidArgument';
      const refused = new RoostError(meant, `the injector at ${address.host}:${address.port} said: ${description}`, {
        fields: { host: address.host, port: address.port },
      });
      if (meant !== 'Unauthenticated' && meant !== 'PermissionDenied') throw refused;
      // A new connection shows the token that the file has by then.
      if (connection !== undefined) await this.#close(address, connection);
      notReached(refused);
    }
  }

  async close(): Promise<void> {
    const open = [...this.#connections.values()];
    this.#connections.clear();
    await Promise.all(open.map(async (opening) => (await opening.catch(() => undefined))?.close()));
  }

  /** Another call may have opened a newer connection to the address: that one stays. */
  async #close(address: ServerAddress, connection: ThriftConnection<JobInjectorModule.Client>): Promise<void> {
    const key = keyOf(address);
    const newest = this.#connections.get(key);
    if ((await newest?.catch(() => undefined)) === connection && this.#connections.get(key) === newest)
      this.#connections.delete(key);
    await connection.close();
  }

  async #connection(address: ServerAddress, deadline: Deadline): Promise<ThriftConnection<JobInjectorModule.Client>> {
    const key = keyOf(address);
    const known = await this.#connections.get(key)?.catch(() => undefined);
    if (known !== undefined && !known.failed) return known;
    const opening = ThriftConnection.open(address, { Client: JobInjectorClient }, deadline);
    this.#connections.set(key, opening);
    return opening;
  }
}

const keyOf = ({ host, port }: ServerAddress): string => `${host}:${port}`;

/**
 * Throws `Unavailable` for a call that did not reach its injector, also for reasons of certificates or tokens: the
 * jobs are not at fault.
 */
function notReached(thrown: unknown): never {
  const error = RoostError.from(thrown);
  if (error.retryable) throw error;
  throw new RoostError('Unavailable', error.message, { cause: error, fields: error.fields });
}
