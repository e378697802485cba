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
  /** As people write it. Two that are the same have the same. */
  readonly url: string;
  /** Returns when the object survives a loss of power. */
  put(name: string, bytes: Buffer): Promise<void>;
  /** Throws `NotFound`. */
  get(name: string): Promise<Buffer>;
  /** All whose names begin so, in the order of the names. */
  list(prefix: string): Promise<readonly ListedObject[]>;
  /** Does nothing where there is none. */
  remove(name: string): Promise<void>;
}

/**
 * A folder, or `s3://bucket/prefix`. Nothing is written. Throws `InvalidArgument` for anything else, `FailedPrecondition` where what S3 needs is not installed.
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
