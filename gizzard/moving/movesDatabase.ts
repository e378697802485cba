import { Deadline } from '../../core/index.js';
import type { AttributeForms } from '../shardAttributes.js';
import type { Control } from '../control/control.js';
import type { Touch } from '../control/controlStore.js';
import type { ControlTableName } from '../control/controlTables.js';
import type { DatabaseHost, SqlSession } from '../../mysql/index.js';

const operationDeadlineMs = 10_000;

/** The control tables of what moves data: what is being moved, and the ledger of migrations. */
export class MovesDatabase {
  constructor(
    readonly control: Control,
    /** Names the attributes of the shards that are stored here. */
    readonly forms: AttributeForms,
  ) {}

  /** The primary's host: leases are its alone. */
  get host(): DatabaseHost {
    return this.control.host;
  }

  table(name: ControlTableName): string {
    return this.control.table(name);
  }

  /** Time for one operation. */
  deadline(): Deadline {
    return Deadline.after(operationDeadlineMs);
  }

  /** Makes the tables where they are missing; looks only once. The name server's database must be there. */
  ready(): Promise<void> {
    return this.control.ready();
  }

  /** See `Control.read`. */
  read<T>(work: (host: DatabaseHost) => Promise<T>): Promise<T> {
    return this.control.read(work);
  }

  /** See `Control.change`. */
  change<T>(work: (session: SqlSession, touch: Touch) => Promise<T>): Promise<T> {
    return this.control.change(this.deadline(), work);
  }
}

/** Texts of people's making, cut to what a column holds. */
export const cut = (text: string): string => text.slice(0, 2_000);
