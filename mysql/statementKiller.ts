import type { Connection } from 'mysql2';
import { Deadline } from '../core/index.js';
import type { Log } from '../process/index.js';

/** Statements that wait to be stopped: all of a pool's, several times over. */
const mostWaiting = 1_024;

/**
 * Stops what a server does for connections that were given up; closing one is not enough for that. It has a connection of its own, made when there is something to stop, so that
 * a pool which is full of such statements does not keep them from being stopped.
 *
 * Not promised: where the server cannot be reached in time they run until its own limit of a statement's time.
 */
export class StatementKiller {
  readonly #waiting = new Set<number>();
  #running: Promise<void> | undefined;

  /** @param connect makes a connection, which errors reach by its callbacks alone */
  constructor(
    private readonly connect: () => Connection,
    private readonly timeoutMs: number,
    private readonly log: Log,
    private readonly host: string,
  ) {}

  /** @param threadId the server's number of the connection */
  kill(threadId: number): void {
    if (this.#waiting.size >= mostWaiting) return;
    this.#waiting.add(threadId);
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  /** Waits for what is being stopped. */
  async close(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    const connection = this.connect();
    // The statement that runs gets the error.
    connection.on('error', (error) => this.log.debug({ err: error, host: this.host }, 'a connection failed'));
    try {
      for (const threadId of this.#waiting) {
        this.#waiting.delete(threadId);
        await Deadline.after(this.timeoutMs).race(kill(connection, threadId), `stopping a statement on ${this.host}`);
      }
    } catch (error) {
      this.log.warn(
        { err: error, host: this.host, statements: this.#waiting.size + 1 },
        'statements for nobody could not be stopped',
      );
      this.#waiting.clear();
    } finally {
      connection.destroy();
    }
  }
}

/** A connection that is gone has ended by itself. */
const noSuchThread = 'ER_NO_SUCH_THREAD';

const kill = (connection: Connection, threadId: number): Promise<void> =>
  new Promise((resolve, reject) => {
    connection.query('KILL ?', [threadId], (error) => {
      if (error === null || error.code === noSuchThread) resolve();
      else reject(error);
    });
  });
