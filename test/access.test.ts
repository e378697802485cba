import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
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
import { Deadline, limits } from '../core/index.js';
import { connect, Injectors, ThriftConnection } from '../sdk/index.js';
import { ManagerClient, ManagerProcessor } from '../wire/manager/index.js';
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

/**
 * Returns, for each method of a service, why a caller with this token (or without one) is refused; undefined if the
 * call is allowed.
 */
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

  it.each(['nobody' as const, ...roles])('is allowed to the role %s if its table says so', async (role) => {
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
    // The matrix has stopped and resumed jobs in any order, so resume them all.
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

  /**
   * Returns everything that the server sends on a connection that brings these bytes, until either side closes it.
   */
  async function sent(bytes: string): Promise<string> {
    const socket = connectTcp({ host: '127.0.0.1', port: served.admin.port });
    let all = '';
    socket.on('data', (part: Buffer) => (all += part.toString('latin1')));
    socket.on('error', () => undefined);
    socket.end(bytes, 'latin1');
    await once(socket, 'close');
    return all;
  }
  const requestFor = (path: string, ...headers: string[]): string =>
    [`GET ${path} HTTP/1.1`, 'host: roost', 'connection: close', ...headers, '', ''].join('\r\n');

  it('answers no crafted path, method or header with data', async () => {
    const { text: writer } = tokens['write']!;
    const paths = [
      '//metrics',
      '/./metrics',
      '/healthz/../metrics',
      '/%6detrics',
      '/METRICS',
      '/metrics/',
      '/metrics%00',
    ];
    const more = [
      '/healthz;/metrics',
      '/healthz%2f..%2fmetrics',
      '/metrics%20',
      'http://roost/metrics',
      'metrics',
      '*',
      '/__proto__',
    ];
    const lies = [
      'X-Forwarded-For: 10.9.9.9',
      'Forwarded: for=10.9.9.9',
      'X-Real-IP: 10.9.9.9',
      'X-Original-URL: /metrics',
    ];
    const hidden = requestFor('/metrics');
    const attempts = [
      ...[...paths, ...more].flatMap((path) => [requestFor(path), requestFor(path, `Authorization: Bearer ${writer}`)]),
      ...['POST', 'PUT', 'OPTIONS', 'TRACE', 'CONNECT', 'get'].map((method) =>
        requestFor('/metrics').replace('GET', method),
      ),
      ...lies.map((header) => requestFor('/metrics', header)),
      requestFor('/metrics', `Authorization: Bearer ${writer}`, `Authorization: Bearer ${tokens['read']!.text}`),
      requestFor('/metrics', `Authorization: Bearer ${writer}, Bearer ${tokens['read']!.text}`),
      requestFor('/metrics', `Authorization: Basic ${Buffer.from(`read:${tokens['read']!.text}`).toString('base64')}`),
      requestFor('/metrics', `Cookie: authorization=${tokens['read']!.text}`),
      requestFor(`/metrics?token=${tokens['read']!.text}`),
      requestFor('/healthz', `Content-Length: ${hidden.length}`) + hidden,
      requestFor('/healthz', 'Content-Length: 4', 'Transfer-Encoding: chunked') + `0\r\n\r\n${hidden}`,
      requestFor('/healthz', 'Transfer-Encoding: chunked, identity') + `0\r\n\r\n${hidden}`,
      requestFor('/healthz', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__').replace(
        'close',
        'Upgrade, HTTP2-Settings',
      ),
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      `GET /metrics\r\n\r\n`,
    ];
    editAccessFile(file, ({ identities: all }) => {
      all['scraper'] = { networks: ['10.9.9.0/24'], grants: [{ roles: ['read'] }] };
    });
    await setTimeout(2 * limits.accessLookMs);
    for (const attempt of attempts) {
      const answer = await sent(attempt);
      const [, status = 'closed'] = /^HTTP\/1\.1 (\d+)/.exec(answer) ?? [];
      expect([attempt, status]).toEqual([attempt, expect.stringMatching(/^(closed|200|400|401|403|405)$/)]);
      expect([attempt, answer.replace(/^HTTP[^]*?\r\n\r\n/, '')]).toEqual([
        attempt,
        expect.not.stringMatching(/roost_|server_info|version|process/) as string,
      ]);
      expect([attempt, answer]).toEqual([attempt, expect.not.stringContaining(config.cluster) as string]);
    }
    editAccessFile(file, ({ identities: all }) => delete all['scraper']);
  });

  it('counts its requests among the calls and connections of an identity', async () => {
    const [slow, busy] = [newToken(), newToken()];
    const grants = [{ roles: ['read' as const] }];
    editAccessFile(file, ({ identities: all }) => {
      all['slow'] = { tokens: [slow.record], grants, callsPerSecond: 0.001, burst: 2 };
      all['busy'] = { tokens: [busy.record], grants, connections: 1 };
    });
    await expect.poll(async () => (await get('/metrics', slow.text)).status, { timeout: 10_000 }).toBe(200);
    expect((await get('/server_info', slow.text)).status).toBe(200);
    const refused = await get('/metrics', slow.text);
    expect([refused.status, refused.text]).toEqual([
      429,
      expect.stringMatching(/^slow makes more than its 0.001 calls/),
    ]);
    const raw = await RawClient.connect(portOf('flock'));
    raw.send(authenticateCall(true, 1, busy.text));
    await raw.answer();
    const full = await get('/metrics', busy.text);
    expect([full.status, full.text]).toEqual([429, expect.stringMatching(/^busy has 1 conn/)]);
    expect((await get('/healthz', busy.text)).status).toBe(200);
    await raw.close();
    await expect.poll(async () => (await get('/metrics', busy.text)).status, { timeout: 10_000 }).toBe(200);
    editAccessFile(file, ({ identities: all }) => {
      for (const name of ['slow', 'busy']) delete all[name];
    });
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
    const isKnown = async (): Promise<boolean> =>
      Object.values(await refusals('flock', undefined)).some((refusal) => refusal === undefined);
    editAccessFile(file, ({ identities: all }) => {
      all['legacy'] = { networks: ['127.0.0.0/8'], grants: [{ roles: ['read', 'write'], services: ['flock'] }] };
    });
    try {
      await expect.poll(isKnown, { timeout: 10_000 }).toBe(true);
      const run = { host: '127.0.0.1', port: portOf('flock'), framed: false, graphId: 1, sourceId: 2n ** 40n };
      expectPythonAnswers(await runPythonClient(tools, run), run.sourceId);
    } finally {
      editAccessFile(file, ({ identities: all }) => delete all['legacy']);
    }
    await expect.poll(isKnown, { timeout: 10_000 }).toBe(false);
  });
});

