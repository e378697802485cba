import type { Cluster, StoreLike } from '../cluster/index.js';
import { jsonText, RoostError } from '../core/index.js';
import type { JournalPlace, TopologyState } from '../gizzard/index.js';
import { placedPath, type PlacedObject } from './places.js';
import type { Vault } from './vault.js';

/** The state of a cluster besides its rows, at a place in the journal. */
export interface Catalog extends JournalPlace {
  readonly topology: TopologyState;
  /** The data that each store keeps outside its shards, by store. */
  readonly stores: Readonly<Record<string, unknown>>;
}

/** Reads the cluster's current state. Its place in the journal is read first, so that it precedes everything else. */
export async function readCatalog(cluster: Cluster<readonly StoreLike[]>): Promise<Catalog> {
  const { gizzard, opened } = cluster;
  const { epoch, accepted, micros } = await gizzard.jobs.archive.look();
  await gizzard.nameServer.reload();
  const stores: Record<string, unknown> = {};
  for (const { store, opened: own } of opened)
    if (store.backup !== undefined) stores[store.name] = await store.backup.save(own);
  return { epoch, accepted, micros, topology: gizzard.topology.state, stores };
}

/** Equal on every machine and at every time, unless the cluster has changed. */
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
