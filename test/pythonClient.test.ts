import { afterAll, beforeAll, describe, it } from 'vitest';
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
    ])('works %s', async (_name, framed, sourceId) => {
      if (typeof tools === 'string') return;
      expectPythonAnswers(
        await runPythonClient(tools, { host: '127.0.0.1', port: server.port, framed, graphId: 1, sourceId }),
        sourceId,
      );
    });
  },
);
