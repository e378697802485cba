import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The page size of lists; Amazon's is 1,000. */
const pageSize = 100;

type Handle = (request: IncomingMessage, response: ServerResponse) => void;
/** The part of the package that this file uses; the package brings no types. */
type S3rver = new (options: {
  readonly directory: string;
  readonly silent: true;
  readonly configureBuckets: readonly { readonly name: string }[];
}) => {
  configureBuckets(): Promise<unknown>;
  callback(): Handle;
  readonly store: { listObjects(bucket: string, options: { readonly maxKeys: number }): Promise<unknown> };
  readonly middleware: ((context: Context, next: () => Promise<void>) => Promise<void>)[];
};
interface Context {
  readonly path: string;
  readonly state: { vhost?: boolean };
  mountPath: string;
}
const require = createRequire(import.meta.url);
const S3rver = require('@20minutes/s3rver') as S3rver;

// The package encrypts the places of pages with DES, which OpenSSL 3 no longer has. Triple DES with the same key
// three times is equivalent.
const nodeCrypto = require('node:crypto') as Record<'createCipheriv' | 'createDecipheriv', Cipher>;
type Cipher = (name: string, key: Buffer, iv: Buffer) => unknown;
for (const name of ['createCipheriv', 'createDecipheriv'] as const) {
  const make = nodeCrypto[name];
  nodeCrypto[name] = (cipher, key, ...rest) =>
    cipher === 'des' ? make('des-ede3-cbc', Buffer.concat([key, key, key]), ...rest) : make(cipher, key, ...rest);
}

/** A server of S3's protocol with one bucket, on loopback. It checks signatures. */
export class S3Server {
  readonly bucket = 'backups';
  /** The folder that holds its objects, as files. */
  readonly folder = mkdtempSync(join(tmpdir(), 'roost-s3-'));
  requests = 0;
  /** Receives each request first. True: it has answered, or never will. */
  fault: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  #handle: Handle | undefined;
  readonly #server = createServer((request, response) => {
    this.requests++;
    if (!this.fault(request, response)) this.#handle!(request, response);
  });

  async start(): Promise<void> {
    const s3 = new S3rver({ directory: this.folder, silent: true, configureBuckets: [{ name: this.bucket }] });
    await s3.configureBuckets();
    const { store } = s3;
    const listObjects = store.listObjects.bind(store);
    store.listObjects = (bucket, options) => listObjects(bucket, { ...options, maxKeys: pageSize });
    // The package compares signatures as if a request to a bucket had no slash at its end, unless the bucket is in
    // the host's name.
    s3.middleware.splice(-1, 0, async (context, next) => {
      if (/^\/[^/]+\/$/.test(context.path)) {
        context.state.vhost = true;
        context.mountPath = '/';
      }
      await next();
    });
    this.#handle = s3.callback();
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** The environment of a client that has the right credentials. */
  get environment(): Readonly<Record<string, string>> {
    const { port } = this.#server.address() as AddressInfo;
    return {
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: 'S3RVER',
      AWS_SECRET_ACCESS_KEY: 'S3RVER',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
