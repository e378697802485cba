import { shardKey, type Gizzard, type MovableTable, type Route, type SavedRows } from '../gizzard/index.js';

/** A tree whose rows are dumped for a table. */
export interface DumpPart {
  /** The table, the tree and its leaves: a tree that has other leaves by now is another part. */
  readonly key: string;
  readonly tableId: number;
  readonly type: string;
  readonly route: Route;
  /** In the order of restoring. */
  readonly tables: readonly SavedTable[];
}

/** A table whose rows backups hold. */
export type SavedTable = MovableTable & { readonly saved: SavedRows<unknown> };
export const isSaved = (table: MovableTable): table is SavedTable => table.saved !== 'derived';

export interface DumpPlan {
  readonly parts: readonly DumpPart[];
  /** Shard types whose rows are in no backup, each with the reason. */
  readonly notSaved: readonly string[];
}

/** Plans every tree with rows, by the topology that this process knows now. */
export function planDump(gizzard: Gizzard): DumpPlan {
  const { topology } = gizzard;
  const parts = new Map<string, DumpPart>();
  const notSaved = new Set<string>();
  for (const { tableId } of topology.tables) {
    for (const route of topology.routes(tableId)) {
      const [leaf] = route.leaves;
      if (leaf === undefined) continue;
      const { type } = leaf.shard;
      const shardType = gizzard.shardType(type);
      const tables = (shardType?.moving?.tables ?? []).filter(isSaved);
      if (tables.length === 0) {
        notSaved.add(`${type} (${shardType?.moving === undefined ? 'its shards cannot be copied' : 'made anew'})`);
        continue;
      }
      const root = shardKey(route.root.id);
      // An empty tree, for keys that have no place yet.
      if (shardType!.deniesOnPurpose?.some((id) => shardKey(id) === root) === true) continue;
      const key = [tableId, root, ...route.leaves.map((each) => each.key).sort()].join(' ');
      parts.set(key, { key, tableId, type, route, tables });
    }
  }
  return { parts: [...parts.values()], notSaved: [...notSaved].sort() };
}
