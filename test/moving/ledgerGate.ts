import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import type { Deadline } from '../../core/index.js';
import type { RoostConfig } from '../../process/index.js';

/** InnoDB shows the same list again to whoever looks within 100 ms. */
const lookEveryMs = 120;

/**
 * Stops whoever is about to record one thing in the ledger of migrations, between having done it and having said so, until it is opened. What may be
 * named: `2 pending` for the plan with its step 2, `2 running`, `2 done`, `2 undoing` and `2 undone` for what becomes of that step,
 * `move queued`, `move running` and `move done` for a copy.
 *
 * A trigger changes a row that the gate holds locked. It is on the primary of the name server alone, and goes with it when that is killed.
 */
export class LedgerGate {
  #holder: Connection | undefined;
  readonly #schema: string;

  constructor(private readonly config: RoostConfig) {
    this.#schema = `${config.cluster}_nameserver`;
  }

  /** Makes the triggers. The tables of the ledger must be there. */
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
      // A position that is saved is no new state.
      await trigger('moved', 'UPDATE ON moves', `IF(NEW.state = OLD.state, '', CONCAT('move ', NEW.state))`);
    } finally {
      await connection.end();
    }
  }

  async close(what: string): Promise<void> {
    this.#holder = await this.#connect();
    // It may be killed while it waits.
    this.#holder.on('error', () => undefined);
    await this.#holder.query('REPLACE INTO gate (what, hits) VALUES (?, 0)', [what]);
    await this.#holder.query('START TRANSACTION');
    await this.#holder.query('SELECT hits FROM gate WHERE what = ? FOR UPDATE', [what]);
  }

  /** True once somebody stands before it; false where `ended` says first that nobody will come. */
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

  /** Also where the database that held it is gone. */
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
