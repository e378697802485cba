import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { Metrics, silentLog } from '../process/index.js';
import { Access } from './access.js';
import { editAccessFile, readAccessFile, type AccessRulesInput } from './accessFile.js';
import type { Peer } from './peer.js';
import { newToken } from './token.js';

const folder = mkdtempSync(join(tmpdir(), 'roost-access-'));
const opened: Access[] = [];
afterEach(async () => {
  for (const access of opened.splice(0)) await access.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function write(rules: AccessRulesInput): string {
  const file = join(folder, `${files++}.json`);
  writeFileSync(file, JSON.stringify(rules));
  return file;
}
const metrics = new Metrics();
function open(file: string): Access {
  const access = Access.fromFile(file, { log: silentLog, metrics });
  opened.push(access);
  return access;
}
const flock = {
  service: 'flock',
  roles: {
    contains: { role: 'read', graphs: ['1'] },
    select: { role: 'read', graphs: ['0.*.term.graph_id'] },
    list: { role: 'read', graphs: [] },
    journal: 'read',
    time: 'any',
    write: { role: 'write', graphs: ['0.graph_id'] },
    retry: 'operate',
  },
  graphName: (id: number) => ({ 1: 'follows', 2: 'blocks' })[id],
} as const;
const methods = [...Object.keys(flock.roles), 'drop'];
const peer: Peer = { address: '203.0.113.9' };

/** The methods that a caller with some grants may call, whatever their arguments. */
function allowed(grants: AccessRulesInput['identities'][string]['grants']): string[] {
  const { text, record } = newToken();
  const access = open(write({ identities: { web: { grants, tokens: [record] } } }));
  const caller = access.port(flock).enter(peer, () => undefined);
  caller.authenticate(text);
  return methods.filter((method) => caller.refusalOf(method) === undefined);
}

describe('a role', () => {
  it.each([
    ['read', ['contains', 'select', 'list', 'journal', 'time']],
    ['write', ['time', 'write']],
    ['operate', ['time', 'retry']],
    ['admin', methods],
  ] as const)('%s allows its methods, and no others', (role, expected) => {
    expect(allowed([{ roles: [role] }])).toEqual(expected);
  });

  it('allows nothing on a service that the grant does not name', () => {
    expect(allowed([{ roles: ['admin'], services: ['tbird', 'manager'] }])).toEqual([]);
    expect(allowed([])).toEqual([]);
  });

  it('limited to graphs allows methods that name their graphs', () => {
    expect(allowed([{ roles: ['read', 'write'], graphs: ['follows'] }])).toEqual([
      'contains',
      'select',
      'list',
      'time',
      'write',
    ]);
  });

  it('limited to graphs refuses calls about others, also beside one that is granted', () => {
    const { text, record } = newToken();
    const grants = [{ roles: ['read' as const], graphs: ['follows'] }, { roles: ['write' as const] }];
    const caller = open(write({ identities: { web: { grants, tokens: [record] } } }))
      .port(flock)
      .enter(peer, () => undefined);
    caller.authenticate(text);
    const term = (graph: unknown) => ({ term: { graph_id: graph } });
    expect(caller.refusalOfGraphs('contains', [5n, 1, 6n])).toBeUndefined();
    expect(caller.refusalOfGraphs('select', [[term(1), { term: null }, term(1)]])).toBeUndefined();
    expect(caller.refusalOfGraphs('write', [{ graph_id: 2 }])).toBeUndefined();
    expect(caller.refusalOfGraphs('contains', [5n, 2, 6n])).toMatchObject({
      code: 'PermissionDenied',
      retryable: false,
      fields: { identity: 'web', service: 'flock', method: 'contains', role: 'read', graph: '2' },
    });
    for (const other of [2, 3, -1, '1', 1n, {}])
      expect(caller.refusalOfGraphs('select', [[term(1), term(other)]]), typeof other).toMatchObject({
        code: 'PermissionDenied',
      });
  });
});

describe('an action', () => {
  it('needs its role on the service that it changes, whatever port it came to', () => {
    const tokens = [newToken(), newToken(), newToken()] as const;
    const grants = [
      [{ roles: ['admin' as const], services: ['flock'] }],
      [{ roles: ['operate' as const], services: ['manager'] }],
      [{ roles: ['admin' as const] }],
    ];
    const identities = Object.fromEntries(
      tokens.map(({ record }, i) => [`i${i}`, { tokens: [record], grants: grants[i]! }]),
    );
    const port = open(write({ identities })).port(flock);
    const refusals = (token?: string) => {
      const caller = port.enter(peer, () => undefined);
      if (token !== undefined) caller.authenticate(token);
      return (['operate', 'admin'] as const).map((role) => caller.refusalOfRole(role, 'manager', 'a pause')?.message);
    };
    const denied = (name: string, role: string) => `${name} may not call a pause: it needs the role ${role} on manager`;
    expect(refusals()).toEqual(Array(2).fill(expect.stringContaining('a token, a certificate')));
    expect(tokens.map(({ text }) => refusals(text))).toEqual([
      [denied('i0', 'operate'), denied('i0', 'admin')],
      [undefined, denied('i1', 'admin')],
      [undefined, undefined],
    ]);
    const everybody = Access.open.port(flock).enter(peer, () => undefined);
    expect(everybody.refusalOfRole('admin', 'manager', 'a pause')).toBeUndefined();
  });
});

describe('a caller', () => {
  it('without an identity may call nothing', () => {
    const caller = open(write({ identities: {} }))
      .port(flock)
      .enter(peer, () => undefined);
    expect(caller.isKnown).toBe(false);
    for (const method of [...methods, undefined])
      expect(caller.refusalOf(method)).toMatchObject({ code: 'Unauthenticated', retryable: false });
  });

  it('is known by its token, its certificate, or the narrowest network that it comes from', () => {
    const { text, record } = newToken();
    const port = open(
      write({
        identities: {
          byToken: { tokens: [record] },
          byName: { certificates: ['CN:web', 'DNS:web.example'] },
          wide: { networks: ['10.0.0.0/8', 'fd00::/8'] },
          narrow: { networks: ['10.1.0.0/16', '10.2.3.4'] },
        },
      }),
    ).port(flock);
    const nameOf = (given: Peer, token?: string): string | undefined => {
      const caller = port.enter(given, () => undefined);
      if (token !== undefined) caller.authenticate(token);
      return caller.caller?.name;
    };
    const certificate = { commonName: undefined, names: ['URI:spiffe://x', 'DNS:web.example'] };
    expect([
      nameOf(peer, text),
      nameOf({ address: '10.1.0.1' }, text),
      nameOf({ address: '10.1.0.1', certificate }),
      nameOf({ address: '', certificate: { commonName: 'web', names: [] } }),
      nameOf({ address: '', certificate: { commonName: 'DNS:web.example', names: ['CN:web2'] } }),
      nameOf({ address: '10.9.0.1' }),
      nameOf({ address: '::ffff:10.1.2.3' }),
      nameOf({ address: '10.2.3.4' }),
      nameOf({ address: 'fd12::1' }),
      nameOf({ address: '11.0.0.1' }),
      nameOf({ address: 'nonsense' }),
    ]).toEqual([
      'byToken',
      'byToken',
      'byName',
      'byName',
      undefined,
      'wide',
      'narrow',
      'narrow',
      'wide',
      undefined,
      undefined,
    ]);
  });

  it('with a wrong token stays unknown, and a second one is refused', () => {
    const { text, record } = newToken();
    const other = newToken().text;
    const port = open(write({ identities: { web: { tokens: [record] } } })).port(flock);
    const caller = port.enter(peer, () => undefined);
    // The right id with another secret, too.
    const secretOfAnother = `${text.slice(0, 15)}${other.slice(15)}`;
    for (const wrong of ['', 'roost', other, secretOfAnother, `${text} `, text.slice(0, -1), 'x'.repeat(10_000)])
      expect(() => caller.authenticate(wrong)).toThrow(expect.objectContaining({ code: 'Unauthenticated' }));
    expect(caller.isKnown).toBe(false);
    caller.authenticate(text);
    expect(() => caller.authenticate(text)).toThrow(expect.objectContaining({ code: 'FailedPrecondition' }));
    expect(caller.caller).toEqual({ name: 'web', roles: [] });
  });

  it('is bounded in calls a second over all of its connections', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const settings = { grants: [{ roles: ['read' as const] }], networks: ['203.0.113.0/24'] };
      const port = open(write({ identities: { web: { ...settings, callsPerSecond: 100, burst: 10 } } })).port(flock);
      const callers = [1, 2].map(() => port.enter(peer, () => undefined));
      const taken = (): number =>
        Array.from({ length: 40 }, (_, i) => callers[i % 2]!.refusalOf('contains')).filter(
          (refusal) => refusal === undefined,
        ).length;
      expect(taken()).toBe(10);
      expect(callers[0]!.refusalOf('contains')).toMatchObject({ code: 'Overloaded', retryAfterMs: 10 });
      vi.advanceTimersByTime(50);
      expect(taken()).toBe(5);
      vi.advanceTimersByTime(60_000);
      expect(taken()).toBe(10);
    } finally {
      vi.useRealTimers();
    }
  });

  it('shares its limits among the processes of a server, by its connections in each', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const settings = { grants: [{ roles: ['read' as const] }], networks: ['203.0.113.0/24'] };
      const access = open(write({ identities: { web: { ...settings, callsPerSecond: 100, connections: 5 } } }));
      const port = access.port(flock);
      const caller = port.enter(peer, () => undefined);
      expect(access.connections).toEqual({ web: 1 });
      const taken = (): number =>
        Array.from({ length: 200 }, () => caller.refusalOf('contains')).filter((refusal) => refusal === undefined)
          .length;
      access.useElsewhere({ web: 3 });
      vi.advanceTimersByTime(60_000);
      expect(taken()).toBe(25);
      access.useElsewhere({ web: 0 });
      vi.advanceTimersByTime(60_000);
      expect(taken()).toBe(100);
      access.useElsewhere({ web: 4 });
      expect(port.enter(peer, () => undefined).refusalOf('contains')).toMatchObject({ code: 'Overloaded' });
    } finally {
      vi.useRealTimers();
    }
  });

  it('is bounded in connections over all ports', () => {
    const { text, record } = newToken();
    const access = open(
      write({ identities: { web: { grants: [{ roles: ['admin'] }], tokens: [record], connections: 2 } } }),
    );
    const ports = [access.port(flock), access.port({ service: 'tbird', roles: {} })];
    const enter = (i: number) => ports[i % 2]!.enter(peer, () => undefined);
    const callers = [0, 1].map(enter);
    for (const caller of callers) caller.authenticate(text);
    const third = enter(2);
    expect(() => third.authenticate(text)).toThrow(expect.objectContaining({ code: 'Overloaded', retryable: true }));
    expect(third.refusalOf('contains')).toMatchObject({ code: 'Unauthenticated' });
    callers[0]!.leave();
    third.authenticate(text);
    expect(third.refusalOf('contains')).toBeUndefined();
  });
});

