import { RoostError } from '../../core/index.js';
import { decodeAny, encodeEntry, entryKinds, renameEntry } from '../entries/entryFormat.js';
import { removeEntries } from '../entries/leasedCache.js';
import type { CachePool, Target } from '../ring/cachePool.js';
import { storedNames, type StoredName } from '../ring/entryNames.js';
import { opcodes, statuses } from '../ring/protocol.js';

export interface WarmReport {
  /** Entries that the node got from its neighbors. */
  readonly copied: number;
  /** Entries that it had already, or that went away meanwhile. */
  readonly skipped: number;
}

/** Entries in flight from one neighbor. */
const entriesAtOnce = 200;
const deadlineMs = 500;
const leaseSeconds = 10;

/**
 * Copies a warming node's keys from its neighbors, under the same leases that readers use. Throws
 * `FailedPrecondition` for a node that is not warming, and `Unavailable`.
 */
export async function warmNode(
  pool: CachePool,
  node: string,
  onProgress: (report: WarmReport) => void = () => undefined,
): Promise<WarmReport> {
  await pool.look();
  const state = pool.nodes.get(node)?.state;
  if (state !== 'warming') {
    throw new RoostError(
      'FailedPrecondition',
      state === undefined
        ? `there is no cache node ${node}`
        : `cache node ${node} is ${state}: only one that is warming, soon after it was added, takes entries over`,
      { fields: { node } },
    );
  }
  let copied = 0;
  let skipped = 0;
  for (const [neighbor, of] of pool.nodes) {
    if (neighbor === node || of.state !== 'in' || of.weight === 0) continue;
    let batch: { readonly stored: StoredName; readonly target: Target }[] = [];
    const copy = async (): Promise<void> => {
      const done = await copyEntries(pool, neighbor, batch);
      copied += done;
      skipped += batch.length - done;
      batch = [];
      onProgress({ copied, skipped });
    };
    for await (const stored of storedNames(pool, neighbor)) {
      const { placement } = pool;
      if (placement === undefined)
        throw new RoostError('Unavailable', 'the register of the cache nodes cannot be reached');
      // Entries stored under a digest have no key to place them by.
      if (stored.key.startsWith('#')) continue;
      const target = pool.target(placement, stored.namespace, stored.key);
      if (target?.node.name !== node || target.previous?.take !== true || target.previous.name !== stored.name)
        continue;
      batch.push({ stored, target });
      if (batch.length === entriesAtOnce) await copy();
    }
    if (batch.length > 0) await copy();
  }
  return { copied, skipped };
}

async function copyEntries(
  pool: CachePool,
  neighbor: string,
  batch: readonly { readonly stored: StoredName; readonly target: Target }[],
): Promise<number> {
  const [from, to] = [pool.node(neighbor), batch[0]!.target.node];
  // The format of an entry is known only from the entry, and the lease must have one that its readers understand.
  const formats = (
    await from.get(
      batch.map(({ stored }) => stored.name),
      deadlineMs,
    )
  ).map((hit, place) => hit && decodeAny(batch[place]!.stored.name, hit.value));
  const wanted = batch.flatMap((each, place) =>
    formats[place]?.entry.kind === entryKinds.value ? [{ ...each, format: formats[place].format }] : [],
  );
  if (wanted.length === 0) return 0;
  const leases = await to.execute(
    wanted.map(({ target, format }) => ({
      opcode: opcodes.add,
      key: target.name,
      value: encodeEntry(target.name, entryKinds.lease, format),
      ttlSeconds: leaseSeconds,
    })),
    deadlineMs,
  );
  const leased = wanted.flatMap((each, place) =>
    leases[place]!.status === statuses.ok ? [{ ...each, lease: leases[place]! }] : [],
  );
  if (leased.length === 0) return 0;
  // A second read: the first one may have seen a value that a write removed before it could see the lease.
  const hits = await from.get(
    leased.map(({ stored }) => stored.name),
    deadlineMs,
  );
  const nowSeconds = Date.now() / 1_000;
  const fills = leased.flatMap(({ stored, target, lease }, place) => {
    const value = hits[place] && renameEntry(stored.name, target.name, hits[place].value);
    if (value === undefined || decodeAny(target.name, value)?.entry.kind !== entryKinds.value) return [];
    const ttlSeconds = stored.expiresAt < 0 ? 0 : stored.expiresAt - nowSeconds;
    return ttlSeconds < 0
      ? []
      : [{ lease, operation: { opcode: opcodes.set, key: target.name, value, cas: lease.cas, ttlSeconds } }];
  });
  const filled = new Set(fills.map(({ operation }) => operation.key));
  const [connection] = new Set(leased.map(({ lease }) => lease.connection));
  const replies =
    fills.length === 0
      ? []
      : await connection!.execute(
          fills.map(({ operation }) => operation),
          deadlineMs,
        );
  await removeEntries(
    to,
    leased.flatMap(({ target }) => (filled.has(target.name) ? [] : [target])),
    deadlineMs,
  );
  return replies.filter(({ status }) => status === statuses.ok).length;
}
