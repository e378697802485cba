import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { inParallel } from '../core/index.js';
import { S3Server } from '../test/s3Server.js';
import { openDestination, type Destination } from './destination.js';
import { Vault } from './vault.js';

// The contract of places for backups, on each kind of them.

const folder = mkdtempSync(join(tmpdir(), 'roost-destination-'));
const s3 = new S3Server();
const setEnvironment = (): void => Object.entries(s3.environment).forEach(([name, value]) => vi.stubEnv(name, value));

beforeAll(() => s3.start());
beforeEach(setEnvironment);
afterEach(() => {
  s3.fault = () => false;
  vi.unstubAllEnvs();
});
afterAll(async () => {
  await s3.stop();
  rmSync(folder, { recursive: true, force: true });
});

let place = 0;
const places = {
  folder: () => openDestination(`place${place++}`, folder),
  S3: () => openDestination(`s3://${s3.bucket}/place${place++}/x`),
};

describe.each(Object.entries(places))('a %s', (_kind, open) => {
  let to: Destination;
  beforeEach(async () => {
    to = await open();
  });

  it('keeps objects whole, and answers their bytes', async () => {
    const large = Buffer.alloc(20 * 1024 * 1024, 'roost ');
    const objects = { 'a/b-1.gz': Buffer.from([0, 255, 1]), 'a/empty': Buffer.alloc(0), 'a/large': large };
    for (const [name, bytes] of Object.entries(objects)) await to.put(name, bytes);
    for (const [name, bytes] of Object.entries(objects)) expect((await to.get(name)).equals(bytes)).toBe(true);
    await to.put('a/b-1.gz', objects['a/b-1.gz']);
    expect(await to.list('')).toEqual([
      { name: 'a/b-1.gz', bytes: 3 },
      { name: 'a/empty', bytes: 0 },
      { name: 'a/large', bytes: large.length },
    ]);
  });

  it('lists all objects with a prefix, in order, over several pages', async () => {
    const names = Array.from({ length: 205 }, (_, i) => `many/${String(i).padStart(6, '0')}`);
    await inParallel([...names, 'manyfold/1', 'other/1'], 16, (name) => to.put(name, Buffer.of(1)));
    expect((await to.list('many/')).map(({ name }) => name)).toEqual(names);
    expect((await to.list('many/00000')).map(({ name }) => name)).toEqual(names.slice(0, 10));
    expect(await to.list('none/')).toEqual([]);
  });

  it('removes an object, and one that is not there', async () => {
    await to.put('a/1', Buffer.of(1));
    await to.remove('a/1');
    await to.remove('a/1');
    await to.remove('never/there');
    expect(await to.list('')).toEqual([]);
    await expect(to.get('a/1')).rejects.toMatchObject({ code: 'NotFound', fields: { object: 'a/1', to: to.url } });
  });

  it('finds a flipped bit in an object, whatever wrote it', async () => {
    const vault = new Vault(to, 'social');
    const { name } = await vault.putLines('rows', 'one\ntwo\n');
    expect(await vault.lines(name)).toEqual(['one', 'two']);
    const bytes = Buffer.from(await to.get(`social/${name}`));
    bytes[5]! ^= 4;
    await to.put(`social/${name}`, bytes);
    await expect(vault.lines(name)).rejects.toMatchObject({ code: 'DataLoss', fields: { object: name } });
  });
});

describe('S3', () => {
  const open = (): Promise<Destination> => openDestination(`s3://${s3.bucket}/faults`);

  it('is asked again when it answers 503 or cuts an object off', async () => {
    const to = await open();
    let left = 2;
    s3.fault = (_request, response) => {
      if (left-- <= 0) return false;
      response.writeHead(503).end('<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>');
      return true;
    };
    await to.put('a', Buffer.from('hello'));
    left = 1;
    s3.fault = (_request, response) => {
      if (left-- <= 0) return false;
      response.writeHead(200, { 'content-length': 5 }).write('he');
      setTimeout(() => response.destroy(), 20);
      return true;
    };
    expect((await to.get('a')).toString()).toBe('hello');
  });

  it('names what failed: credentials, rights, the bucket, or a server that does not answer', async () => {
    const to = await open();
    s3.fault = (_request, response) => {
      response.writeHead(403).end('<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>');
      return true;
    };
    await expect(to.put('a', Buffer.of(1))).rejects.toMatchObject({ code: 'PermissionDenied', retryable: false });
    s3.fault = () => false;
    await expect((await openDestination('s3://nobodys')).list('')).rejects.toMatchObject({
      code: 'FailedPrecondition',
    });
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'not the secret');
    const wrong = (await open()).put('a', Buffer.of(1));
    await expect(wrong).rejects.toMatchObject({ code: 'Unauthenticated', retryable: false });
    await expect(wrong).rejects.not.toThrow('not the secret');
    for (const name of ['AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_ID']) vi.stubEnv(name, undefined);
    for (const name of ['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE']) vi.stubEnv(name, join(folder, 'none'));
    await expect((await open()).list('')).rejects.toThrow(/no credentials.*AWS_SHARED_CREDENTIALS_FILE/);
    setEnvironment();
    vi.stubEnv('AWS_ENDPOINT_URL_S3', 'http://127.0.0.1:1');
    await expect((await open()).list('')).rejects.toMatchObject({ code: 'Unavailable', retryable: true });
  });

  it('reads the credentials from a file', async () => {
    const file = join(folder, 'credentials');
    writeFileSync(file, '[default]\naws_access_key_id = S3RVER\naws_secret_access_key = S3RVER\n', { mode: 0o600 });
    for (const name of ['AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_ID']) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
    const to = await open();
    await to.put('from-file', Buffer.of(1));
    expect(await to.list('from-file')).toHaveLength(1);
  });
});

it('refuses an address that names no bucket', async () => {
  for (const address of ['ftp://a/b', 's3://', 's3://A', 's3://bucket/a/../b', 's3://bucket/a b'])
    await expect(openDestination(address, folder)).rejects.toMatchObject({ code: 'InvalidArgument' });
});
