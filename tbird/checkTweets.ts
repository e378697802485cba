import { lookUntilSure, type Suspected } from '../cluster/index.js';
import { Deadline, limits } from '../core/index.js';
import { recountJobs, type Edge } from '../flock/index.js';
import {
  differingRows,
  shardKey,
  type Difference,
  type MovableTable,
  type NewJob,
  type Route,
  type ShardInfo,
  type StraysReport,
} from '../gizzard/index.js';
import type { DatabaseHost } from '../mysql/index.js';
import { tweetsMoves } from './storage/tweetMoves.js';
import type { Tbird } from './tbird.js';
import { edgesOf, IndexWrites, type IndexEdge, type TweetGraphs } from './tweetIndex.js';
import { kindStates } from './tweetKind.js';
import { deleted, type TweetRecord } from './tweetRecord.js';

const pageRows = 2_000;
const pageDeadlineMs = 30_000;
/** Rows named for each table with differing replicas. */
const namedRows = 10;

export interface TweetCheckOptions {
  /** Repair the faults. */
  readonly repair?: boolean;
  readonly signal?: AbortSignal;
  /** Called after each page with the rows and edges checked so far. */
  readonly onProgress?: (checked: { readonly tweets: number; readonly edges: number }) => void;
}

/** A difference between the index and the tweets. */
export interface TweetFault {
  readonly id: bigint;
  /** The edge's graph and source: the author, or the tweet that is replied to or retweeted. */
  readonly graphId: number;
  readonly sourceId: bigint;
  /** States of the edge; `none` for no edge. */
  readonly found: string;
  readonly expected: string;
}

/** A table of tweets with differing replicas. */
export interface DifferingCopies {
  readonly shards: readonly string[];
  /** The first differing rows. */
  readonly differences: readonly Difference[];
}

export interface TweetCheckReport {
  readonly tweets: number;
  readonly edges: number;
  readonly faults: readonly TweetFault[];
  /** Not repaired here: a repair of the shards does it. */
  readonly copies: readonly DifferingCopies[];
  /** Rows in tables that their ids do not lead to. Not repaired here: `roost shard strays --fix` moves them. */
  readonly strays: StraysReport;
  /** Differences that failed jobs, which are still to be retried, may explain. Not repaired. */
  readonly uncertain: number;
  readonly repaired: number;
}

interface Suspect extends TweetFault, Suspected<bigint> {
  readonly edge: IndexEdge;
  /** The expected state of the edge; undefined: removed. */
  readonly record: TweetRecord | undefined;
  readonly foundEdge: Edge | undefined;
}

/**
 * Proves that each tweet is in its indexes and that each index entry belongs to a tweet, and repairs differences. The
 * tweets' rows decide; their replicas are compared. Works page by page during writes: a difference is rechecked until
 * the journal has had time.
 */
export async function checkTweets(tbird: Tbird, options: TweetCheckOptions = {}): Promise<TweetCheckReport> {
  return new TweetCheck(tbird, options).run();
}

class TweetCheck {
  #tweets = 0;
  #edges = 0;
  #uncertain = 0;
  #repaired = 0;
  readonly #faults: TweetFault[] = [];
  readonly #copies: DifferingCopies[] = [];
  readonly #graphs: TweetGraphs;

  constructor(
    private readonly tbird: Tbird,
    private readonly options: TweetCheckOptions,
  ) {
    this.#graphs = tbird.graphs();
  }

