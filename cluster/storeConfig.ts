import { z } from 'zod';
import { configPart, type ConfigPart } from '../process/index.js';
import type { Store } from './store.js';

/** The stores' parts of the configuration and their services' ports, for `loadConfig` and `configSchemaWith`. */
export const configPartsOf = (
  stores: readonly {
    readonly name: string;
    readonly config?: Store['config'];
    readonly service?: Pick<NonNullable<Store['service']>, 'port'>;
  }[],
): readonly ConfigPart[] =>
  stores.flatMap(({ name, config, service }) => [
    ...(config === undefined ? [] : [config]),
    ...(service === undefined ? [] : [portPart(name, service.port)]),
  ]);

/** The port may differ between the servers of a cluster. */
const portPart = (name: string, port: number): ConfigPart =>
  configPart({ server: { [`${name}Port`]: z.int().min(0).max(65_535).default(port) } }, { shared: () => ({}) });
