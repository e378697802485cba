import { expect, it } from 'vitest';
import { parseAddress } from './address.js';

it.each([
  ['localhost:7915', 'localhost', 7915],
  ['10.0.0.1:1', '10.0.0.1', 1],
  ['[::1]:65535', '::1', 65_535],
])('takes %s', (text, host, port) => {
  expect(parseAddress(text)).toEqual({ host, port });
});

it.each([
  '',
  'localhost',
  ':7915',
  'localhost:',
  'localhost:0',
  'localhost:65536',
  'localhost:12x',
  '::1:7915',
  'a b:1',
  'http://a:1/',
])('refuses %j', (text) => {
  expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }) as Error);
});
