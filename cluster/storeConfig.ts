import { z } from 'zod';
import type { ConfigKeys } from '../process/index.js';
import type { Store } from './store.js';

/** The configuration keys of stores and the ports of their services, for `loadConfig` and `configSchemaWith`. */
export const configKeysOf = (stores: readonly Store[]): readonly ConfigKeys[] =>
  stores.flatMap(({ name, config, service }) => [
    ...(config === undefined ? [] : [config]),
    ...(service === undefined
      ? []
      : [{ server: { [`${name}Port`]: z.int().min(0).max(65_535).default(service.port) } }]),
  ]);