describe('a client', () => {
  const server = (service: string): string => `127.0.0.1:${portOf(service)}`;
  const tokenFile = (name: string, token: string): string => {
    const path = join(folder, `${name}.token`);
    writeFileSync(`${path}.new`, `${token}\n`);
    renameSync(`${path}.new`, path);
    return path;
  };

  it('without a token, or with a wrong one, is told so at once', async () => {
    await expect(connect(server('flock'))).rejects.toMatchObject({ code: 'Unauthenticated', retryable: false });
    await expect(connect({ servers: [server('flock')], token: newToken().text })).rejects.toMatchObject({
      code: 'Unauthenticated',
    });
  });

  it('may do what its roles say', async () => {
    await using reader = await connect({ servers: [server('flock')], token: tokens['read']!.text });
    const follows = await reader.graph('follows');
    expect(await follows.contains(1, 2)).toBe(false);
    await expect(follows.add(1, 2)).rejects.toMatchObject({
      code: 'PermissionDenied',
      retryable: false,
      fields: { identity: 'read', role: 'write' },
    });
  });

  it('loses no call while its token is replaced, and the old one opens nothing any more', async () => {
    const access = (...args: string[]) => callRoost(['access', ...args, '--file', file, '--json'], folder);
    const made = async (): Promise<{ id: string; token: string }> =>
      JSON.parse((await access('token', 'new', 'app', ...roleOfFirst())).stdout) as { id: string; token: string };
    let first = true;
    const roleOfFirst = (): string[] => {
      const options = first ? ['--role', 'read,write', '--service', 'flock'] : [];
      first = false;
      return options;
    };
    const old = await made();
    const path = tokenFile('app', old.token);
    // Wait until the server has read the file.
    await expect
      .poll(() => connect({ servers: [server('flock')], tokenFile: path }).then((each) => each.close()), {
        timeout: 10_000,
      })
      .toBeUndefined();
    await using app = await connect({ servers: [server('flock')], tokenFile: path });
    const follows = await app.graph('follows');
    const raw = await RawClient.connect(portOf('flock'));
    raw.send(authenticateCall(true, 1, old.token));
    await raw.answer();

    let calls = 0;
    let ended = false;
    const load = Array.from({ length: 8 }, async (_, i) => {
      for (let id = 1; !ended; id++, calls++) {
        if (id % 2 === 0) await follows.contains(i, id);
        else await follows.add(1_000 + i, id);
      }
    });
    const next = await made();
    await setTimeout(2 * limits.accessLookMs);
    tokenFile('app', next.token);
    expect((await access('token', 'revoke', old.id, '--yes')).exitCode).toBe(0);
    await raw.closedByServer();
    const before = calls;
    await expect.poll(() => calls, { timeout: 20_000 }).toBeGreaterThan(before + 100);
    ended = true;
    await Promise.all(load);
    await expect(connect({ servers: [server('flock')], token: old.token })).rejects.toMatchObject({
      code: 'Unauthenticated',
    });
  });

  it('of the command line shows the token in a file', async () => {
    const ask = (...options: string[]) =>
      callRoost(['flock', 'contains', 'follows', '1', '2', '--server', server('flock'), ...options], folder);
    expect((await ask()).exitCode).toBe(19);
    expect((await ask('--token-file', tokenFile('write', tokens['write']!.text))).exitCode).toBe(20);
    expect(await ask('--token-file', tokenFile('read', tokens['read']!.text))).toMatchObject({ exitCode: 0 });
  });

  it('of the manager stands in the audit with its name, its role and its address', async () => {
    const address = { host: '127.0.0.1', port: portOf('manager'), token: tokens['admin']!.text };
    const deadline = Deadline.after(10_000);
    const connection = await ThriftConnection.open(address, { Client: ManagerClient }, deadline);
    try {
      const weight = { hostname: 'db1', weight_write: 1, weight_read: 0.5 };
      await connection.call((manager) => manager.set_host_weight(weight), deadline);
      const [newest] = await cluster.gizzard.nameServer.audit({ count: 1 });
      expect(newest!.by).toMatch(/^admin \(admin\) at 127\.0\.0\.1, manager on \S+ \(process \d+\)$/);
      const elsewhere = { hostname: 'far.example', port: 7921, cluster: 'far', status: 0 };
      await expect(connection.call((manager) => manager.add_remote_host(elsewhere), deadline)).rejects.toMatchObject({
        cause: {
          description: expect.stringMatching(/^far\.example:7921 is not allowed .* access\.remoteHosts/) as string,
        },
      });
    } finally {
      await connection.close();
    }
  });

  it('of the job injector that it refuses keeps its jobs', async () => {
    const injectors = new Injectors();
    const inject = (role: string): Promise<void> =>
      injectors.inject({ host: '127.0.0.1', port: portOf('injector'), token: tokens[role]?.text }, [], {
        replicated: true,
        deadline: Deadline.after(5_000),
      });
    try {
      await expect(inject('none')).rejects.toMatchObject({ code: 'Unavailable', retryable: true });
      await injectors.close();
      await expect(inject('read')).rejects.toMatchObject({ code: 'Unavailable', retryable: true });
      await injectors.close();
      await inject('write');
    } finally {
      await injectors.close();
    }
  });
});

