import { Option } from 'commander';
import { listBackups, openDestination, Vault, type Backups } from '../../backup/index.js';
import type { Gizzard, MoveRates } from '../../gizzard/index.js';
import { RoostError } from '../../core/index.js';
import type { CliIo } from './cliIo.js';
import { integerArgument } from './command.js';

export const rateOption = (): Option =>
  new Option(
    '--max-rows-per-second <count>',
    'rows a second that it does not exceed (default: as a move may)',
  ).argParser(integerArgument(1, 100_000_000));

/**
 * The rates that a part of a dump or a restore may use now: those of a move, and at most its share of the requested
 * rate.
 */
export const ratesOf =
  ({ moves }: Gizzard, maxRowsPerSecond: number | undefined, parallel: number): (() => Promise<MoveRates>) =>
  async () => {
    const { minRowsPerSecond, maxRowsPerSecond: most } = await moves.ratesBeside();
    const max = Math.max(1, Math.min(most, Math.floor((maxRowsPerSecond ?? Infinity) / parallel)));
    return { minRowsPerSecond: Math.min(minRowsPerSecond, max), maxRowsPerSecond: max };
  };

/**
 * The backups of a cluster in a place. Throws `NotFound` if the place has only those of other clusters, and names
 * them.
 */
export async function foundBackups(vault: Vault): Promise<Backups> {
  const backups = await listBackups(vault);
  const others = backups.objects.length > 0 ? [] : await vault.clusters();
  if (others.length === 0) return backups;
  throw new RoostError(
    'NotFound',
    `there is no backup of cluster ${vault.cluster} in ${vault.url}: it has those of ${others.join(', ')}, which --of names`,
    { fields: { to: vault.url } },
  );
}

/** The backups of a cluster at the place that an option names. Throws `InvalidArgument` if the place is malformed. */
export async function openVault(io: CliIo, place: string, cluster: string): Promise<Vault> {
  if (!/^[A-Za-z][A-Za-z0-9_]{0,47}$/.test(cluster))
    throw new RoostError('InvalidArgument', `${JSON.stringify(cluster)} is no name of a cluster`);
  return new Vault(await openDestination(place, io.workingFolder), cluster);
}
