import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { variableName } from './configEnvironment.js';
import { keysOf, valueKeys } from './configKeys.js';
import { configPart } from './configPart.js';
import { configSchemaWith } from './configSchemaWith.js';
import { isRoostError } from '../core/index.js';
import { loadConfig, type LoadConfigOptions } from './loadConfig.js';

const valid = { databaseHosts: { host1: { port: 3307 }, 'host-2': { port: 3308 } }, nameServer: { hosts: ['host1'] } };

/** What a store brings. */
const part = configPart(
  { server: { flockPort: z.int().min(0).max(65_535).default(7915) }, cache: { graphs: z.boolean().default(false) } },
  {
    problems: ({ cache }, { memcached }) =>
      cache.graphs && memcached.length === 0 ? [{ key: ['cache', 'graphs'], text: 'needs nodes to cache on' }] : [],
  },
);

/** The variables that Kubernetes sets in every container for a Service in its namespace, with one named port. */
function variablesOfService(service: string): Record<string, string> {
  const name = service.toUpperCase().replaceAll('-', '_');
  return {
    [`${name}_SERVICE_HOST`]: '10.0.0.11',
    [`${name}_SERVICE_PORT`]: '7915',
    [`${name}_SERVICE_PORT_FLOCK`]: '7915',
    [`${name}_PORT`]: 'tcp://10.0.0.11:7915',
    [`${name}_PORT_7915_TCP`]: 'tcp://10.0.0.11:7915',
    [`${name}_PORT_7915_TCP_PROTO`]: 'tcp',
    [`${name}_PORT_7915_TCP_PORT`]: '7915',
    [`${name}_PORT_7915_TCP_ADDR`]: '10.0.0.11',
  };
}

