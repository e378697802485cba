import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { jsonText, RoostError } from '../core/index.js';
import type { Destination, ListedObject } from './destination.js';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/**
 * Rows are integers in digits: a higher level takes several times as long and saves a few hundredths of the bytes.
 */
const level = 3;
/** The largest decompressed object that is read: more than any that is written. */
const maxObjectBytes = 1024 * 1024 * 1024;
const sumPattern = /-([0-9a-f]{64})\.(?:gz|json)$/;

/**
 * The backups of one cluster in a destination. An object's name ends in the SHA-256 of its bytes, so that objects
 * never change. Every reader compares the checksum: damaged bytes are never used.
 */
export class Vault {
  constructor(
    readonly destination: Destination,
    readonly cluster: string,
  ) {}

  get url(): string {
    return this.destination.url;
  }

  /** Writes lines of text as a compressed object. Returns its name and size. */
  async putLines(path: string, lines: string): Promise<ListedObject> {
    return this.#put(path, 'gz', await compress(lines, { level }));
  }

  putJson(path: string, value: unknown): Promise<ListedObject> {
    return this.#put(path, 'json', Buffer.from(jsonText(value)));
  }

  /**
   * The lines of an object, without the empty one at the end. Throws `DataLoss` if the object is damaged, `NotFound`
   * if it is missing.
   */
  async lines(name: string): Promise<string[]> {
    const bytes = await this.bytes(name);
    const text = await this.#readable(name, () => decompress(bytes, { maxOutputLength: maxObjectBytes }));
    return text.toString().split('\n').slice(0, -1);
  }

  async json(name: string): Promise<unknown> {
    const bytes = await this.bytes(name);
    return this.#readable(name, () => JSON.parse(bytes.toString()) as unknown);
  }

  /** The bytes of an object as they were written. Throws as `lines` does. */
  async bytes(name: string): Promise<Buffer> {
    const bytes = await this.destination.get(this.#inCluster(name));
    const sum = sumPattern.exec(name)?.[1];
    const found = sumOf(bytes);
    if (sum !== found)
      throw this.#damaged(
        name,
        `it has ${bytes.length} bytes, and their SHA-256 is ${found}, not ${sum ?? 'in its name'}`,
      );
    return bytes;
  }

  /** Objects below a path, by name. */
  async list(path = ''): Promise<readonly ListedObject[]> {
    const own = this.#inCluster('');
    return (await this.destination.list(this.#inCluster(path))).map(({ name, bytes }) => ({
      name: name.slice(own.length),
      bytes,
    }));
  }

  /** The names of the clusters that have backups here, in order. Lists every object. */
  async clusters(): Promise<readonly string[]> {
    const names = (await this.destination.list('')).map(({ name }) => name.slice(0, name.indexOf('/')));
    return [...new Set(names)].filter((name) => name !== '').sort();
  }

  remove(name: string): Promise<void> {
    return this.destination.remove(this.#inCluster(name));
  }

  async #put(path: string, extension: 'gz' | 'json', bytes: Buffer): Promise<ListedObject> {
    const name = `${path}-${sumOf(bytes)}.${extension}`;
    await this.destination.put(this.#inCluster(name), bytes);
    return { name, bytes: bytes.length };
  }

  async #readable<T>(name: string, read: () => Promise<T> | T): Promise<T> {
    try {
      return await read();
    } catch (cause) {
      throw this.#damaged(name, `it cannot be read: ${(cause as Error).message}`, cause);
    }
  }

  #damaged(name: string, why: string, cause?: unknown): RoostError {
    return new RoostError('DataLoss', `${this.#inCluster(name)} in ${this.url} is damaged: ${why}`, {
      cause,
      fields: { object: name, to: this.url },
    });
  }

  #inCluster = (name: string): string => `${this.cluster}/${name}`;
}

const sumOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
