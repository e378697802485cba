import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDevelopmentCertificates } from '../playground/index.js';
import { type ServeProcess, startServeProcess } from './serveProcess.js';
import { freshCluster } from './support/index.js';

const run = promisify(execFile);

/** Why no client in Ruby can be run here. */
async function obstacle(): Promise<string | undefined> {
  try {
    await run('ruby', ['-W0', '-e', 'require "thrift"']);
    await run('thrift', ['--version']);
    return undefined;
  } catch {
    return "it needs Debian's ruby, ruby-thrift and thrift-compiler";
  }
}

const why = await obstacle();

describe.skipIf(why !== undefined)(
  `a client in Ruby, with code generated from the IDL${why === undefined ? '' : `: skipped, ${why}`}`,
  () => {
    const { config, configPath } = freshCluster('ruby_peer');
    const [database = ''] = Object.keys(config.databaseHosts);
    const generated = mkdtempSync(join(tmpdir(), 'roost-ruby-'));
    let server: ServeProcess;
    /** A server of the same cluster, for clients with a certificate. */
    let secure: ServeProcess;
    let certificate: readonly string[];

    beforeAll(async () => {
      server = await startServeProcess(configPath);
      const made = await makeDevelopmentCertificates({
        dir: generated,
        hosts: ['localhost'],
        clients: ['dba'],
        days: 1,
      });
      const { certFile, keyFile } = made.clients['dba']!;
      certificate = [made.caFile, certFile, keyFile];
      const file = join(generated, 'access.json');
      writeFileSync(
        file,
        JSON.stringify({ identities: { dba: { certificates: ['CN:dba'], grants: [{ roles: ['admin'] }] } } }),
      );
      const path = join(generated, 'roost.config.json');
      const tls = { ...made.server, clientCaFile: made.caFile };
      writeFileSync(
        path,
        JSON.stringify({ ...(JSON.parse(readFileSync(configPath, 'utf8')) as object), tls, access: { file } }),
      );
      secure = await startServeProcess(path);
      for (const idl of ['manager', 'injector', 'flockdb'])
        await run('thrift', [
          '--out',
          generated,
          '--gen',
          'rb',
          join(import.meta.dirname, `../wire/idl/${idl}.thrift`),
        ]);
    });

    afterAll(async () => {
      await server.stop();
      await secure.stop();
      rmSync(generated, { recursive: true, force: true });
    });

    it.each([
      ['unframed', 7, 'in the clear'],
      ['framed', 8, 'in the clear'],
      ['framed', 9, 'encrypted'],
    ])('sets up, fills and copies a table %s (%i, %s)', async (transport, table, how) => {
      const { flock, manager, injector } = (how === 'encrypted' ? secure : server).ready;
      const args = [
        '-W0',
        '-I',
        generated,
        join(import.meta.dirname, 'ruby/peer.rb'),
        how === 'encrypted' ? 'localhost' : '127.0.0.1',
        ...[flock, manager, injector].map(({ port }) => String(port)),
        transport,
        database,
        String(table),
        ...(how === 'encrypted' ? certificate : []),
      ];
      const { stdout } = await run('ruby', args, { timeout: 25_000 });
      expect(JSON.parse(stdout)).toEqual({
        tables: [-table, table],
        down: [[`${database}/rb_${table}`, 2]],
        current: `localhost/rb_${table}_root`,
        dump: [[table, 2, 1, 1]],
        page: [[6, 5, 4], 4, 0],
        contains: [true, false],
        edge: 3,
        from_the_copy: [6, 5, 4, 3, 2],
        errors: {
          no_shard: 'there is no shard localhost/none',
          no_graph: expect.stringContaining('9999') as string,
          no_json: expect.stringContaining('a job is a JSON object') as string,
        },
        still_there: true,
      });
    });
  },
);
