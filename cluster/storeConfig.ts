import { z } from 'zod';
import type { ConfigKeys } from '../process/index.js';
import type { Store } from './store.js';

/** The keys that stores bring to the configuration: those of their own, and the ports of their services. For `loadConfig` and `configSchemaWith`. */
export const configKeysOf = (stores: readonly Store[]): readonly ConfigKeys[] =>
  stores.flatMap(({ name, config, service }) => [
    ...(config === undefined ? [] : [config]),
    ...(service === undefined
      ? []
      : [{ server: { [`${name}Port`]: z.int().min(0).max(65_535).default(service.port) } }]),
  ]);
