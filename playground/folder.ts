import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { RoostError } from '../core/index.js';
import type { RoostConfigInput } from '../process/index.js';
import { isLockFile } from './lock.js';
import { stateSchema, type PlaygroundState } from './state.js';

const stateFile = 'playground.json';
const configFile = 'roost.config.json';
const temporarySuffix = '.tmp';
/** Everything that a playground puts into its folder, and so everything that a stop may remove. */
const ownEntry = /^((db|cache|redis)\d+|redis|certs|template|playground\.json|roost\.config\.json)(\.tmp)?$/;
/** The kernel's limit on a socket's path is 107 bytes on Linux and 103 on macOS. */
const socketPathBytes = 103;

/**
 * The folder of one playground: who may use it, and the paths of its files. Files are readable by their owner only.
 */
export class PlaygroundFolder {
  /** Absolute and free of symbolic links, like the working folders of processes that the system shows. */
  readonly dir: string;

  constructor(dir: string) {
    this.dir = realPath(resolve(dir));
  }

  get configPath(): string {
    return join(this.dir, configFile);
  }

  /** The folder of an encrypted playground's certificates. */
  get certificates(): string {
    return join(this.dir, 'certs');
  }

  serverFolder(name: string): string {
    return join(this.dir, name);
  }

  logPath(name: string): string {
    return join(this.dir, name, 'log');
  }

  /** Throws `FailedPrecondition` if the folder holds something other than a playground. */
  checkUsable(): void {
    const entries = this.#entries().filter((name) => !isLockFile(name) && name !== stateFile + temporarySuffix);
    if (entries.length === 0 || entries.includes(stateFile)) return;
    throw new RoostError(
      'FailedPrecondition',
      `${this.dir} is not empty and holds no playground: choose an empty or a new folder`,
      {
        fields: { dir: this.dir },
      },
    );
  }

  /** Whether a start left anything here, even just a lock. */
  isTouched(): boolean {
    return this.#entries().some((name) => name === stateFile || isLockFile(name));
  }

  /** Undefined if there is no playground. Throws `DataLoss` if its state cannot be parsed. */
  readState(): PlaygroundState | undefined {
    if (!this.#entries().includes(stateFile)) return undefined;
    const path = join(this.dir, stateFile);
    try {
      return stateSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A stop has removed the file since.
      if (code === 'ENOENT') return undefined;
      if (code === 'EACCES') throw this.#unusable(error);
      throw new RoostError(
        'DataLoss',
        `cannot read the playground's state ${path}: end its servers, if any run, and remove the folder`,
        {
          fields: { dir: this.dir },
          cause: error,
        },
      );
    }
  }

  writeState(state: PlaygroundState): void {
    this.#writeWhole(stateFile, JSON.stringify(state, null, 2));
  }

  writeConfig(config: RoostConfigInput): void {
    this.#writeWhole(configFile, JSON.stringify(config, null, 2));
  }

  /**
   * A folder with a path short enough for sockets: the server's own or, if its path is too long, a folder below /tmp.
   */
  socketFolder(name: string): string {
    const own = this.serverFolder(name);
    if (Buffer.byteLength(join(own, 'mysql.sock')) <= socketPathBytes) return own;
    const folder = join(this.#shortFolder(), name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid } = lstatSync(this.#shortFolder());
    // The folder's name can be guessed, so another user may have created it first.
    if (uid !== process.getuid?.()) {
      throw new RoostError(
        'FailedPrecondition',
        `${this.#shortFolder()} belongs to another user: choose a playground folder with a shorter path`,
      );
    }
    return folder;
  }

  /** Removes all that the playground wrote, the state last, so that a killed stop can be repeated. */
  removeEverything(): void {
    for (const name of this.#entries()) {
      if (ownEntry.test(name) && name !== stateFile) rmSync(join(this.dir, name), { recursive: true, force: true });
    }
    this.removeShortFolder();
    rmSync(join(this.dir, stateFile), { force: true });
  }

  removeShortFolder(): void {
    rmSync(this.#shortFolder(), { recursive: true, force: true });
  }

  #entries(): string[] {
    try {
      return readdirSync(this.dir);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw this.#unusable(error);
    }
  }

  #unusable(error: unknown): RoostError {
    return new RoostError('FailedPrecondition', `cannot use the folder ${this.dir}: ${(error as Error).message}`, {
      fields: { dir: this.dir },
      cause: error,
    });
  }

  /** Derived from the folder's own path only, so that a later process finds it after the first was killed. */
  #shortFolder(): string {
    const digest = createHash('sha256').update(this.dir).digest('hex').slice(0, 12);
    return `/tmp/roost-${digest}`;
  }

  #writeWhole(name: string, text: string): void {
    const path = join(this.dir, name);
    writeFileSync(path + temporarySuffix, `${text}\n`, { mode: 0o600 });
    renameSync(path + temporarySuffix, path);
  }
}

function realPath(path: string): string {
  if (existsSync(path) || path === dirname(path)) return realpathSync(path);
  return join(realPath(dirname(path)), basename(path));
}
