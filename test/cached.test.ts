import { describe } from 'vitest';
import { overrideClusters } from './support/index.js';

// The tests of tweets and graphs once more, with everything read through the caches that can be. A limit that a busy machine does not reach, so that they are used.
overrideClusters({ cache: { tweets: true, graphs: true, deadlineMs: 1_000 } });

describe('with caches: tweets', async () => void (await import('../tbird/tbird.test.js')));
describe('with caches: graphs', async () => void (await import('../flock/flock.test.js')));
