import type { Deadline } from '../../core/index.js';
import type { RowCacheOptions } from '../../cache/index.js';

/** A row for tests. */
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

/** The rows behind a test's caches. They count the requests that reach them, and can be slow. */
export class TestRows {
  readonly rows = new Map<bigint, TestRow>();
  reads = 0;
  readKeys = 0;
  /** Awaited after a row is read and before it is returned. */
  hold: () => Promise<void> = async () => undefined;

  readonly load = async (ids: readonly bigint[], _deadline: Deadline): Promise<Map<bigint, TestRow>> => {
    this.reads++;
    this.readKeys += ids.length;
    const found = new Map(ids.flatMap((id) => (this.rows.has(id) ? [[id, this.rows.get(id)!] as const] : [])));
    await this.hold();
    return found;
  };

  /** Writes through a cache: the row with the greater version stays. */
  readonly write = async (id: bigint, row: TestRow): Promise<Map<bigint, TestRow>> => {
    const before = this.rows.get(id);
    if (before === undefined || before.version < row.version) this.rows.set(id, row);
    return new Map([[id, this.rows.get(id)!]]);
  };
}
