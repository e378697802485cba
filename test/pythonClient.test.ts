import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Access } from '../access/index.js';
import { flockStore } from '../flock/index.js';
import { makeDevelopmentCertificates } from '../playground/developmentCertificates.js';
import { Metrics, silentLog } from '../process/index.js';
import { startTestServer, type TestServer } from './inMemory/testServer.js';
import { expectPythonAnswers, findPythonTools, runPythonClient } from './pythonClient.js';

const tools = await findPythonTools();

describe.skipIf(typeof tools === 'string')(
  `a client in Python, with code generated from the IDL${typeof tools === 'string' ? `: skipped, ${tools}` : ''}`,
  () => {
    let server: TestServer;

    beforeAll(async () => {
      server = await startTestServer();
    });

    afterAll(() => server.close());

    it.each([
      ['framed', true, 2n ** 40n],
      ['unframed', false, 2n ** 41n],
    ])('writes, reads and gets errors over %s messages', async (_name, framed, sourceId) => {
      if (typeof tools === 'string') return;
      expectPythonAnswers(
        await runPythonClient(tools, { host: '127.0.0.1', port: server.port, framed, graphId: 1, sourceId }),
        sourceId,
      );
    });

    it('calls over TLS as the identity of its certificate', async () => {
      if (typeof tools === 'string') return;
      const dir = mkdtempSync(join(tmpdir(), 'roost-python-tls-'));
      const clients = ['writer', 'stranger'];
      const made = await makeDevelopmentCertificates({ dir, hosts: ['localhost'], clients, days: 1 });
      const file = join(dir, 'access.json');
      const writer = { certificates: ['CN:writer'], grants: [{ roles: ['read', 'write'], graphs: ['follows'] }] };
      writeFileSync(file, JSON.stringify({ identities: { writer } }));
      const access = Access.fromFile(file, { log: silentLog, metrics: new Metrics() });
      const graphName = (id: number) => (id === 1 ? 'follows' : undefined);
      const secure = await startTestServer({
        tls: { ...made.server, clientCaFile: made.caFile },
        access: access.port({ service: 'flock', roles: flockStore.service!.roles!, graphName }),
      });
      try {
        const run = (name: string) =>
          runPythonClient(tools, {
            ...{ host: 'localhost', port: secure.port, framed: false, graphId: 1, sourceId: 2n ** 42n },
            tls: { caFile: made.caFile, ...made.clients[name]! },
          });
        await expect(run('stranger')).rejects.toThrow(/a token, a certificate or an allowed network is needed/);
        // A graph that does not exist counts as a graph that the caller may not use.
        expect(await run('writer')).toMatchObject({
          counts: [3, 2],
          errors: { no_graph: expect.stringMatching(/^writer may not call/) as string },
          still_connected: true,
        });
      } finally {
        await secure.close();
        await access.close();
        rmSync(dir, { recursive: true });
      }
    });
  },
);
