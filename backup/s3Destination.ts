import type * as Library from '@aws-sdk/client-s3';
import { RoostError } from '../core/index.js';
import type { Destination, ListedObject } from './destination.js';

/** Attempts at a request, with growing pauses: about half a minute. */
const attempts = 6;
const connectTimeoutMs = 5_000;
/** A connection without traffic for this long is given up. */
const silenceMs = 20_000;
/** The wait from a request to the start of its answer. */
const answerTimeoutMs = 120_000;

/**
 * Stores objects below a prefix of a bucket. The endpoint, the region and the credentials come from the usual places
 * of S3 tools: the environment, `~/.aws`, the role of the machine.
 */
export class S3Destination implements Destination {
  private constructor(
    readonly url: string,
    private readonly bucket: string,
    private readonly prefix: string,
    private readonly library: typeof Library,
    private readonly client: Library.S3Client,
  ) {}

  /**
   * Sends no request. Throws `InvalidArgument` for an address without a bucket, `FailedPrecondition` if the library
   * is not installed.
   */
  static async open(address: string): Promise<S3Destination> {
    const [, bucket, path = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(address) ?? [];
    const prefix = path.split('/').filter(Boolean);
    if (bucket === undefined || prefix.some((part) => !/^[\w.=-]+$/.test(part) || /^\.+$/.test(part)))
      throw new RoostError(
        'InvalidArgument',
        `${address} is no address in S3: s3://bucket/prefix, where a bucket has 3 to 63 lowercase letters, digits, dots and hyphens`,
        {
          fields: { to: address },
        },
      );
    const library = await loadLibrary();
    const client = new library.S3Client({
      maxAttempts: attempts,
      // Servers other than Amazon's rarely have regions, or a host name for each bucket.
      ...(isElsewhere() ? { forcePathStyle: true, region: process.env['AWS_REGION'] ?? 'us-east-1' } : {}),
      requestHandler: {
        connectionTimeout: connectTimeoutMs,
        socketTimeout: silenceMs,
        requestTimeout: answerTimeoutMs,
        throwOnRequestTimeout: true,
      },
    });
    const url = ['s3:/', bucket, ...prefix].join('/');
    return new S3Destination(url, bucket, prefix.map((part) => `${part}/`).join(''), library, client);
  }

  async put(name: string, bytes: Buffer): Promise<void> {
    const { PutObjectCommand } = this.library;
    // The client sends a checksum of the bytes, and the server checks it.
    await this.#guarded(name, () =>
      this.client.send(new PutObjectCommand({ ...this.#key(name), Body: bytes, ContentLength: bytes.length })),
    );
  }

  async get(name: string): Promise<Buffer> {
    const { GetObjectCommand } = this.library;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#guarded(name, async () => {
          const { Body } = await this.client.send(new GetObjectCommand(this.#key(name)));
          return Buffer.from(await Body!.transformToByteArray());
        });
      } catch (error) {
        // The client does not retry once an answer has started.
        if (!(error instanceof RoostError && error.retryable) || attempt >= 3) throw error;
      }
    }
  }

  async list(prefix: string): Promise<readonly ListedObject[]> {
    const { ListObjectsV2Command } = this.library;
    const found: ListedObject[] = [];
    let token: string | undefined;
    do {
      const page = await this.#guarded(prefix, () =>
        this.client.send(
          new ListObjectsV2Command({
            Bucket: this.bucket,
            Prefix: this.prefix + prefix,
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        ),
      );
      for (const { Key = '', Size = 0 } of page.Contents ?? [])
        found.push({ name: Key.slice(this.prefix.length), bytes: Size });
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async remove(name: string): Promise<void> {
    const { DeleteObjectCommand } = this.library;
    await this.#guarded(name, () => this.client.send(new DeleteObjectCommand(this.#key(name))));
  }

  #key(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.bucket, Key: this.prefix + name };
  }

  async #guarded<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw s3Error(error as Failure, `${this.url}/${name}`, { object: name, to: this.url });
    }
  }
}

/** Loads the library only for backups to S3. */
async function loadLibrary(): Promise<typeof Library> {
  try {
    return await import('@aws-sdk/client-s3');
  } catch (cause) {
    throw new RoostError(
      'FailedPrecondition',
      'backups in S3 need the package @aws-sdk/client-s3, which is not installed: npm install @aws-sdk/client-s3',
      { cause },
    );
  }
}

const isElsewhere = (): boolean =>
  ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'].some((name) => (process.env[name] ?? '') !== '');

/** An error of the library. It holds the signed request and sockets, so it is never passed on. */
interface Failure extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly code?: string;
}

const refusedHelp =
  'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE to a file that has them, or give the machine a role';

function s3Error(
  { name, message, code: systemCode, $metadata }: Failure,
  object: string,
  fields: Readonly<Record<string, string>>,
): RoostError {
  const status = $metadata?.httpStatusCode;
  const why = message === name || message === 'UnknownError' ? name : `${name}: ${message}`;
  const make = (code: ConstructorParameters<typeof RoostError>[0], text: string): RoostError =>
    new RoostError(code, `${object}: ${text}`, { fields });
  if (name === 'CredentialsProviderError')
    return make('Unauthenticated', `no credentials for S3 were found: ${refusedHelp}`);
  if (name === 'NoSuchBucket') return make('FailedPrecondition', 'there is no such bucket: make it first');
  if (name === 'NoSuchKey') return make('NotFound', 'there is no such object');
  if (status === 401 || ['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ExpiredToken'].includes(name))
    return make('Unauthenticated', `S3 does not take the credentials (${why}): ${refusedHelp}`);
  if (status === 403) return make('PermissionDenied', `S3 refuses this to the credentials (${why})`);
  // The bytes were changed in transit.
  if (name === 'BadDigest' || name === 'XAmzContentSHA256Mismatch' || name === 'RequestTimeout')
    return make('Unavailable', why);
  if (status !== undefined && status >= 300 && status < 500 && status !== 408 && status !== 429)
    return make('FailedPrecondition', `S3 answers ${status} (${why})`);
  if (message.includes('Region is missing')) return make('FailedPrecondition', 'no region is set: set AWS_REGION');
  return make(
    'Unavailable',
    status === undefined ? `S3 does not answer (${systemCode ?? why})` : `S3 answers ${status} (${why})`,
  );
}
