import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serverReadySchema } from '../cli/serverReady.js';
import { callRoost } from './callRoost.js';
import { findRubyTools, runRubyClient } from './rubyClient.js';
import { roostMain } from './runRoost.js';
import { freshCluster } from './support/index.js';

const tools = await findRubyTools();

describe.skipIf(typeof tools === 'string')(
  `FlockDB's Ruby client on roost serve${typeof tools === 'string' ? `: skipped, ${tools}` : ''}`,
  () => {
    const { configPath } = freshCluster('ruby');
    let server: ChildProcess;
    let address: string;

    beforeAll(async () => {
      for (const graph of ['follows', 'blocks']) {
        expect(
          await callRoost(['graph', 'create', graph, '--shards', '2', '--config', configPath], tmpdir()),
        ).toMatchObject({ exitCode: 0 });
      }
      server = spawn(process.execPath, [roostMain, 'serve', '--json', '--config', configPath], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      for await (const line of createInterface({ input: server.stdout! })) {
        const { flock } = serverReadySchema.parse(JSON.parse(line));
        address = `${flock.host}:${flock.port}`;
        break;
      }
    });

    afterAll(async () => {
      server.kill('SIGTERM');
      if (server.exitCode === null) await once(server, 'exit');
    });

    it('runs unchanged, with the original answers', { timeout: 90_000 }, async () => {
      if (typeof tools === 'string') return;
      expect(await runRubyClient(tools, address)).toEqual({
        select: [6, 5, 4, 3, 2],
        backward: expect.arrayContaining([7, 8]) as number[],
        among: [3, 2],
        removed: [10, 11],
        edges: [6, 5, 4, 3, 2].map((id) => [1, id, id, 0]),
        get: 1,
        contains: [true, false, false],
        // The way back from a page leads to where the page was going, which is past the end.
        paginate: [[6, 5], [4, 3], [2], false, true, []],
        take: [6, 5, 4],
        stateless: [[4, 3], [6, 5], [2]],
        archived: [4],
        mass: [5, 2, 2],
        intersect: [4],
        union: [5, 4, 3, 2],
        difference: [5, 2],
        nested: [5, 3],
        sizes: [4, 2],
        empty: true,
        multi: [[5, 4, 3, 2], [4]],
        errors: {
          no_graph: expect.stringContaining('99') as string,
          mass_on_no_graph: 'there is no graph 99',
          no_edge: 'Record not found: (1, 1, 98)',
          empty_transaction: 'You must have at least one operation',
          page_of_nothing: expect.stringContaining('the page count must be an integer from 1 to') as string,
        },
        still_there: true,
      });
    });
  },
);
