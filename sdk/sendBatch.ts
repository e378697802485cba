import { writeBatchToThrift } from '../wire/index.js';
import { Batch } from './batch.js';
import type { GraphChannel } from './graphChannel.js';
import { write } from './write.js';
import type { WriteCallOptions } from './writeCallOptions.js';

/** Lets the caller fill a batch, and sends it in one call. An empty batch is not sent. */
export async function sendBatch(
  channel: GraphChannel,
  fill: (batch: Batch) => unknown,
  options: WriteCallOptions,
): Promise<void> {
  const batch = new Batch();
  await fill(batch);
  const writes = writeBatchToThrift(batch.writes());
  if (writes.length > 0) await write(channel, (client, onWire) => client.write_batch(writes, onWire), options);
}
