import { execFile } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const maxBuffer = 64 * 1024 * 1024;

/** Returns the archive that this machine's apt reads, as "http://host/debian/"; undefined if there is none. */
export async function debianArchive(): Promise<string | undefined> {
  const listed = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']).catch(
    () => undefined,
  );
  return listed?.stdout.split('\n').find((uri) => /\/debian\/?$/.test(uri));
}

/**
 * Unpacks a package of a Debian release and all its dependencies into a folder, beside the machine's own packages,
 * and makes its programs run with the libraries of that release. Returns the folder that holds its servers. Changes
 * nothing on the machine.
 */
export async function unpackServers(
  archive: string,
  release: string,
  packages: readonly string[],
  folder: string,
): Promise<string> {
  const apt = join(folder, 'apt');
  for (const each of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(apt, each), { recursive: true });
  writeFileSync(
    join(apt, 'sources.list'),
    `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${archive} ${release} main\n`,
  );
  // No package counts as installed, so that libraries come from the same release too.
  writeFileSync(join(apt, 'status'), '');
  const settings = [
    ['Dir::Etc::sourcelist', join(apt, 'sources.list')],
    ['Dir::Etc::sourceparts', '/dev/null'],
    ['Dir::Etc::preferencesparts', '/dev/null'],
    ['Dir::State::lists', join(apt, 'lists')],
    ['Dir::State::status', join(apt, 'status')],
    ['Dir::Cache', join(apt, 'cache')],
    ['APT::Sandbox::User', 'root'],
    ['Debug::NoLocking', '1'],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  await run('apt-get', [...settings, '-qq', 'update'], { maxBuffer });
  const install = ['install', '-y', '--no-install-recommends', '--download-only', 'patchelf', ...packages];
  await run('apt-get', [...settings, '-qq', ...install], { maxBuffer });

  const root = join(folder, 'root');
  const archives = join(apt, 'cache', 'archives');
  for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb')))
    await run('dpkg-deb', ['-x', join(archives, file), root]);
  await useOwnLibraries(root);
  return join(root, 'usr', 'sbin');
}

async function useOwnLibraries(root: string): Promise<void> {
  const loader = join(root, 'usr/lib64/ld-linux-x86-64.so.2');
  const libraries = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu', 'usr/lib/mysql/private']
    .map((path) => join(root, path))
    .filter((path) => existsSync(path))
    .join(':');
  const patch = ['--library-path', libraries, join(root, 'usr/bin/patchelf')];
  for (const name of ['usr/sbin/mysqld', 'usr/sbin/mariadbd', 'usr/bin/my_print_defaults']) {
    const program = join(root, name);
    if (!existsSync(program) || lstatSync(program).isSymbolicLink()) continue;
    await run(loader, [...patch, '--set-interpreter', loader, '--force-rpath', '--set-rpath', libraries, program]);
  }
  // The script looks below /usr unless it is told otherwise.
  const install = join(root, 'usr/bin/mariadb-install-db');
  if (!existsSync(install)) return;
  const wrapper = join(root, 'usr/sbin/mariadb-install-db');
  writeFileSync(wrapper, `#!/bin/sh\nexec '${install}' "$@" --basedir='${join(root, 'usr')}'\n`);
  chmodSync(wrapper, 0o755);
}
