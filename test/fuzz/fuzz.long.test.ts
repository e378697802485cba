import { fuzzEveryPort } from './fuzzEveryPort.js';

// A million frames for each port: 15 minutes a port on two cores that do nothing else. `ROOST_TEST_FRAMES` says how many.
fuzzEveryPort('fuzz_long', { frames: Number(process.env['ROOST_TEST_FRAMES'] ?? 1_000_000), checkStalls: true });
