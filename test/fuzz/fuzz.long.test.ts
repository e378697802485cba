import { fuzzEveryPort } from './fuzzEveryPort.js';

// Sends a million frames to each port, which takes 15 minutes a port on two cores that do nothing else.
// `ROOST_TEST_FRAMES` sets the number.
fuzzEveryPort('fuzz_long', { frames: Number(process.env['ROOST_TEST_FRAMES'] ?? 1_000_000), checkStalls: true });
