import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { RoostError } from '../core/index.js';
import type { Destination, ListedObject } from './destination.js';

/** The suffix of an unfinished file. */
const unfinished = '.unfinished';

/** Stores objects as files in a folder that only their owner can read. */
export class FolderDestination implements Destination {
  constructor(readonly url: string) {}

  async put(name: string, bytes: Buffer): Promise<void> {
    const path = this.#path(name);
    const folder = dirname(path);
    const written = `${path}.${randomUUID()}${unfinished}`;
    await this.#guarded(name, async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      try {
        const file = await open(written, 'wx', 0o600);
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(written, path);
      } catch (error) {
        await rm(written, { force: true });
        throw error;
      }
      await syncFolder(folder);
    });
  }

  get(name: string): Promise<Buffer> {
    return this.#guarded(name, () => readFile(this.#path(name)));
  }

  async list(prefix: string): Promise<readonly ListedObject[]> {
    const from = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const found: ListedObject[] = [];
    await this.#guarded(prefix, async () => {
      const entries = await readdir(join(this.url, from), { recursive: true, withFileTypes: true }).catch(ifThere);
      for (const entry of entries ?? []) {
        if (!entry.isFile() || entry.name.endsWith(unfinished)) continue;
        const path = join(entry.parentPath, entry.name);
        const name = path.slice(this.url.length + 1).replaceAll(sep, '/');
        if (!name.startsWith(prefix)) continue;
        const size = await stat(path).catch(ifThere);
        if (size !== undefined) found.push({ name, bytes: size.size });
      }
    });
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  remove(name: string): Promise<void> {
    return this.#guarded(name, () => rm(this.#path(name), { force: true }));
  }

  #path(name: string): string {
    return join(this.url, name);
  }

  async #guarded<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const { code = '', message } = cause as NodeJS.ErrnoException;
      const fields = { object: name, to: this.url };
      if (code === 'ENOENT') throw new RoostError('NotFound', `there is no ${join(this.url, name)}`, { cause, fields });
      throw new RoostError('Unavailable', `${join(this.url, name)}: ${code === '' ? message : code}`, {
        cause,
        fields,
      });
    }
  }
}

/** Syncs the folder too: without that, a power failure can lose the name of a synced file. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function ifThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
