import { z } from 'zod';
import { configPart, type ConfigPart } from '../process/index.js';
import type { Store } from './store.js';

/** The parts of stores in the configuration and the ports of their services, for `loadConfig` and `configSchemaWith`. */
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

/** Servers of one cluster may listen on other ports. */
const portPart = (name: string, port: number): ConfigPart =>
  configPart({ server: { [`${name}Port`]: z.int().min(0).max(65_535).default(port) } }, { shared: () => ({}) });
