import { connect } from 'roostdb/sdk';
import { buildApp } from './app.js';

const roost = await connect({ servers: (process.env['ROOST_SERVERS'] ?? '127.0.0.1:7915').split(',') });
const app = await buildApp(roost);
console.log(`listening on ${await app.listen({ port: Number(process.env['PORT'] ?? 3000) })}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    // No new requests, then the calls under way, then the connections.
    void app.close().then(() => roost.close({ drainMs: 5_000 }));
  });
