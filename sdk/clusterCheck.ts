import { RoostError } from '../core/index.js';

/**
 * The cluster that all of a client's servers must belong to: the one that the caller names, or that of the first
 * server that answers.
 */
export class ClusterCheck {
  #cluster: string | undefined;

  constructor(cluster: string | undefined) {
    this.#cluster = cluster;
  }

  /**
   * Checks the cluster that a server names; older servers name none. Throws `FailedPrecondition` if it is another
   * one.
   */
  accept(server: string, cluster: string | undefined): void {
    if (cluster === undefined) return;
    this.#cluster ??= cluster;
    if (cluster === this.#cluster) return;
    throw new RoostError(
      'FailedPrecondition',
      `server ${server} belongs to cluster ${cluster}, not to ${this.#cluster}`,
      { fields: { server, cluster, expectedCluster: this.#cluster } },
    );
  }
}

/**
 * Whether an error concerns this server alone, so that another server may work: it belongs to another cluster, its
 * encryption does not fit, or it refuses the client.
 */
export const isOfServerAlone = (error: RoostError): boolean =>
  error.code === 'Unauthenticated' ||
  (error.code === 'FailedPrecondition' &&
    (error.fields['expectedCluster'] !== undefined || error.fields['tls'] !== undefined));
