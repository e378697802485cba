import { expect, it } from 'vitest';
import { routingKeyOf } from './names.js';

it('routes names by FNV-1a cut to 60 bits', () => {
  // Published vectors of the 64-bit FNV-1a: "" is cbf29ce484222325, "a" af63dc4c8601ec8c, "foobar" 85944171f73967e8.
  expect(routingKeyOf('')).toBe(0xbf29ce484222325n);
  expect(routingKeyOf('a')).toBe(0xf63dc4c8601ec8cn);
  expect(routingKeyOf('foobar')).toBe(0x5944171f73967e8n);
});
