import { expect, it } from 'vitest';
import { Sessions } from './sessions.js';

it('finds the token by a cookie that does not contain it', () => {
  const sessions = new Sessions();
  const cookie = sessions.open('roost_abc_secret', true);
  expect(cookie).toMatch(/^roost_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure; Max-Age=43200$/);
  expect(cookie).not.toContain('secret');
  const sent = `other=1; ${cookie.slice(0, cookie.indexOf(';'))}`;
  expect(sessions.tokenOf(sent)).toBe('roost_abc_secret');
  sessions.end(sent, true);
  expect(sessions.tokenOf(sent)).toBeUndefined();
});

it('finds no session for another cookie name, or without a cookie', () => {
  const sessions = new Sessions();
  sessions.open('token', false);
  expect(sessions.tokenOf(`roost_session=${'A'.repeat(43)}`)).toBeUndefined();
  expect(sessions.tokenOf(undefined)).toBeUndefined();
});

it('ends sessions after 12 hours, and the oldest when there are too many', () => {
  let nowMs = 0;
  const sessions = new Sessions(() => nowMs);
  const sent = Array.from({ length: 257 }, (_, i) => sessions.open(`token ${i}`, false).split(';')[0]);
  expect(sessions.tokenOf(sent[0])).toBeUndefined();
  expect(sessions.tokenOf(sent[1])).toBe('token 1');
  nowMs = 12 * 3_600_000;
  expect(sessions.tokenOf(sent[256])).toBeUndefined();
});
