import { Deadline } from '../../core/index.js';
import { DatabaseHosts, type SqlRow } from '../../mysql/index.js';
import { silentLog } from '../../process/index.js';
import type { TortureCluster } from './cluster.js';

interface Copy {
  readonly name: string;
  /** Rows by the part of the table's name that follows the shard's prefix. */
  readonly rows: ReadonlyMap<string, readonly string[]>;
}

/** Compares every table that several leaves of a route hold. Returns the differences. */
export async function differingReplicas(cluster: TortureCluster): Promise<string[]> {
  const { gizzard } = cluster.tools;
  await gizzard.nameServer.reload();
  const { topology } = gizzard;
  const hosts = new DatabaseHosts(cluster.config, silentLog);
  const query = (host: string, sql: string, values: string[] = []): Promise<readonly SqlRow[]> =>
    hosts.host(host).rows(sql, values, Deadline.after(10_000));
  try {
    const tablesOf = new Map<string, string[]>();
    for (const name of Object.keys(cluster.config.databaseHosts)) {
      const rows = await query(name, 'SELECT table_name FROM information_schema.tables WHERE table_schema = ?', [
        cluster.config.cluster,
      ]);
      tablesOf.set(
        name,
        rows.map(([table]) => String(table)),
      );
    }
    const wrong: string[] = [];
    for (const { tableId } of topology.tables) {
      for (const route of topology.routes(tableId)) {
        const copies = await Promise.all(
          route.leaves.map(async ({ shard: { id } }): Promise<Copy> => {
            const own = (tablesOf.get(id.hostname) ?? []).filter((table) => table.startsWith(`${id.tablePrefix}_`));
            const rows = new Map<string, readonly string[]>();
            for (const table of own.sort()) {
              const found = await query(id.hostname, `SELECT * FROM \`${cluster.config.cluster}\`.\`${table}\``);
              rows.set(table.slice(id.tablePrefix.length), found.map(String).sort());
            }
            return { name: `${id.hostname}/${id.tablePrefix}`, rows };
          }),
        );
        const [first, ...others] = copies;
        wrong.push(...others.flatMap((other) => differences(first!, other)));
      }
    }
    return wrong;
  } finally {
    await hosts.close();
  }
}

const none: readonly string[] = ['no such table'];

function differences(first: Copy, other: Copy): string[] {
  return [...new Set([...first.rows.keys(), ...other.rows.keys()])].flatMap((suffix) => {
    const [a = none, b = none] = [first.rows.get(suffix), other.rows.get(suffix)];
    if (a.join('\n') === b.join('\n')) return [];
    const only = (some: readonly string[], rest: readonly string[]): string =>
      some
        .filter((row) => !rest.includes(row))
        .slice(0, 4)
        .join(' | ');
    return [`${first.name} and ${other.name} differ in ${suffix}: <${only(a, b)}> <${only(b, a)}>`];
  });
}
