import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { editAccessFile, newToken, roles, type AccessRulesInput, type Role } from '../access/index.js';
import { stores } from '../cli/stores.js';
import { openCluster, serveCluster, servicesOf, type Cluster, type ServedCluster } from '../cluster/index.js';
import {
  BinaryWriter,
  JobInjectorProcessor,
  RoostFlockProcessor,
  RoostTimelinesProcessor,
  TBirdProcessor,
  UsersProcessor,
} from '../wire/index.js';
import { ManagerProcessor } from '../wire/manager/index.js';
import { callRoost } from './callRoost.js';
import { authenticateCall, RawClient } from './inMemory/rawClient.js';
import { expectPythonAnswers, findPythonTools, runPythonClient } from './pythonClient.js';
import { freshCluster } from './support/index.js';

const folder = mkdtempSync(join(tmpdir(), 'roost-access-'));
const file = join(folder, 'access.json');
const tokens = Object.fromEntries(['nobody', ...roles].map((name) => [name, newToken()]));
const identities: AccessRulesInput['identities'] = Object.fromEntries(
  Object.entries(tokens).map(([name, { record }]) => [
    name,
    { tokens: [record], grants: roles.filter((role) => role === name).map((role) => ({ roles: [role] })) },
  ]),
);
writeFileSync(file, JSON.stringify({ identities }));

const { config, configPath } = freshCluster('access', { access: { file } });
let cluster: Cluster<typeof stores>;
let served: ServedCluster;
const portOf = (service: string): number =>
  service === 'manager' || service === 'injector' ? served[service].port : served.stores[service]!.port;

beforeAll(async () => {
  cluster = await openCluster(config, stores, { work: true, create: true });
  served = await serveCluster(cluster, { version: 'test' });
  await cluster.stores.flock.createGraph('follows', { shards: 1, replicas: 1 });
  const { admin, manager, stores: at } = served;
  const ports = Object.fromEntries(Object.entries(at).map(([name, { port }]) => [`${name}Port`, port]));
  const server = { ...config.server, ...ports, managerPort: manager.port, adminPort: admin.port };
  writeFileSync(configPath, JSON.stringify({ ...config, server }));
});
afterAll(async () => {
  await served?.close();
  await cluster?.close();
  rmSync(folder, { recursive: true });
});

const processors: Readonly<Record<string, { readonly prototype: object }>> = {
  flock: RoostFlockProcessor,
  tbird: TBirdProcessor,
  users: UsersProcessor,
  timeline: RoostTimelinesProcessor,
  manager: ManagerProcessor,
  injector: JobInjectorProcessor,
};
const thriftServices = servicesOf(stores).filter(({ service }) => service !== 'metrics');

function methodsOf(service: string): string[] {
  const found = new Set<string>();
  for (
    let at: object | null = processors[service]!.prototype;
    at !== null;
    at = Object.getPrototypeOf(at) as object | null
  )
    for (const name of Object.getOwnPropertyNames(at)) if (name.startsWith('process_')) found.add(name.slice(8));
  return [...found].sort();
}

function emptyCall(method: string, seqid: number): Buffer {
  let call = Buffer.alloc(0);
  const output = new BinaryWriter(true, (message) => (call = Buffer.from(message)));
  output.writeMessageBegin(method, 1, seqid);
  output.writeFieldStop();
  output.flush();
  return call;
}

/** What a caller with a token, or without one, is told of each method of a service: why not, or undefined. */
async function refusals(service: string, token: string | undefined): Promise<Record<string, string | undefined>> {
  const methods = methodsOf(service);
  const raw = await RawClient.connect(portOf(service));
  try {
    if (token !== undefined) {
      raw.send(authenticateCall(true, 1_000, token));
      await raw.answer();
    }
    for (const [i, method] of methods.entries()) raw.send(emptyCall(method, i));
    const told: Record<string, string | undefined> = {};
    for (let i = 0; i < methods.length; i++) {
      const { seqid, message } = (await raw.answer())!;
      told[methods[seqid]!] = /may not call \w+|a token, a certificate/.exec(message.toString('latin1'))?.[0];
    }
    return told;
  } finally {
    await raw.close();
  }
}

