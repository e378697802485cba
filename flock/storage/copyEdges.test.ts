import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import type { ShardInfo } from '../../gizzard/index.js';
import { DatabaseHosts, type SqlRow } from '../../mysql/index.js';
import { silentLog } from '../../process/index.js';
import { freshCluster } from '../../test/support/index.js';
import { copyEdges } from './copyEdges.js';
import { ShardDatabase } from '../../mysql/index.js';
import { edgesTable } from './edgesTable.js';
import { FlockTables, type EdgeTables } from './flockTables.js';
import { flockShardType } from './flockShardType.js';

const { config } = freshCluster('copyedges');
const hosts = new DatabaseHosts(config, silentLog);
const host = hosts.host(Object.keys(config.databaseHosts)[0]!);
const deadline = (): Deadline => Deadline.after(20_000);
const flockTables = new FlockTables(new ShardDatabase(config.cluster));
let tables: EdgeTables;
let shards = 0;

beforeEach(async () => {
  const shard: ShardInfo = {
    id: { hostname: host.name, tablePrefix: `s${shards++}` },
    type: 'flock',
    attributes: {},
    busy: 'normal',
  };
  await flockShardType(flockTables).create(host, shard, deadline());
  tables = flockTables.at(shard);
});
afterAll(() => hosts.close());

/** A row with these values, as the host sends it; times and positions are 10, the rest nothing, where they are absent. */
const cells = (values: Partial<Record<(typeof edgesTable.names)[number], number | string>>): SqlRow =>
  edgesTable.names.map((name) => {
    const fallback = name.startsWith('peer_') ? null : name.endsWith('state') ? 0 : 10;
    return values[name] ?? fallback;
  });
/** A row: state, and the time of it and of the position. */
const row = (source: number, destination: number, state = 0, time = 10): SqlRow =>
  cells({
    source_id: source,
    destination_id: destination,
    state,
    own_state: state,
    updated_at: time,
    position: time,
    positioned_at: time,
  });
const copy = (rows: readonly SqlRow[]): Promise<void> => copyEdges(host, tables, rows, deadline());
const edges = (): Promise<SqlRow[]> =>
  host.rows(`SELECT ${edgesTable.list} FROM ${tables.edges} ORDER BY source_id, destination_id`, [], deadline());
const counts = (): Promise<SqlRow[]> =>
  host.rows(`SELECT source_id, normal_count, archived_count FROM ${tables.nodes} ORDER BY source_id`, [], deadline());

describe('rows of another shard', () => {
  it('are copied with their counters, also for numbers of any size', async () => {
    const large = '9223372036854775807';
    const rows: SqlRow[] = [
      row(1, 5),
      row(1, 6, 2),
      cells({ source_id: 2, destination_id: large, updated_at: 3, position: -4, positioned_at: 2 }),
    ];
    await copy(rows);
    expect(await edges()).toEqual(rows);
    expect(await counts()).toEqual([
      [1, 1, 1],
      [2, 1, 0],
    ]);
  });

  it('merge with newer writes here: the later write wins', async () => {
    await copy([row(1, 5), row(1, 6)]);
    await copy([row(1, 5, 2, 9), row(1, 6, 2, 11), row(1, 7)]);
    expect(await edges()).toEqual([row(1, 5), row(1, 6, 2, 11), row(1, 7)]);
    expect(await counts()).toEqual([[1, 2, 1]]);
  });

  it('have the state that mass operations at either end gave them', async () => {
    await copy([row(1, 5)]);
    await host.run(`UPDATE ${tables.nodes} SET colour = 2, coloured_at = 20`, [], deadline());
    const told = cells({
      source_id: 2,
      destination_id: 8,
      state: 2,
      peer_color: 2,
      peer_colored_at: 20,
      peer_removed_through: -1,
    });
    await copy([row(1, 6), told]);
    expect(await edges()).toEqual([row(1, 5), cells({ source_id: 1, destination_id: 6, state: 2 }), told]);
  });

  it('are merged also when the counters show no rows here', async () => {
    await copy([row(1, 5), row(1, 6)]);
    await host.run(`UPDATE ${tables.nodes} SET normal_count = 0`, [], deadline());
    await copy([row(1, 6, 2, 11)]);
    expect(await edges()).toEqual([row(1, 5), row(1, 6, 2, 11)]);
  });
});
