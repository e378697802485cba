import { describe, expect, it } from 'vitest';
import { Deadline, RoostError, type ErrorCode } from '../../core/index.js';
import { leaf, node, topologyOf, type Tree } from '../../test/conformance/trees.js';
import { Topology } from '../topology/topology.js';
import { readAny } from './readAny.js';
import type { Leaf, Route } from './route.js';

const routeOf = (tree: Tree): Route => new Topology(topologyOf(tree)).route(1, 0n);
const hostOf = (leaf: Leaf): string => leaf.shard.id.hostname;
const three = routeOf(node('replicating', leaf('a'), leaf('b'), leaf('c')));
const pair = routeOf(node('replicating', leaf('a'), leaf('b')));
const healthy = (): boolean => true;
const throwsCode = (code: ErrorCode, text: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(text) as string });

/** Resolves when the deadline has passed, by its own account. */
async function passing(deadline: Deadline): Promise<void> {
  while (!deadline.passed) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('a read from any replica', () => {
  it('returns the answer of the first replica that answers', async () => {
    const asked: string[] = [];
    const answer = await readAny(three, Deadline.after(1_000), healthy, (leaf) => {
      asked.push(hostOf(leaf));
      return asked.length < 3
        ? Promise.reject(new RoostError('Unavailable', 'away'))
        : Promise.resolve(`from ${hostOf(leaf)}`);
    });
    expect(new Set(asked)).toEqual(new Set(['a', 'b', 'c']));
    expect(answer).toBe(`from ${asked[2]}`);
  });

  it('asks hosts that are down only after the others', async () => {
    for (let i = 0; i < 20; i++) {
      const asked: string[] = [];
      await readAny(
        three,
        Deadline.after(1_000),
        (host) => host === 'b',
        (leaf) => {
          asked.push(hostOf(leaf));
          return Promise.resolve();
        },
      );
      expect(asked).toEqual(['b']);
    }
  });

  it('gives a replica half of the time that is left while there are others, and the last all of it', async () => {
    const deadline = Deadline.after(600_000);
    const shares: number[] = [];
    const failing = readAny(three, deadline, healthy, (_leaf, own) => {
      shares.push(own.remainingMs() / deadline.remainingMs());
      return Promise.reject(new RoostError('Unavailable', 'away'));
    });
    await expect(failing).rejects.toThrow(/no replica/);
    expect(shares.map((share) => share.toFixed(2))).toEqual(['0.50', '0.50', '1.00']);
  });

  it('reaches the second replica although the first hangs', async () => {
    const hung: string[] = [];
    const answer = await readAny(pair, Deadline.after(100), healthy, async (leaf, own) => {
      if (hung.length > 0) return hostOf(leaf);
      hung.push(hostOf(leaf));
      await passing(own);
      throw new RoostError('DeadlineExceeded', 'hung');
    });
    expect(new Set([...hung, answer])).toEqual(new Set(['a', 'b']));
  });

  it('lists the error of each replica when all failed, with its cause', async () => {
    const failing = readAny(pair, Deadline.after(1_000), healthy, (leaf) =>
      Promise.reject(new Error(`${hostOf(leaf)} burns`)),
    );
    const error = (await failing.catch((thrown: unknown) => thrown)) as RoostError;
    expect(error.message).toMatch(/^no replica of shard nodes\/n1 answered: /);
    expect(error.message).toContain('a/leaf: a burns');
    expect(error.message).toContain('b/leaf: b burns');
    expect(error.fields).toEqual({ shard: 'nodes/n1' });
    expect(error.cause).toBeInstanceOf(RoostError);
  });

  it.each<[ErrorCode, ErrorCode, ErrorCode]>([
    ['Unavailable', 'Unavailable', 'Unavailable'],
    ['Overloaded', 'Overloaded', 'Overloaded'],
    ['FailedPrecondition', 'FailedPrecondition', 'FailedPrecondition'],
    ['Internal', 'Unavailable', 'Unavailable'],
    ['Overloaded', 'DeadlineExceeded', 'Unavailable'],
  ])('that fails with %s on one and %s on the other fails with %s', async (first, second, expected) => {
    const codes = [first, second];
    const failing = readAny(pair, Deadline.after(60_000), healthy, () =>
      Promise.reject(new RoostError(codes.shift()!, 'no')),
    );
    await expect(failing).rejects.toEqual(throwsCode(expected, /no replica/));
  });

  it('fails at once with InvalidArgument', async () => {
    let asked = 0;
    const failing = readAny(three, Deadline.after(1_000), healthy, () => {
      asked++;
      return Promise.reject(new RoostError('InvalidArgument', 'no such cursor'));
    });
    await expect(failing).rejects.toEqual(throwsCode('InvalidArgument', /^no such cursor$/));
    expect(asked).toBe(1);
  });

  it('asks no replica once the deadline has passed, and fails with DeadlineExceeded', async () => {
    const deadline = Deadline.after(5);
    let asked = 0;
    const failing = readAny(three, deadline, healthy, async () => {
      asked++;
      await passing(deadline);
      throw new RoostError('Unavailable', 'away');
    });
    await expect(failing).rejects.toEqual(
      throwsCode('DeadlineExceeded', /\/leaf: away; .\/leaf: not asked, the deadline had passed; .\/leaf: not asked/),
    );
    expect(asked).toBe(1);
    await expect(readAny(pair, deadline, healthy, () => Promise.resolve())).rejects.toEqual(
      throwsCode('DeadlineExceeded', /not asked/),
    );
  });

  it.each([
    [
      'all replicas are blocked',
      node('blocked', node('replicating', leaf('a'), leaf('b'))),
      /all of its replicas are blocked for reads/,
    ],
    ['there is none', node('blackHole', leaf('a')), /it has no replica that serves reads/],
  ])('is Unavailable where %s', async (_what, tree, text) => {
    await expect(readAny(routeOf(tree), Deadline.after(1_000), healthy, () => Promise.resolve())).rejects.toEqual(
      throwsCode('Unavailable', text),
    );
  });
});
