import type { Deadline } from '../../core/index.js';
import type { RowCacheOptions } from '../../cache/index.js';

/** A row as tests have it. */
export interface TestRow {
  readonly version: bigint;
  readonly text: string;
}

/** The codec and the merge of test rows: the greater version wins. */
export const testRowForm: Pick<RowCacheOptions<bigint, TestRow>, 'codec' | 'merge'> = {
  codec: {
    format: 1,
    encode({ version, text }) {
      const body = Buffer.allocUnsafe(8 + Buffer.byteLength(text));
      body.writeBigInt64LE(version);
      body.write(text, 8);
      return body;
    },
    decode: (body, front) =>
      front.length > 0 ? undefined : { version: body.readBigInt64LE(0), text: body.toString('utf8', 8) },
  },
  merge: (a, b) => (b.version > a.version ? b : a),
};

/** Rows that a test's caches stand in front of: they count what is asked of them, and can be slow. */
export class TestRows {
  readonly rows = new Map<bigint, TestRow>();
  reads = 0;
  readKeys = 0;
  /** Awaited after a row was read and before it is given. */
  hold: () => Promise<void> = async () => undefined;

  readonly load = async (ids: readonly bigint[], _deadline: Deadline): Promise<Map<bigint, TestRow>> => {
    this.reads++;
    this.readKeys += ids.length;
    const found = new Map(ids.flatMap((id) => (this.rows.has(id) ? [[id, this.rows.get(id)!] as const] : [])));
    await this.hold();
    return found;
  };

  /** What a write through a cache does: the row with the greater version stays. */
  readonly write = async (id: bigint, row: TestRow): Promise<Map<bigint, TestRow>> => {
    const before = this.rows.get(id);
    if (before === undefined || before.version < row.version) this.rows.set(id, row);
    return new Map([[id, this.rows.get(id)!]]);
  };
}
