import { resolve } from 'node:path';
import { RoostError } from '../core/index.js';
import { FolderDestination } from './folderDestination.js';
import { S3Destination } from './s3Destination.js';

/** An object as a destination lists it. */
export interface ListedObject {
  readonly name: string;
  readonly bytes: number;
}

/** Where backups are kept: objects by name, such as `a/b/c.gz`. An object is written whole or not at all. */
export interface Destination {
  /** The address as people write it. Equal destinations have equal addresses. */
  readonly url: string;
  /** Returns once the object would survive a power failure. */
  put(name: string, bytes: Buffer): Promise<void>;
  /** Throws `NotFound` if there is no such object. */
  get(name: string): Promise<Buffer>;
  /** The objects whose names start with the prefix, in the order of their names. */
  list(prefix: string): Promise<readonly ListedObject[]>;
  /** Does nothing if there is no such object. */
  remove(name: string): Promise<void>;
}

/**
 * Opens a folder, or `s3://bucket/prefix`. Writes nothing. Throws `InvalidArgument` for anything else,
 * `FailedPrecondition` if the S3 library is not installed.
 *
 * @param workingFolder where relative folders start
 */
export async function openDestination(url: string, workingFolder = process.cwd()): Promise<Destination> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme === 's3') return S3Destination.open(url);
  if (scheme !== undefined)
    throw new RoostError('InvalidArgument', `backups go to a folder or to s3://bucket/prefix, not to ${scheme}://`, {
      fields: { to: url },
    });
  return new FolderDestination(resolve(workingFolder, url));
}
