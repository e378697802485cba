import type { RoostConfig } from '../../process/index.js';
import { tokenIn, type ServerAddress } from '../../sdk/index.js';

const shown = (file: string | undefined): ServerAddress['token'] => (file === undefined ? undefined : tokenIn(file));

/** The token for the servers of a configuration. */
export const ownToken = ({ access }: Pick<RoostConfig, 'access'>): ServerAddress['token'] => shown(access.tokenFile);

/** The token for the job injectors of other clusters. */
export const remoteToken = ({ access }: Pick<RoostConfig, 'access'>): ServerAddress['token'] =>
  shown(access.remoteTokenFile);
