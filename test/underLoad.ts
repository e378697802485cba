import { expect } from 'vitest';
import type { EncryptedCluster } from './encryptedCluster.js';

/**
 * Writes and reads while `work` runs, with a client that stays and with clients that connect anew. Returns the
 * errors, and the number of calls.
 */
export async function underLoad(
  sealed: EncryptedCluster,
  work: () => Promise<void>,
): Promise<{ readonly errors: readonly string[]; readonly calls: number }> {
  const errors: string[] = [];
  let calls = 0;
  let stopped = false;
  let written = 0n;
  const count = async (call: () => Promise<unknown>): Promise<void> => {
    try {
      await call();
    } catch (error) {
      errors.push(String(error));
    }
    calls++;
  };
  const loop = async (turn: (i: bigint) => Promise<void>): Promise<void> => {
    for (let i = 1n; !stopped; i++) await turn(i);
  };
  const staying = await sealed.connect();
  const follows = await staying.graph('follows');
  const loops = [
    loop((i) => count(() => follows.add(1_000n, (written = i)))),
    loop((i) => count(() => follows.contains(1_000n, i))),
    loop(() =>
      count(async () => {
        const client = await sealed.connect();
        try {
          await (await client.graph('follows')).count(1_000n);
        } finally {
          await client.close();
        }
      }),
    ),
  ];
  try {
    await work();
  } finally {
    stopped = true;
    await Promise.all(loops);
    await expect.poll(() => follows.count(1_000n), { timeout: 20_000 }).toBeGreaterThanOrEqual(written);
    await staying.close();
  }
  return { errors, calls };
}
