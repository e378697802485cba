import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import type { Deadline } from '../../core/index.js';
import type { RoostConfig } from '../../process/index.js';

/** InnoDB shows the same list again to a reader that asks within 100 ms. */
const lookEveryMs = 120;

/**
 * Stops any process that is about to record a given change in the ledger of migrations, between doing the work and
 * recording it, until the gate is opened. The names are: `2 pending` for the plan with its step 2; `2 running`, `2
 * done`, `2 undoing` and `2 undone` for the states of that step; `move queued`, `move running` and `move done` for a
 * copy.
 *
 * A trigger changes a row that the gate holds locked. The trigger is on the primary of the name server alone, and is
 * lost when that is killed.
 */
export class LedgerGate {
  #holder: Connection | undefined;
  readonly #schema: string;

  constructor(private readonly config: RoostConfig) {
    this.#schema = `${config.cluster}_nameserver`;
  }

  /** Creates the triggers. The tables of the ledger must exist. */
  async install(): Promise<void> {
    const connection = await this.#connect();
    try {
      await connection.query('CREATE TABLE gate (what VARCHAR(32) PRIMARY KEY, hits INT NOT NULL) ENGINE=InnoDB');
      const trigger = (name: string, event: string, what: string): Promise<unknown> =>
        connection.query(
          `CREATE TRIGGER gate_${name} BEFORE ${event} FOR EACH ROW UPDATE gate SET hits = hits + 1 WHERE what = ${what}`,
        );
      await trigger('plan', 'INSERT ON migration_steps', `CONCAT(NEW.step, ' pending')`);
      await trigger('step', 'UPDATE ON migration_steps', `CONCAT(NEW.step, ' ', NEW.state)`);
      await trigger('move', 'INSERT ON moves', `'move queued'`);
      // Saving a position is no new state.
      await trigger('moved', 'UPDATE ON moves', `IF(NEW.state = OLD.state, '', CONCAT('move ', NEW.state))`);
    } finally {
      await connection.end();
    }
  }

  async close(what: string): Promise<void> {
    this.#holder = await this.#connect();
    // The holder may be killed while it waits.
    this.#holder.on('error', () => undefined);
    await this.#holder.query('REPLACE INTO gate (what, hits) VALUES (?, 0)', [what]);
    await this.#holder.query('START TRANSACTION');
    await this.#holder.query('SELECT hits FROM gate WHERE what = ? FOR UPDATE', [what]);
  }

  /** Resolves to true once a process stands before the gate; false if `ended` first says that none will come. */
  async reached(ended: () => Promise<boolean>, deadline: Deadline): Promise<boolean> {
    const looker = await this.#connect();
    try {
      for (;;) {
        const [waiting] = await looker.query<RowDataPacket[]>(
          `SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE 'UPDATE gate %'`,
        );
        if (waiting.length > 0) return true;
        if (await ended()) return false;
        deadline.check('somebody who comes to the gate');
        await sleep(lookEveryMs);
      }
    } finally {
      await looker.end();
    }
  }

  /** Works even if the database that held the gate is gone. */
  async open(): Promise<void> {
    const holder = this.#holder;
    this.#holder = undefined;
    if (holder === undefined) return;
    try {
      await holder.query('DELETE FROM gate');
      await holder.query('COMMIT');
      await holder.end();
    } catch {
      holder.destroy();
    }
  }

  #connect(): Promise<Connection> {
    const { host, port, user, password } = this.config.databaseHosts[this.config.nameServer.hosts[0]!]!;
    return createConnection({ host, port, user, password, database: this.#schema });
  }
}
