import type * as Library from '@aws-sdk/client-s3';
import { RoostError } from '../core/index.js';
import type { Destination, ListedObject } from './destination.js';

/** Of one request, with pauses that grow: about half a minute. */
const attempts = 6;
const connectTimeoutMs = 5_000;
/** A connection on which nothing comes or goes is given up. */
const silenceMs = 20_000;
/** Of a request until its answer begins. */
const answerTimeoutMs = 120_000;

/** Objects of a bucket, below a prefix. The endpoint, the region and the credentials come from where all tools of S3 find them: the environment, `~/.aws`, the role of the machine. */
export class S3Destination implements Destination {
  private constructor(
    readonly url: string,
    private readonly bucket: string,
    private readonly prefix: string,
    private readonly library: typeof Library,
    private readonly client: Library.S3Client,
  ) {}

  /** Asks nobody. Throws `InvalidArgument` for an address that names no bucket, `FailedPrecondition` where the library is not installed. */
  static async open(address: string): Promise<S3Destination> {
    const [, bucket, path = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(address) ?? [];
    const prefix = path.split('/').filter(Boolean);
    if (bucket === undefined || prefix.some((part) => !/^[\w.=-]+$/.test(part) || /^\.+$/.test(part)))
      throw new RoostError(
        'InvalidArgument',
        `${address} is no place in S3: s3://bucket/prefix, where a bucket has 3 to 63 lowercase letters, digits, dots and hyphens`,
        {
          fields: { to: address },
        },
      );
    const library = await loadLibrary();
    const client = new library.S3Client({
      maxAttempts: attempts,
      // Servers that are not Amazon's seldom have a name for each bucket, or regions.
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
    // The client sends a checksum of the bytes, which the server compares.
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
        // The client does not ask again once an answer has begun.
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

/** Loads it where a backup goes to S3, and nowhere else. */
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

/** What the library throws. It holds the request with its signature, and sockets: none of that goes further. */
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
  if (name === 'NoSuchKey') return make('NotFound', 'it is not there');
  if (status === 401 || ['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ExpiredToken'].includes(name))
    return make('Unauthenticated', `S3 does not take the credentials (${why}): ${refusedHelp}`);
  if (status === 403) return make('PermissionDenied', `S3 refuses this to the credentials (${why})`);
  // Its bytes were changed on the way.
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
