import { describe } from 'vitest';
import { overrideClusters } from './support/index.js';

// Runs the tests of tweets and graphs again, with every possible read through the caches. The deadline is one that a
// busy machine does not reach, so that the caches are used.
overrideClusters({ cache: { tweets: true, graphs: true, deadlineMs: 1_000 } });

describe('with caches: tweets', async () => void (await import('../tbird/tbird.test.js')));
describe('with caches: graphs', async () => void (await import('../flock/flock.test.js')));
