import { execFile } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { RoostError } from '../core/index.js';
import { withLock } from './lock.js';
import type { ServerKind } from './state.js';

const packages: Readonly<Record<ServerKind, { readonly name: string; readonly service: string }>> = {
  mysql: { name: 'mariadb-server', service: 'mariadb' },
  redis: { name: 'redis-server', service: 'redis-server' },
  memcached: { name: 'memcached', service: 'memcached' },
};

const timeoutMs = 600_000;
/** Two playgrounds that install at the same time would undo each other's block. Only root may write here. */
const lockFolder = '/run/roost-install';
/** Debian's packages ask this script whether they may start their service. 101 means no. */
const policyPath = '/usr/sbin/policy-rc.d';
const savedPolicyPath = `${policyPath}.before-roost`;
const policy = '#!/bin/sh\n# Written by roost while it installs servers; they must not start as services.\nexit 101\n';

/** Whether missing servers can be installed: root on Debian or one of its descendants. */
export const canInstall = (): boolean =>
  process.getuid?.() === 0 && existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get');

/**
 * Installs the packages of the missing servers. No server is started as a system service, now or at the next boot.
 * Throws `FailedPrecondition` with the end of apt-get's output.
 */
export async function installServers(missing: readonly ServerKind[], onStep: (step: string) => void): Promise<void> {
  const wanted = missing.map((kind) => packages[kind]);
  const names = wanted.map(({ name }) => name);
  onStep(`installing ${names.join(', ')} with apt-get`);
  await withLock(lockFolder, timeoutMs, async () => {
    const allowServices = forbidServices();
    try {
      await installPackages(names);
      if (existsSync('/run/systemd/system'))
        await run('systemctl', ['disable', '--quiet', ...wanted.map(({ service }) => service)]);
    } finally {
      allowServices();
    }
  });
}

async function installPackages(names: readonly string[]): Promise<void> {
  const install = ['install', '--yes', '--no-install-recommends', ...names];
  try {
    await run('apt-get', install);
  } catch {
    // The package lists are missing or out of date.
    await run('apt-get', ['update']);
    await run('apt-get', install);
  }
}

/**
 * Keeps packages from starting services; returns a function that undoes the block. A block that a killed process left
 * is undone first.
 */
function forbidServices(): () => void {
  const allow = (): void => {
    if (existsSync(policyPath) && readFileSync(policyPath, 'utf8') === policy) rmSync(policyPath);
    if (existsSync(savedPolicyPath)) renameSync(savedPolicyPath, policyPath);
  };
  allow();
  if (existsSync(policyPath)) renameSync(policyPath, savedPolicyPath);
  writeFileSync(policyPath, policy, { mode: 0o755 });
  return allow;
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const options = command === 'apt-get' ? ['-o', 'DPkg::Lock::Timeout=300'] : [];
  try {
    await promisify(execFile)(command, [...options, ...args], {
      env: environment,
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const tail = `${stdout}${stderr}`.trim().split('\n').slice(-10).join('\n');
    throw new RoostError('FailedPrecondition', `${command} ${args.join(' ')} failed:\n${tail}`, { cause: error });
  }
}
