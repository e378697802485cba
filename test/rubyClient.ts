import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface RubyTools {
  readonly includes: readonly string[];
}

/**
 * Returns Ruby with Thrift, FlockDB's original client and twitter's thrift_client; or the reason why the client
 * cannot run here. ROOST_FLOCKDB_CLIENT names a checkout of twitter-archive/flockdb-client; thrift_client is searched
 * beside it, and otherwise among the installed gems.
 */
export async function findRubyTools(): Promise<RubyTools | string> {
  const checkout = process.env['ROOST_FLOCKDB_CLIENT'];
  if (checkout === undefined) return 'ROOST_FLOCKDB_CLIENT does not name a checkout of twitter-archive/flockdb-client';
  const includes = [join(checkout, 'lib'), join(checkout, '..', 'thrift_client', 'lib')]
    .filter(existsSync)
    .flatMap((folder) => ['-I', folder]);
  try {
    await run('ruby', ['-W0', ...includes, '-e', 'require "flock"']);
    return { includes };
  } catch (error) {
    return `FlockDB's client does not load (it needs Debian's ruby and ruby-thrift, and thrift_client beside it): ${String(error).split('\n').slice(0, 2).join(' ')}`;
  }
}

/** Runs test/ruby/flockdbClient.rb against a server, and returns the output. */
export async function runRubyClient({ includes }: RubyTools, address: string): Promise<unknown> {
  const { stdout } = await run(
    'ruby',
    ['-W0', ...includes, join(import.meta.dirname, 'ruby', 'flockdbClient.rb'), address],
    { timeout: 60_000 },
  );
  return JSON.parse(stdout);
}
