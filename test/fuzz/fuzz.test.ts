import { fuzzEveryPort } from './fuzzEveryPort.js';

// Sends 20,000 frames over all ports. The long suite sends a million to each port: fuzz.long.test.ts.
fuzzEveryPort('fuzz', { frames: Number(process.env['ROOST_TEST_FRAMES'] ?? 3_000), checkStalls: false });
