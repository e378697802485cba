import { ChildProcess, type SpawnOptions } from 'node:child_process';
import { basename } from 'node:path';

// Set up for the unit tests: a unit test that starts a server fails, and the error says where the test belongs.

const servers = /^(mysqld|mariadbd|mysqld_safe|redis-server|memcached|docker|podman)$/;

type Spawn = (
  this: ChildProcess,
  options: SpawnOptions & { readonly file: string; readonly args?: readonly string[] },
) => unknown;

const internals = ChildProcess.prototype as unknown as { spawn: Spawn };
const { spawn } = internals;

internals.spawn = function (options) {
  const command = [options.file, ...(options.args ?? [])].join(' ');
  if (servers.test(basename(options.file)) || /\bcli\/main\.js (serve|playground|quickstart)\b/.test(command)) {
    throw new Error(`a unit test starts a server: ${command}. Import test/support, which makes it an integration test`);
  }
  return spawn.call(this, options);
};
