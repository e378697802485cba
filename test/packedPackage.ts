import { execFile, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);

/** Packs the package, installs it in an empty folder, and returns what was packed. */
export async function installPackage(folder: string): Promise<Buffer> {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root });
  const [packed] = JSON.parse(stdout) as [{ filename: string }];
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${packed.filename}`], { cwd: folder });
  return readFileSync(join(folder, packed.filename));
}

/** Compiles files of a folder with the project's compiler, all declarations checked. */
export async function compileIn(folder: string, options: readonly string[]): Promise<void> {
  const tsc = join(root, 'node_modules', 'typescript-native', 'bin', 'tsc');
  await run(process.execPath, [tsc, '--strict', '--target', 'es2023', '--types', 'node', ...options], {
    cwd: folder,
  }).catch((error: { stdout: string }) => {
    throw new Error(`it does not compile: ${options.join(' ')}\n${error.stdout}`, { cause: error });
  });
}

/** Returns where a server accepts requests for a store; the server says so in its first line. */
export async function serverAddress(server: ChildProcess, store: string): Promise<string> {
  for await (const line of createInterface({ input: server.stdout! })) {
    const { host, port } = (JSON.parse(line) as Record<string, { host: string; port: number }>)[store]!;
    return `${host}:${port}`;
  }
  throw new Error('the server ended before it took requests');
}