describe('the file', () => {
  const identities = (...records: AccessRulesInput['identities'][string]['tokens'][]) =>
    Object.fromEntries(records.map((tokens, i) => [`web${i}`, { grants: [{ roles: ['read' as const] }], tokens }]));

  it('is reloaded: connections of revoked tokens are closed, all others get their new roles', async () => {
    const [one, two] = [newToken(), newToken()];
    const file = write({ identities: identities([one.record], [two.record]) });
    const port = open(file).port(flock);
    const revoked: string[] = [];
    const [first, second] = [one, two].map(({ text, record }) => {
      const caller = port.enter(peer, () => revoked.push(record.id));
      caller.authenticate(text);
      return caller;
    });
    editAccessFile(file, (rules) => {
      rules.identities['web0']!.tokens = [];
      rules.identities['web1']!.grants = [{ roles: ['write'] }];
    });
    await vi.waitFor(() => expect(revoked).toEqual([one.record.id]), 10_000);
    expect(first!.refusalOf('contains')).toMatchObject({ code: 'Unauthenticated' });
    expect([second!.refusalOf('contains')?.code, second!.refusalOf('write')]).toEqual(['PermissionDenied', undefined]);
    expect(() => port.enter(peer, () => undefined).authenticate(one.text)).toThrow(
      expect.objectContaining({ code: 'Unauthenticated' }),
    );
  });

  it('keeps its last content in force while it cannot be read', async () => {
    const { text, record } = newToken();
    const file = write({ identities: identities([record]) });
    const errors: unknown[] = [];
    const log = Object.assign(Object.create(silentLog) as typeof silentLog, {
      error: (of: unknown) => errors.push(of),
    });
    const access = Access.fromFile(file, { log, metrics });
    opened.push(access);
    writeFileSync(file, '{ "identities": ');
    await vi.waitFor(() => expect(errors).toHaveLength(1), 10_000);
    const caller = access.port(flock).enter(peer, () => undefined);
    caller.authenticate(text);
    expect(caller.refusalOf('contains')).toBeUndefined();
  });

  it.each([
    ['an unknown role', { identities: { web: { grants: [{ roles: ['root'] }] } } }, /web.grants.0.roles.0/],
    ['an unknown key', { identities: { web: { token: 'x' } } }, /token/],
    ['a name with a line break', { identities: { 'a\nb': {} } }, /identities/],
    ['a network that is none', { identities: { web: { networks: ['10.0.0.0/33'] } } }, /networks.0/],
    ['graphs of an operator', { identities: { web: { grants: [{ roles: ['operate'], graphs: ['a'] }] } } }, /graphs/],
    [
      'one certificate for two',
      { identities: { a: { certificates: ['CN:x'] }, b: { certificates: ['CN:x'] } } },
      /a and to b/,
    ],
  ])('with %s is refused', (_what, rules, message) => {
    const file = write(rules as AccessRulesInput);
    expect(() => readAccessFile(file)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }));
    expect(() => readAccessFile(file)).toThrow(message);
  });

  it('keeps a server from starting when it is missing', () => {
    expect(() => open(join(folder, 'none.json'))).toThrow(expect.objectContaining({ code: 'FailedPrecondition' }));
  });

  it('keeps its mode and content through an edit, and refuses an edit that would make it invalid', () => {
    const file = write({ identities: identities([]) });
    const { mode } = statSync(file);
    editAccessFile(file, (rules) => (rules.identities['new'] = {}));
    expect(statSync(file).mode).toBe(mode);
    expect(Object.keys(readAccessFile(file).identities)).toEqual(['web0', 'new']);
    expect(() => editAccessFile(file, (rules) => (rules.identities['a b'] = {}))).toThrow(
      expect.objectContaining({ code: 'InvalidArgument' }),
    );
    expect(Object.keys(readAccessFile(file).identities)).toEqual(['web0', 'new']);
  });
});