describe('loadConfig', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'roost-config-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (content: unknown, name = 'roost.config.json'): string => {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };
  const load = (options: LoadConfigOptions = {}) =>
    loadConfig({ environment: {}, workingFolder: folder, parts: [part], ...options });
  const problem = (options: LoadConfigOptions = {}): { code: string; message: string } => {
    try {
      load(options);
    } catch (error) {
      if (isRoostError(error)) return { code: error.code, message: error.message.replaceAll(folder, 'DIR') };
      throw error;
    }
    throw new Error('the configuration was accepted');
  };

  it('fills in every default', () => {
    write(valid);
    const { config, path } = load();
    expect(path).toBe(join(folder, 'roost.config.json'));
    expect(config.server).toMatchObject({ host: '127.0.0.1', flockPort: 7915, adminPort: 9990 });
    expect(config.redis).toEqual({ host: '127.0.0.1', port: 6379 });
    expect(config.databaseHosts['host1']).toEqual({ host: '127.0.0.1', port: 3307, user: 'root', password: '' });
  });

  it('reads the file of the option, else of ROOST_CONFIG, else of the two default places', () => {
    write({ ...valid, cluster: 'playground' }, '.roost/roost.config.json');
    expect(load().config.cluster).toBe('playground');
    write({ ...valid, cluster: 'here' });
    expect(load().config.cluster).toBe('here');
    write({ ...valid, cluster: 'env' }, 'env.json');
    expect(load({ environment: { ROOST_CONFIG: 'env.json' } }).config.cluster).toBe('env');
    write({ ...valid, cluster: 'option' }, 'option.json');
    expect(load({ environment: { ROOST_CONFIG: 'env.json' }, path: 'option.json' }).config.cluster).toBe('option');
  });

  it('lets the environment override the file, and options the environment', () => {
    write({ ...valid, server: { flockPort: 1, adminPort: 1 }, cache: { plain: true } });
    const environment = {
      ROOST__SERVER__FLOCK_PORT: '2',
      ROOST__SERVER__ADMIN_PORT: '2',
      ROOST__MEMCACHED: 'a:1, b:2',
      ROOST__DATABASE_HOSTS__HOST_2__PASSWORD: '12',
      ROOST__JOBS__ERROR_DELAY_SECONDS: '0.5',
      ROOST_TEST_ANYTHING: 'x',
      ROOST_REDIS_IMAGE: 'redis:7',
      ROOST_FLOCK_PORT: '17915',
      HOME: '/',
    };
    const { config, warnings } = load({
      environment,
      overrides: [{ path: ['server', 'flockPort'], value: 3, source: '--flock-port' }],
    });
    expect(config.server).toMatchObject({ flockPort: 3, adminPort: 2 });
    expect(config.memcached).toEqual(['a:1', 'b:2']);
    expect(config.databaseHosts['host-2']?.password).toBe('12');
    expect(config.jobs.errorDelaySeconds).toBe(0.5);
    expect(warnings).toEqual([]);
  });

  it('takes the names that variables had before, with a warning, where nothing is set by the new ones', () => {
    write({ ...valid, server: { flockPort: 1, adminPort: 1 } });
    const { config, warnings } = load({
      environment: {
        ROOST__SERVER__ADMIN_PORT: '3',
        ROOST_SERVER_FLOCK_PORT: '2',
        ROOST_SERVER_ADMIN_PORT: '2',
        ROOST_DATABASE_HOSTS_HOST_2_PASSWORD: 'x',
      },
    });
    expect(config.server).toMatchObject({ flockPort: 2, adminPort: 3 });
    expect(config.databaseHosts['host-2']?.password).toBe('x');
    expect(warnings).toContain('environment variable ROOST_SERVER_FLOCK_PORT is named ROOST__SERVER__FLOCK_PORT now');
  });

  it.each(['roost', 'roost-server', 'roost-redis', 'roost-memcached', 'roost-server-flock', 'roost-config'])(
    'reads nothing of what Kubernetes sets for a Service named %s',
    (service) => {
      write(valid);
      const { config, warnings } = load({ environment: variablesOfService(service) });
      expect(config).toEqual(load().config);
      expect(warnings).toEqual([
        `not read, since they name no key of the configuration: ${Object.keys(variablesOfService(service)).join(', ')}`,
      ]);
    },
  );

  it('leaves variables alone that name no key, and says which was meant', () => {
    write(valid);
    expect(load({ environment: { ROOST__SERVER__FLOK_PORT: '1', ROOST_COLOR: 'red' } }).warnings).toEqual([
      'not read, since they name no key of the configuration: ROOST__SERVER__FLOK_PORT (did you mean ROOST__SERVER__FLOCK_PORT?), ROOST_COLOR',
    ]);
  });

  it('gives every key a variable of its own', () => {
    const names = valueKeys(['host1'], keysOf(configSchemaWith([part]))).map(variableName);
    expect(names).toContain('ROOST__SERVER__FLOCK_PORT');
    expect(names).toContain('ROOST__NAME_SERVER__RELOAD_SECONDS');
    expect(new Set(names).size).toBe(names.length);
  });

  it('names the places where it looked when there is no file', () => {
    expect(problem()).toMatchInlineSnapshot(`
      {
        "code": "NotFound",
        "message": "no configuration: there is neither roost.config.json nor .roost/roost.config.json in DIR; run \`roost playground start\`, which writes one, or name a file with --config",
      }
    `);
    expect(problem({ path: 'absent.json' })).toMatchInlineSnapshot(`
      {
        "code": "NotFound",
        "message": "DIR/absent.json: there is no such configuration file",
      }
    `);
  });

  it('shows no password of a configuration that is wrong', () => {
    const planted = 'planted-in-the-file';
    const url = `mysql://root:${planted}@db1`;
    const [both, clear] = [
      { password: planted, passwordFile: '/run/secrets/db' },
      { host: '10.0.0.9', password: planted },
    ];
    const wrong = [
      { databaseHosts: { host1: both, host2: clear, host3: url }, redis: both, timeline: { hosts: { t: clear } } },
      { databaseHosts: [clear], redis: [url] },
      { databaseHosts: { host1: { password: [planted] } }, redis: url },
      `{ "redis": { "password": ${planted} } }`,
      `{ "redis": { "password": "${planted}" planted } }`,
    ];
    for (const content of wrong) {
      write(typeof content === 'string' ? content : { ...valid, ...content });
      const { code, message } = problem();
      expect([code, message]).toEqual(['InvalidArgument', expect.not.stringMatching(/planted/)]);
    }
    write({ ...valid, redis: both });
    expect(problem().message).toMatch(/found \{"password":"…","passwordFile":"\/run\/secrets\/db"\}$/);
  });

  it('names the key, what was found and what is allowed', () => {
    write({
      cluster: '1st',
      databaseHosts: { host1: { port: '3307', password: 17 } },
      nameServer: { hosts: [], reloadSeconds: 0 },
      memcached: ['localhost'],
      server: { flockPort: 70_000, adminPort: 1.5, host: '' },
      log: { level: 'loud' },
    });
    expect(problem().code).toBe('InvalidArgument');
    expect(problem().message).toMatchInlineSnapshot(`
      "DIR/roost.config.json: cluster must start with a letter and hold only letters, digits and _, found "1st"
      DIR/roost.config.json: databaseHosts.host1.port must be an integer from 0 to 65535, found "3307"
      DIR/roost.config.json: databaseHosts.host1.password must be a string, found a value of type number
      DIR/roost.config.json: nameServer.hosts must be a list of 1 to 8 entries, found []
      DIR/roost.config.json: nameServer.reloadSeconds must be a number above 0 and up to 3600, found 0
      DIR/roost.config.json: memcached.0 must be host:port or host:port:weight, found "localhost"
      DIR/roost.config.json: server.host must be a string that is not empty, found ""
      DIR/roost.config.json: server.adminPort must be an integer from 0 to 65535, found 1.5
      DIR/roost.config.json: server.flockPort must be an integer from 0 to 65535, found 70000
      DIR/roost.config.json: log.level must be one of silent, error, warn, info, debug, found "loud""
    `);
  });

  it('names keys that are missing', () => {
    write({ databaseHosts: {} });
    expect(problem().message).toMatchInlineSnapshot(`
      "DIR/roost.config.json: databaseHosts needs at least one host, found {}
      DIR/roost.config.json: nameServer must be an object, found nothing"
    `);
  });

  it('says what is wrong between keys of a store and of Roost', () => {
    write({ ...valid, cache: { graphs: true } });
    expect(problem().message).toMatchInlineSnapshot(`"DIR/roost.config.json: cache.graphs needs nodes to cache on"`);
  });

  it('refuses unknown keys and says which was meant', () => {
    write({
      ...valid,
      servers: {},
      server: { flock_port: 1 },
      redis: { color: 'red' },
      databaseHosts: { host1: { passwort: 'x' } },
    });
    expect(problem().message).toMatchInlineSnapshot(`
      "DIR/roost.config.json: databaseHosts.host1.passwort is not a key of the configuration: did you mean databaseHosts.host1.password?
      DIR/roost.config.json: redis.color is not a key of the configuration: the keys here are host, port, username, password, passwordFile, tls, plain, sentinels, sentinelName
      DIR/roost.config.json: server.flock_port is not a key of the configuration: did you mean server.flockPort?
      DIR/roost.config.json: servers is not a key of the configuration: did you mean server?"
    `);
  });

  it('names the variable or the option that is wrong', () => {
    write(valid);
    expect(problem({ environment: { ROOST__SERVER__FLOCK_PORT: 'many' } }).message).toMatchInlineSnapshot(
      `"environment variable ROOST__SERVER__FLOCK_PORT: server.flockPort must be an integer from 0 to 65535, found "many""`,
    );
    expect(
      problem({ overrides: [{ path: ['log', 'level'], value: 'loud', source: '--log-level' }] }).message,
    ).toMatchInlineSnapshot(`"--log-level: log.level must be one of silent, error, warn, info, debug, found "loud""`);
  });

  it('refuses a variable that could mean two hosts', () => {
    write({ databaseHosts: { 'a-b': {}, a_b: {} }, nameServer: { hosts: ['a_b'] } });
    expect(problem({ environment: { ROOST__DATABASE_HOSTS__A_B__PORT: '1' } }).message).toMatchInlineSnapshot(
      `"environment variable ROOST__DATABASE_HOSTS__A_B__PORT could mean databaseHosts.a-b.port or databaseHosts.a_b.port: set the key in the file"`,
    );
  });

  it('checks that the name server lives on known hosts', () => {
    write({ ...valid, nameServer: { hosts: ['host1', 'host2', 'mars'] } });
    expect(problem().message).toMatchInlineSnapshot(`
      "DIR/roost.config.json: nameServer.hosts.1 must name one of databaseHosts (host1, host-2), found "host2"; did you mean host-2?
      DIR/roost.config.json: nameServer.hosts.2 must name one of databaseHosts (host1, host-2), found "mars""
    `);
  });

  it('refuses what is not a JSON object', () => {
    write('{"cluster": }');
    expect(problem().message).toContain('DIR/roost.config.json: is not JSON: ');
    write('[1]');
    expect(problem().message).toMatchInlineSnapshot(`"DIR/roost.config.json: must hold a JSON object, found [1]"`);
  });
});
