import { execFileSync } from 'node:child_process';
import { cpSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file system for the folder of one server, small enough to be filled. Only root may create it. */
export class SmallDisk {
  private constructor(
    readonly folder: string,
    private readonly bytes: number,
  ) {}

  /**
   * Puts the folder of a server that does not run onto a disk of so many bytes. Returns undefined if this process may
   * not mount.
   */
  static mount(folder: string, bytes: number): SmallDisk | undefined {
    const moved = `${folder}-moved`;
    renameSync(folder, moved);
    mkdirSync(folder, { mode: 0o700 });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'tmpfs', folder], { stdio: 'pipe' });
    } catch {
      rmSync(folder, { recursive: true });
      renameSync(moved, folder);
      return undefined;
    }
    cpSync(moved, folder, { recursive: true, filter: (path) => !lstatSync(path).isSocket() });
    rmSync(moved, { recursive: true });
    return new SmallDisk(folder, bytes);
  }

  /** Does nothing if the folder is no disk. */
  static unmount(folder: string): void {
    try {
      execFileSync('umount', ['-l', folder], { stdio: 'pipe' });
    } catch {
      // It is none.
    }
  }

  /** Leaves no byte free. */
  fill(): void {
    const piece = Buffer.alloc(1 << 20);
    for (const size of [1 << 20, 4_096]) {
      for (let left = this.bytes / size; left > 0; left--) {
        try {
          writeFileSync(this.#filling, piece.subarray(0, size), { flag: 'a' });
        } catch {
          break;
        }
      }
    }
  }

  empty(): void {
    rmSync(this.#filling, { force: true });
  }

  get #filling(): string {
    return join(this.folder, 'filling');
  }
}
