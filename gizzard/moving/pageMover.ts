import type { Deadline } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { ShardInfo } from '../topology/types.js';
import { comparePage } from './comparePage.js';
import type { MovableTable } from './movable.js';
import type { MoveSpec } from './moveTask.js';
import { within, type MovedPage, type HostedShard } from './pages.js';

interface ReadPage {
  readonly end: string | undefined;
  readonly rows: readonly unknown[];
}

/** Moves or compares a move's tables page by page. */
export class PageMover {
  readonly #sources: readonly HostedShard[];
  readonly #targets: readonly HostedShard[];
  /** The next page, which a copy reads while it writes. */
  #ahead: { readonly table: MovableTable; readonly after: string; readonly page: Promise<ReadPage> } | undefined;

  constructor(
    private readonly spec: MoveSpec,
    hostOf: (name: string) => Host,
  ) {
    const place = (shard: ShardInfo): HostedShard => ({ shard, host: hostOf(shard.id.hostname) });
    this.#sources = spec.sources.map(place);
    this.#targets = spec.targets.map(place);
  }

  /** One page of at most `limit` rows per shard, or of the limit at the time when it was read ahead. */
  move(table: MovableTable, after: string, limit: number, deadline: Deadline): Promise<MovedPage> {
    return this.spec.kind === 'copy'
      ? this.#copy(table, after, limit, deadline)
      : comparePage(this.spec, table, this.#sources, this.#targets, after, limit, deadline);
  }

  async #copy(table: MovableTable, after: string, limit: number, deadline: Deadline): Promise<MovedPage> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const { end, rows } = await (ahead?.table === table && ahead.after === after
      ? ahead.page
      : this.#read(table, after, limit, deadline));
    if (end !== undefined) {
      const page = this.#read(table, end, limit, deadline);
      // A failure is reported to whoever asks for the page.
      page.catch(() => undefined);
      this.#ahead = { table, after: end, page };
    }
    const copied = within(table, this.spec.range, rows);
    if (copied.length > 0)
      await Promise.all(this.#targets.map(({ host, shard }) => table.write(host, shard, copied, deadline)));
    return { end, rows: rows.length, differences: [] };
  }

  async #read(table: MovableTable, after: string, limit: number, deadline: Deadline): Promise<ReadPage> {
    const { host, shard } = this.#sources[0]!;
    const end = await table.pageEnd(host, shard, after, limit, deadline);
    return { end, rows: await table.rows(host, shard, after, end, deadline) };
  }
}
