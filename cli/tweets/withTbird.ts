import { createLog } from '../../process/index.js';
import { openTbird, type Tbird } from '../../tbird/index.js';
import type { CliIo } from '../console/cliIo.js';
import { openConfig, type ConfigOptions } from '../console/command.js';

/** Tweets as a library: changing windows needs no server. */
export async function withTbird<T>(io: CliIo, options: ConfigOptions, work: (tbird: Tbird) => Promise<T>): Promise<T> {
  const tbird = await openTbird(openConfig(io, options).config, { log: createLog('error', io.stderr), create: true });
  try {
    return await work(tbird);
  } finally {
    await tbird.close();
  }
}

export const timeText = (ms: number): string => new Date(ms).toISOString();
