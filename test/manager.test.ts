import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterServer, startClusterServer } from './clusterServer.js';
import { findPythonTools } from './pythonClient.js';
import { freshCluster } from './support/index.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const tools = await findPythonTools();

describe.skipIf(typeof tools === 'string')(
  `manager and injector, with a client in Python${typeof tools === 'string' ? `: skipped, ${tools}` : ''}`,
  () => {
    describe.each(['framed', 'unframed'])('%s', (transport) => {
      // One move runs at a time, so that each comparison sees what was requested before it.
      const { config } = freshCluster(`manager_${transport}`, { moves: { movesPerHost: 1 } });
      const database = Object.keys(config.databaseHosts)[0]!;
      let server: ClusterServer;
      let generated: string;

      beforeAll(async () => {
        server = await startClusterServer(config);
        generated = mkdtempSync(join(tmpdir(), 'roost-python-'));
        for (const idl of ['manager', 'injector'])
          await run('thrift', ['--out', generated, '--gen', 'py', join(root, `wire/idl/${idl}.thrift`)]);
      });

      afterAll(async () => {
        rmSync(generated, { recursive: true, force: true });
        await server.close();
      });

      it('answers every method, and names the fault of bad input', async () => {
        if (typeof tools === 'string') return;
        const args = [
          '-B',
          join(root, 'test/python/managerClient.py'),
          generated,
          '127.0.0.1',
          String(server.managerPort),
          String(server.injectorPort),
          transport,
          database,
        ];
        const { stdout } = await run(tools.python, args, { timeout: 25_000 });
        const leaf = `${database}/py_0001`;
        const top = 'localhost/py_0001_replicating';
        const { errors, ...answers } = JSON.parse(stdout) as { errors: Record<string, string> };
        expect(answers).toEqual({
          shard: [leaf, 'SqlShard', 'INT UNSIGNED', 'INT UNSIGNED', 0],
          on_host: [[leaf, 'SqlShard', 'INT UNSIGNED', 'INT UNSIGNED', 0]],
          up: [[top, leaf, 3]],
          down: [[top, leaf, 3]],
          no_links: [],
          tables: [-7, 7],
          hostnames: [database, 'localhost'].sort(),
          forwardings: [
            [-7, '0', top],
            [7, '0', top],
            [7, String(2n ** 59n), top],
          ],
          forwarding: [7, String(2n ** 59n), top],
          forwarding_for_shard: top,
          current: [top, 'ReplicatingShard', '', '', 0],
          weights: [[database, 0.5, 0.25]],
          dump: [
            [7, [leaf, top].sort(), [[top, leaf, 3]], 2, 1],
            [-7, [leaf, top].sort(), [[top, leaf, 3]], 1, 1],
            [99, [], [], 0, 1],
          ],
          busy: [leaf],
          not_busy: [],
          wrapped: [[top, 'localhost/py_0001_block', 3]],
          unwrapped: [[top, leaf, 3]],
          replaced: [
            [-7, '0', leaf],
            [7, '0', leaf],
            [7, String(2n ** 59n), leaf],
          ],
          left: 2,
          writing: [true, true, true],
          stopped: [false, false, true],
          queued: [0, 2, 0],
          resumed: [true, true, true],
          worked_off: [0, 0],
          all_stopped: [false, false, false],
          fanout: ['slow', 'tap'],
          no_fanout: [],
          copied: [],
          repaired: [],
          cancelled: 3,
          by_weight: [9, 5, 3, 1],
          bare: true,
          log: [16, true],
          entries: [
            [2, null, [7, String(2n ** 59n + 1n), top]],
            [1, true, null],
          ],
          popped: [1],
          remote: ['far', 7921, 'west', 1],
          clusters: ['east', 'west'],
          remotes: [
            ['far', 7921, 'west', 1],
            ['farther', 7921, 'east', 2],
          ],
          in_cluster: [['farther', 7921, 'east', 2]],
          no_remotes: [],
          still_connected: [-7, 7],
        });
        const matching: Record<string, RegExp> = {
          no_shard: /no shard localhost\/none_0001/,
          bad_class: /no shard class "com.example.OtherShard"; there are ReplicatingShard, .*SqlShard/,
          bad_prefix: /"localhost\/a;b" is no shard id/,
          other_type: /exists as replicating/,
          unknown_host: /does not know nowhere|database host nowhere/,
          linked: /cannot be deleted: it is linked below/,
          circle: /circle|itself/,
          below_a_leaf: /holds data \(flock\)/,
          negative_weight: /weight of the link/,
          bad_busy: /no busy state 9: use 0 \(normal\)/,
          forward_to_nothing: /none_0001, which does not exist/,
          base_too_large: /outside 0 … 1152921504606846975/,
          no_forwarding: /table 7 has no forwarding at 3/,
          no_table: /no table 1234/,
          nan_weight: /write weight/,
          commit_in_batch: /belongs to rollback logs only/,
          empty_operation: /exactly one field, not 0/,
          half_a_batch: /other_0001, which does not exist/,
          nothing_of_it: /no shard localhost\/none_0001/,
          one_shard: /two or more/,
          bad_priority: /no priority 9: use 1 \(low\)/,
          bad_fanout: /a fanout's suffix/,
          no_fanout: /no fanout none/,
          no_log: /no rollback log "none"/,
          short_log_id: /16 bytes, not 3/,
          not_on_top: /the uppermost is 1/,
          no_host: /no remote host none:1/,
          bad_port: /from 1 to 65535, not 99999/,
          no_cluster: /no remote cluster none/,
          no_json: /job 0: a job is a JSON object/,
          no_kind: /there is no kind "x.y"; there are .*flock.edges/,
          bad_job: /edges\.0\.source must be from 0/,
          job_without_table: /no table 8/,
          bad_payload: /payload of a flock.edges job cannot be read/,
          bad_job_priority: /no priority 0/,
        };
        for (const [name, pattern] of Object.entries(matching)) expect(errors[name], name).toMatch(pattern);
        expect(Object.keys(errors).sort()).toEqual(Object.keys(matching).sort());
        const { store } = server.flock.gizzard.moves;
        const moved = async (): Promise<unknown> =>
          (await store.list({ active: false, limit: 10 }))
            .map(({ kind, state, differenceCount }) => [kind, state, differenceCount])
            .reverse()
            .slice(0, 4);
        // The second edge of node 1, made after the copy, is missing on one side: two nodes and two edges differ, until they are repaired.
        await expect.poll(moved, { timeout: 20_000 }).toEqual([
          ['merge', 'done', expect.any(Number)],
          ['diff', 'done', 4],
          ['repair', 'done', 4],
          ['diff', 'done', 0],
        ]);
        // Both injected jobs were applied.
        expect(await server.flock.states(7, BigInt64Array.of(1n), BigInt64Array.of(2n))).toEqual(['normal']);
      });
    });
  },
);