describe('roost access', () => {
  const own = join(folder, 'own.json');
  const access = (...args: string[]) => callRoost(['access', ...args, '--file', own], folder);

  it('makes a token once, lists it without its text, and revokes it', async () => {
    const made = await access(
      'token',
      'new',
      'web',
      '--role',
      'read,write',
      '--service',
      'flock',
      '--graph',
      'follows',
    );
    expect([made.exitCode, made.stdout]).toEqual([0, expect.stringMatching(/^roost_[a-z2-7]{8}_[\w-]{43}\n$/)]);
    const id = made.stdout.slice(6, 14);
    expect(statSync(own).mode & 0o777).toBe(0o600);
    expect(readFileSync(own, 'utf8')).not.toContain(made.stdout.trim());
    expect((await access('token', 'list')).stdout).toMatch(new RegExp(`^${id} +web`, 'm'));
    expect((await access('check')).stdout).toMatch(/^web +read, write on flock of follows +token /m);
    expect((await access('check', 'web')).stdout).toMatch(/^flock +contains +follows$/m);
    expect((await access('check', 'web')).stdout).not.toMatch(/journal_status.*follows|manager|create_tweets/);
    expect((await access('token', 'new', 'web', '--role', 'admin')).exitCode).toBe(12);
    expect((await access('token', 'revoke', id)).exitCode).toBe(13);
    expect((await access('token', 'revoke', id, '--yes')).exitCode).toBe(0);
    expect((await access('token', 'revoke', id, '--yes')).exitCode).toBe(11);
    expect((await access('check')).stdout).toMatch(/^web +read, write on flock of follows +nothing/m);
  });
});
