import type { Deadline } from '../../core/index.js';
import type { DatabaseHost, Movable } from '../../gizzard/index.js';
import { edgeMoves } from './edgeMoves.js';
import { edgeTables } from './edgeTables.js';
import { nodeMoves } from './nodeMoves.js';

/** How Flock's shards move. Nodes go first: what queries see of an edge depends on its node. */
export const shardMoves = (database: string): Movable => ({
  tables: [nodeMoves(database), edgeMoves(database)],
  async drop(host, shard, deadline) {
    const { edges, nodes } = edgeTables(database, shard);
    await host.run(`DROP TABLE IF EXISTS ${edges}, ${nodes}`, [], deadline);
  },
  async rename(host, shard, prefix, deadline) {
    const from = edgeTables(database, shard);
    const to = edgeTables(database, { ...shard, id: { ...shard.id, tablePrefix: prefix } });
    if (await hasTables(host, database, prefix, deadline)) return;
    await host.run(`RENAME TABLE ${from.edges} TO ${to.edges}, ${from.nodes} TO ${to.nodes}`, [], deadline);
  },
  async stored(host, deadline) {
    const rows = await host.rows(
      `SELECT table_name, data_length + index_length FROM information_schema.tables WHERE table_schema = ? AND (table_name LIKE '%\\_edges' OR table_name LIKE '%\\_nodes')`,
      [database],
      deadline,
    );
    const bytes = new Map<string, number>();
    for (const [name, size] of rows) {
      const prefix = String(name).slice(0, -'_edges'.length);
      bytes.set(prefix, (bytes.get(prefix) ?? 0) + Number(size));
    }
    return bytes;
  },
});

async function hasTables(host: DatabaseHost, database: string, prefix: string, deadline: Deadline): Promise<boolean> {
  const rows = await host.rows('SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?', [database, `${prefix}_edges`], deadline);
  return rows.length > 0;
}
