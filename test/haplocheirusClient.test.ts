import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPlayground, type Playground } from '../playground/index.js';
import { Metrics, silentLog } from '../process/index.js';
import { type ClusterConfigInput, clusterSchema } from './clusterConfig.js';
import { ThriftServer } from '../server/index.js';
import { openTimelines, timelineStore, type TimelineService } from '../timeline/index.js';
import { findPythonTools } from './pythonClient.js';

const tools = await findPythonTools();
const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

describe.skipIf(typeof tools === 'string')(
  `a client of the timeline store in Python, with code generated from the IDL${typeof tools === 'string' ? `: skipped, ${tools}` : ''}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'roost-haplocheirus-'));
    let playground: Playground;
    let service: TimelineService & { close(): Promise<void> };
    let server: ThriftServer;

    beforeAll(async () => {
      playground = await startPlayground({ dir: join(folder, 'p'), databaseHosts: 1, redisServers: 3, caches: 0 });
      const given = JSON.parse(readFileSync(playground.configPath, 'utf8')) as ClusterConfigInput;
      const [, a, b] = playground.redisServers;
      const config = clusterSchema.parse({ ...given, timeline: { hosts: { a, b } } });
      service = await openTimelines(config, { work: true, create: true });
      await service.setup({ shards: 2, replicas: 2 });
      const metrics = new Metrics();
      server = await ThriftServer.listen({
        service: 'timeline',
        host: '127.0.0.1',
        port: 0,
        processor: timelineStore.service!.processor(service, { metrics, log: silentLog }),
        metrics,
        log: silentLog,
      });
      await run('thrift', ['--out', folder, '--gen', 'py', join(root, 'wire/idl/haplocheirus.thrift')]);
    }, 60_000);

    afterAll(async () => {
      await server?.close();
      await service?.close();
      await playground?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    it.each(['framed', 'unframed'])('calls every method %s', async (transport) => {
      if (typeof tools === 'string') return;
      const script = join(root, 'test/python/haplocheirusClient.py');
      const prefix = `${transport}:`;
      const { stdout } = await run(
        tools.python,
        ['-B', script, folder, '127.0.0.1', String(server.port), transport, prefix],
        { timeout: 25_000 },
      );
      const missing = `there is no timeline ${prefix}99`;
      const deduped = [[62, 60], 3, 'HIT'];
      expect(JSON.parse(stdout)).toEqual({
        empty: [[], 0, 'HIT'],
        rest: 'more',
        get: [Array.from({ length: 20 }, (_, i) => 20 - i), 30, 'HIT'],
        page: [[2, 1], 30, 'HIT'],
        range: [[27, 26], 30, 'HIT'],
        since: [[30, 29], 30, 'HIT'],
        below: [[], 3, 'HIT'],
        multi: [
          [[52, 51], 3, 'HIT'],
          [[], 0, 'MISS'],
          [[], 0, 'HIT'],
        ],
        range_multi: [
          [[52, 51], 3, 'HIT'],
          [[], 0, 'MISS'],
        ],
        as_stored: [62, 61, 60],
        deduped,
        multi_deduped: deduped,
        range_deduped: deduped,
        filter: [62, 61, 60],
        filter_own: 'mine',
        filter_newest: [],
        filter2: [61, 60],
        merge_indirect: [true, false],
        unmerge_indirect: [true, false],
        misses: {
          deleted: `there is no timeline ${prefix}1`,
          get: missing,
          get_range: missing,
          filter: missing,
          filter2: missing,
        },
        errors: {
          offset: expect.stringContaining('an offset is not negative') as string,
          entry: expect.stringContaining('at least one byte') as string,
          nobody: expect.stringContaining('at least one timeline') as string,
          name: expect.stringContaining('name of a timeline is empty') as string,
          multi: expect.stringContaining('an offset is not negative') as string,
        },
        still_connected: [53, 51, 50, 49],
      });
    });
  },
);
