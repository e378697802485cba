import type { ChainableCommander } from 'ioredis';
import { RoostError } from '../core/index.js';

/** Runs a transaction and returns its commands' answers. Throws the first error of a command. */
export async function results(transaction: ChainableCommander): Promise<unknown[]> {
  const replies = await transaction.exec();
  if (replies === null) throw new RoostError('Internal', 'a transaction of Redis was discarded');
  for (const [error] of replies) if (error !== null) throw error;
  return replies.map(([, result]) => result);
}
