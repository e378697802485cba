// A process that makes ids as fast as it can and prints each batch before it makes the next, until it is killed.
// Arguments: the configuration file, the milliseconds of a lease.
import { readFileSync, writeSync } from 'node:fs';
import { Deadline } from '../../dist/core/index.js';
import { silentLog } from '../../dist/process/index.js';
import { DatabaseHosts } from '../../dist/mysql/index.js';
import { IdGenerator, SqlWorkerLeases } from '../../dist/tbird/index.js';

const [configPath, ttlMs] = process.argv.slice(2);
const config = JSON.parse(readFileSync(configPath, 'utf8'));
const hosts = new DatabaseHosts(config, silentLog);
const replicas = config.nameServer.hosts.map((name) => hosts.host(name));
const ids = new IdGenerator(
  new SqlWorkerLeases(replicas, `${config.cluster}_nameserver`, async () => Date.now(), { ttlMs: Number(ttlMs) }),
);
for (;;) {
  const batch = await ids.take(20, Deadline.after(30_000));
  writeSync(1, `${batch.join(' ')}\n`);
  await new Promise((resolve) => setTimeout(resolve, 2));
}