  async run(): Promise<TweetCheckReport> {
    const { gizzard, windowSet } = this.tbird;
    for (const { firstId } of await windowSet.stored()) {
      const window = (await windowSet.stored()).find((one) => one.firstId === firstId);
      for (const { baseId } of window?.stripes ?? []) {
        const route = gizzard.topology.route(this.tbird.tableId, baseId);
        await this.#compareCopies(route);
        await this.#pages(route, tweetsMoves(this.tbird.tables), async (rows) => {
          this.#tweets += rows.length;
          await this.#settle(
            rows
              .map(({ record }) => record)
              .filter(({ written }) => written !== undefined)
              .map(({ id }) => id),
          );
        });
      }
    }
    const leaves = await gizzard.strays.leavesOf([this.tbird.tableId]);
    const strays = await gizzard.strays.examine(
      leaves.map(({ id }) => id),
      this.options.signal === undefined ? {} : { signal: this.options.signal },
    );
    const { windowMs } = await windowSet.policy();
    // Entries of a dropped window stay, in case it is brought back.
    const isDropped = (id: bigint): boolean =>
      windowSet.route(id, windowMs) === undefined && !windowSet.mayBeMade(id, windowMs);
    for (const graphId of Object.values(this.#graphs) as number[]) {
      const pages = this.tbird.flock.scanEdges(graphId, limits.pageSize, { deadlineMs: pageDeadlineMs });
      for await (const edges of pages) {
        this.options.signal?.throwIfAborted();
        this.#edges += edges.length;
        await this.#settleEntries(
          edges
            .filter(({ state, destinationId }) => state !== 'removed' && !isDropped(destinationId))
            .map(({ sourceId, destinationId }) => ({ graphId, sourceId, id: destinationId })),
        );
        this.#progress();
      }
    }
    return {
      tweets: this.#tweets,
      edges: this.#edges,
      faults: this.#faults,
      copies: this.#copies,
      strays,
      uncertain: this.#uncertain,
      repaired: this.#repaired,
    };
  }

  async #compareCopies({ leaves }: Route): Promise<void> {
    const { gizzard } = this.tbird;
    const replicas = leaves
      .filter(({ read, write }) => read === 'allow' && write === 'allow')
      .map(({ shard }) => shard);
    if (replicas.length < 2) return;
    const differences = await differingRows(
      tweetsMoves(this.tbird.tables),
      replicas,
      (name) => gizzard.mysql.host(name),
      namedRows,
      this.options.signal,
    );
    if (differences.length > 0)
      this.#copies.push({
        shards: replicas.map(({ id }) => shardKey(id)),
        differences: differences.slice(0, namedRows),
      });
  }

  async #pages<Row>(
    route: Route,
    table: MovableTable<Row, DatabaseHost>,
    each: (rows: Row[]) => Promise<void>,
  ): Promise<void> {
    const read = <T>(work: (host: DatabaseHost, shard: ShardInfo, deadline: Deadline) => Promise<T>): Promise<T> =>
      this.tbird.gizzard.read(route, Deadline.after(pageDeadlineMs), (host: DatabaseHost, leaf, deadline) =>
        work(host, leaf.shard, deadline),
      );
    let after: string | undefined = '';
    while (after !== undefined) {
      this.options.signal?.throwIfAborted();
      const from: string = after;
      const { end, rows }: { end: string | undefined; rows: Row[] } = await read(async (host, shard, deadline) => {
        const last = await table.pageEnd(host, shard, from, pageRows, deadline);
        return { end: last, rows: await table.rows(host, shard, from, last, deadline) };
      });
      if (rows.length > 0) await each(rows);
      this.#progress();
      after = end;
    }
  }

  #progress(): void {
    this.options.onProgress?.({ tweets: this.#tweets, edges: this.#edges });
  }

  /** Checks tweets with edges that differ from their rows. */
  async #settle(ids: readonly bigint[]): Promise<void> {
    await this.#untilSure(ids, async (left) => {
      const records = await this.tbird.records(left, Deadline.after(pageDeadlineMs));
      const wanted = [...records.values()].flatMap((record) =>
        edgesOf(record.written!.content, this.#graphs).map((edge) => ({ edge, record })),
      );
      const found = await this.#edgesAt(
        wanted.map(({ edge, record }) => ({ graphId: edge.graphId, sourceId: edge.sourceId, id: record.id })),
      );
      return wanted.flatMap(({ edge, record }, i): Suspect[] => {
        const there = found[i]?.state ?? 'none';
        const expected = record.state === deleted ? 'removed' : kindStates[edge.kind];
        // A missing edge is as invisible as a removed one.
        if (there === expected || (expected === 'removed' && there === 'none')) return [];
        return [
          {
            of: record.id,
            name: `${edge.graphId} ${edge.sourceId} ${record.id}`,
            id: record.id,
            graphId: edge.graphId,
            sourceId: edge.sourceId,
            found: there,
            expected,
            edge,
            record,
            foundEdge: found[i],
          },
        ];
      });
    });
  }

  /** Checks index entries without a tweet. */
  async #settleEntries(
    entries: readonly { readonly graphId: number; readonly sourceId: bigint; readonly id: bigint }[],
  ): Promise<void> {
    const sources = new Map(entries.map((entry) => [entry.id, [] as bigint[]]));
    for (const { id, sourceId } of entries) sources.get(id)!.push(sourceId);
    const graphId = entries[0]?.graphId;
    await this.#untilSure([...sources.keys()], async (left) => {
      const records = await this.tbird.records(left, Deadline.after(pageDeadlineMs));
      const looked = left.flatMap((id) => sources.get(id)!.map((sourceId) => ({ graphId: graphId!, sourceId, id })));
      const strays = looked.filter(({ id, sourceId }) => {
        const record = records.get(id);
        const edges =
          record?.written === undefined || record.state === deleted
            ? []
            : edgesOf(record.written.content, this.#graphs);
        return !edges.some((edge) => edge.graphId === graphId && edge.sourceId === sourceId);
      });
      const found = await this.#edgesAt(strays);
      return strays.flatMap((stray, i): Suspect[] => {
        const there = found[i]?.state ?? 'none';
        if (there === 'none' || there === 'removed') return [];
        return [
          {
            ...stray,
            of: stray.id,
            name: `${stray.graphId} ${stray.sourceId} ${stray.id}`,
            found: there,
            expected: 'none',
            edge: { ...stray, kind: 'original' },
            record: undefined,
            foundEdge: found[i],
          },
        ];
      });
    });
  }

  async #edgesAt(
    entries: readonly { readonly graphId: number; readonly sourceId: bigint; readonly id: bigint }[],
  ): Promise<(Edge | undefined)[]> {
    const found = new Array<Edge | undefined>(entries.length);
    for (const graphId of new Set(entries.map((entry) => entry.graphId))) {
      const places = [...entries.keys()].filter((i) => entries[i]!.graphId === graphId);
      const column = (value: (entry: (typeof entries)[number]) => bigint): BigInt64Array =>
        BigInt64Array.from(places, (i) => value(entries[i]!));
      const edges = await this.tbird.flock.edges(
        graphId,
        column(({ sourceId }) => sourceId),
        column(({ id }) => id),
        { deadlineMs: pageDeadlineMs },
      );
      for (const [at, place] of places.entries()) found[place] = edges[at];
    }
    return found;
  }

  async #untilSure(ids: readonly bigint[], look: (ids: readonly bigint[]) => Promise<Suspect[]>): Promise<void> {
    const { faults, uncertain } = await lookUntilSure(this.tbird.gizzard, ids, look, this.options);
    if (uncertain) {
      this.#uncertain += faults.length;
      return;
    }
    this.#faults.push(
      ...faults.map(({ id, graphId, sourceId, found, expected }) => ({ id, graphId, sourceId, found, expected })),
    );
    if (this.options.repair === true && faults.length > 0) await this.#repair(faults);
  }

  async #repair(suspects: readonly Suspect[]): Promise<void> {
    const index = new IndexWrites(this.#graphs);
    for (const { id, edge, record, foundEdge } of suspects) {
      const wanted = record?.stateAt ?? 0n;
      // Later than the edge, if the edge is as late as the row.
      const time = foundEdge !== undefined && foundEdge.updatedAt >= wanted ? foundEdge.updatedAt + 1n : wanted;
      index.put(edge, id, record === undefined || record.state === deleted, time);
    }
    const append = (jobs: readonly NewJob[]): Promise<void> =>
      this.tbird.gizzard.jobs.append(jobs, {
        priority: 'low',
        waitUntilApplied: true,
        deadline: Deadline.after(pageDeadlineMs),
      });
    await append(index.jobs());
    // Whatever removed or changed a row has not updated the counters.
    const graphs = [...new Set(suspects.map(({ graphId }) => graphId))];
    await append(
      graphs.flatMap((graphId) =>
        recountJobs(
          graphId,
          suspects
            .filter((suspect) => suspect.graphId === graphId)
            .map(({ sourceId, id }) => ({ sourceId, destinationId: id })),
        ),
      ),
    );
    this.#repaired += suspects.length;
  }
}
