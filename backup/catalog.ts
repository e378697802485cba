import type { Cluster, StoreLike } from '../cluster/index.js';
import { jsonText, RoostError } from '../core/index.js';
import type { JournalPlace, TopologyState } from '../gizzard/index.js';
import { placedPath, type PlacedObject } from './places.js';
import type { Vault } from './vault.js';

/** What a cluster is beside its rows, at a place of the journal. */
export interface Catalog extends JournalPlace {
  readonly topology: TopologyState;
  /** By store, what it keeps outside of its shards. */
  readonly stores: Readonly<Record<string, unknown>>;
}

/** Reads what a cluster is now. The place is from before all that is read. */
export async function readCatalog(cluster: Cluster<readonly StoreLike[]>): Promise<Catalog> {
  const { gizzard, opened } = cluster;
  const { epoch, accepted, micros } = await gizzard.jobs.archive.look();
  await gizzard.nameServer.reload();
  const stores: Record<string, unknown> = {};
  for (const { store, opened: own } of opened)
    if (store.backup !== undefined) stores[store.name] = await store.backup.save(own);
  return { epoch, accepted, micros, topology: gizzard.topology.state, stores };
}

/** The same wherever and whenever it is made, unless the cluster has changed. */
export const catalogContent = ({ topology, stores }: Catalog): string => jsonText({ topology, stores });

export const putCatalog = async (vault: Vault, catalog: Catalog): Promise<string> =>
  (await vault.putLines(placedPath('catalogs', catalog), `${catalogContent(catalog)}\n`)).name;

export async function getCatalog(vault: Vault, { name, epoch, accepted, micros }: PlacedObject): Promise<Catalog> {
  const [line] = await vault.lines(name);
  try {
    const { topology, stores } = JSON.parse(line!, (key, value: unknown) =>
      key === 'baseId' ? BigInt(value as string) : value,
    ) as Pick<Catalog, 'topology' | 'stores'>;
    return { epoch, accepted, micros, topology, stores };
  } catch (cause) {
    throw new RoostError('DataLoss', `${name} in ${vault.url} is no catalog of a cluster`, { cause });
  }
}
