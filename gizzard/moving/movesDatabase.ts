import { Deadline } from '../../core/index.js';
import type { AttributeForms } from '../shardAttributes.js';
import type { Control } from '../control/control.js';
import type { Touch } from '../control/controlStore.js';
import type { ControlTableName } from '../control/controlTables.js';
import type { DatabaseHost, SqlSession } from '../../mysql/index.js';

const operationDeadlineMs = 10_000;

/** The control tables of moves and migrations. */
export class MovesDatabase {
  constructor(
    readonly control: Control,
    /** Names the attributes of stored shards. */
    readonly forms: AttributeForms,
  ) {}

  /** The primary's host, which alone grants leases. */
  get host(): DatabaseHost {
    return this.control.host;
  }

  table(name: ControlTableName): string {
    return this.control.table(name);
  }

  /** The deadline of one operation. */
  deadline(): Deadline {
    return Deadline.after(operationDeadlineMs);
  }

  /** Creates missing tables; looks only once. The name server's database must exist. */
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

/** Free text, cut to what a column holds. */
export const cut = (text: string): string => text.slice(0, 2_000);