describe('every method of every service', () => {
  it.each(thriftServices)('of $service says which role it needs', ({ service, roles: needs }) => {
    expect(Object.keys(needs).sort()).toEqual(methodsOf(service));
  });

  it.each(thriftServices)('of $service is refused without a token', async ({ service }) => {
    expect(await refusals(service, undefined)).toEqual(
      Object.fromEntries(methodsOf(service).map((method) => [method, 'a token, a certificate'])),
    );
  });

  it.each(['nobody' as const, ...roles])('is there for the role %s as its table says', async (role) => {
    for (const { service, roles: needs } of thriftServices) {
      const may = (method: string): boolean => {
        const given = needs[method]!;
        const need: Role | 'any' = typeof given === 'string' ? given : given.role;
        return role !== 'nobody' && (role === 'admin' || need === 'any' || need === role);
      };
      expect(await refusals(service, tokens[role]!.text), service).toEqual(
        Object.fromEntries(
          methodsOf(service).map((method) => [method, may(method) ? undefined : `may not call ${method}`]),
        ),
      );
    }
    // The matrix has stopped and resumed the work on jobs in any order.
    expect((await callRoost(['job', 'resume', 'all', '--config', configPath], folder)).exitCode).toBe(0);
  });
});

describe('the admin port', () => {
  async function get(
    path: string,
    token?: string,
  ): Promise<{ status: number; asks: string | undefined; text: string }> {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ host: '127.0.0.1', port: served.admin.port, path, headers, agent: false }, resolve)
        .on('error', reject)
        .end();
    });
    return { status: answer.statusCode!, asks: answer.headers['www-authenticate'], text: await text(answer) };
  }

  it('tells everybody of its health, and nothing else', async () => {
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).text).toBe('ok\n');
    for (const path of ['/metrics', '/server_info', '/server_info.txt', '/stats.txt', '/', '/other']) {
      const answer = await get(path);
      expect([path, answer.status, answer.asks]).toEqual([path, 401, 'Bearer']);
      expect(answer.text).not.toContain(config.cluster);
    }
  });

  it('shows its pages to those with the role read', async () => {
    const statuses = async (token: string): Promise<number[]> =>
      Promise.all(['/healthz', '/metrics', '/server_info'].map(async (path) => (await get(path, token)).status));
    expect(await statuses(tokens['read']!.text)).toEqual([200, 200, 200]);
    expect(await statuses(tokens['write']!.text)).toEqual([200, 403, 403]);
    expect(await statuses(newToken().text)).toEqual([200, 401, 401]);
    expect((await get('/metrics', tokens['read']!.text)).text).toMatch(
      /^roost_access_refused_total\{identity="write",reason="permission"\} [1-9]/m,
    );
  });
});

it('a server that others reach starts only where something says who may call', async () => {
  const beyond = { ...config.server, host: '0.0.0.0', plain: true };
  const serve = (access: object): Promise<ServedCluster> =>
    serveCluster(Object.create(cluster, { config: { value: { ...config, server: beyond, access } } }) as Cluster, {
      version: 'test',
    });
  await expect(serve({ open: false })).rejects.toMatchObject({
    code: 'FailedPrecondition',
    message: expect.stringContaining('access.file') as string,
  });
  await (await serve({ open: true })).close();
});

describe('clients of the original services', () => {
  it('are known by the network that they come from', async (context) => {
    const tools = await findPythonTools();
    if (typeof tools === 'string') return context.skip(tools);
    editAccessFile(file, ({ identities: all }) => {
      all['legacy'] = { networks: ['127.0.0.0/8'], grants: [{ roles: ['read', 'write'], services: ['flock'] }] };
    });
    try {
      const isKnown = async (): Promise<boolean> =>
        Object.values(await refusals('flock', undefined)).some((refusal) => refusal === undefined);
      await expect.poll(isKnown, { timeout: 10_000 }).toBe(true);
      const run = { host: '127.0.0.1', port: portOf('flock'), framed: false, graphId: 1, sourceId: 2n ** 40n };
      expectPythonAnswers(await runPythonClient(tools, run), run.sourceId);
    } finally {
      editAccessFile(file, ({ identities: all }) => delete all['legacy']);
    }
  });
});
