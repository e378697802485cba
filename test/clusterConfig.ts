import { configPartsOf } from '../cluster/storeConfig.js';
import { flockConfig } from '../flock/flockConfig.js';
import { configSchemaWith, type ConfigInput, type RoostConfigInput } from '../process/index.js';
import { tbirdConfig } from '../tbird/tbirdConfig.js';
import { timelineConfig } from '../timeline/timelineConfig.js';

// The configuration of our own stores, without the stores: a test file that needs one store, or none, loads no
// others.

const service = { port: 0 };
const stores = [
  { name: 'flock', config: flockConfig, service },
  { name: 'tbird', config: tbirdConfig, service },
  { name: 'users', service },
  { name: 'timeline', config: timelineConfig, service },
] as const;

/** The stores' services, for playgrounds that choose ports for them. */
export const services = stores.map(({ name }) => name);

export type ClusterConfigInput = RoostConfigInput &
  ConfigInput<typeof flockConfig.keys> &
  ConfigInput<typeof tbirdConfig.keys> &
  ConfigInput<typeof timelineConfig.keys> & {
    readonly server?: Readonly<Partial<Record<`${(typeof stores)[number]['name']}Port`, number>>>;
  };

/** The configuration schema with the keys of our stores. Ports that a configuration does not name are free ports. */
export const clusterSchema = configSchemaWith(configPartsOf(stores));
