import { existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { containsCall, RawClient } from '../test/inMemory/rawClient.js';
import { frame, methodsOf, shapes, type Port } from '../test/hostile/frames.js';
import { limits } from '../core/index.js';
import { honestCalls } from './honestCalls.js';
import { tweetGraphNames } from '../tbird/index.js';
import { BinaryReader, thriftType } from '../wire/index.js';
import { openUsers } from '../users/index.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { setUpTweets } from './tweetsSetup.js';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';

const settleMs = 50;
const retryAfterMs = 500;
const attempts = 5;
const reply = 2;
const ports: readonly Port[] = ['flock', 'manager', 'injector', 'tbird', 'users'];

/**
 * Sends the largest frames that each port accepts, of every shape and for every method. Measures the longest time for
 * which they hold up the server.
 */
export const hostile: Benchmark = {
  name: 'hostile',
  meaning: 'How long other clients are held up by one that sends the worst calls that are allowed.',
  about:
    "the largest frames that each port takes, made to be slow to read, and the largest that clients may want: the longest turn of the server's event loop",
  turns: true,
  async run({ config, ready, roost, server }: BenchCluster): Promise<readonly Figure[]> {
    /** The longest turn of the server's thread since the last call. */
    const delay = async (): Promise<number> => {
      await sleep(settleMs);
      if (!existsSync(server.turnsPath)) return 0;
      const turns = readFileSync(server.turnsPath, 'utf8').trimEnd().split('\n').map(Number);
      rmSync(server.turnsPath);
      return Math.max(...turns);
    };
    const figures: Figure[] = [];
    for (const shape of shapes) {
      let worst = 0;
      for (const port of ports) {
        const bytes = shape.args(limits[`${port}RequestBytes`] - 1_000);
        const [method] = methodsOf(port);
        for (const each of shape.skipped === true ? [method!] : methodsOf(port)) {
          await delay();
          const client = await RawClient.connect(ready[port].port);
          client.send(frame(each, bytes));
          await client.answer();
          await client.close();
          worst = Math.max(worst, await delay());
        }
      }
      figures.push({ name: `longest hold-up, ${shape.name}`, value: worst, unit: 'ms', target: { atMost: 50 } });
    }
    const graph = await makeGraph(config, 'honest', 4);
    await setUpTweets(config, 4, 4);
    const users = await openUsers(config, { create: true });
    await users.setup({ shards: 4, replicas: 1 });
    await users.close();
    const numbers = new Map((await roost.graphs()).map(({ name, id }) => [name, id]));
    const numberOf = (name: string): number => numbers.get(name)!;
    const tweetGraphs = {
      byUser: numberOf(tweetGraphNames.byUser),
      replies: numberOf(tweetGraphNames.replies),
      retweets: numberOf(tweetGraphNames.retweets),
    };
    for (const { name, port, frame: bytes } of honestCalls(numberOf(graph), tweetGraphs)) {
      const durations: number[] = [];
      for (let time = 0; time < 3; time++) {
        await delay();
        await ask(ready[port].port, bytes, name);
        await untilMaterialized(roost);
        durations.push(await delay());
      }
      figures.push({
        name: `longest hold-up, ${name}`,
        value: Math.max(...durations),
        unit: 'ms',
        target: { atMost: 50 },
      });
    }
    await delay();
    const client = await RawClient.connect(ready.flock.port);
    client.send(containsCall(true, 1));
    await client.answer();
    await client.close();
    figures.push({ name: 'longest hold-up, one small call', value: await delay(), unit: 'ms' });
    return figures;
  },
};

/**
 * Sends a call, and retries a few times if a database is too busy: reading the call took its turns anyway. Throws if
 * the server refuses the call.
 */
async function ask(port: number, frame: Buffer, what: string): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const client = await RawClient.connect(port);
    client.send(frame);
    const answer = await client.answer();
    await client.close();
    if (answer !== undefined && isResult(answer.message)) return;
    const text = answer?.message.toString('latin1') ?? 'the connection was closed';
    if (!text.includes('no connection was free')) throw new Error(`${what}: ${text}`);
    await sleep(retryAfterMs);
  }
}

/** Whether a reply is a result rather than an exception. */
function isResult(message: Buffer): boolean {
  const reader = new BinaryReader(message);
  const { mtype } = reader.readMessageBegin();
  const { ftype, fid } = mtype === reply ? reader.readFieldBegin() : { ftype: -1, fid: -1 };
  return ftype === thriftType.stop || fid === 0;
}
