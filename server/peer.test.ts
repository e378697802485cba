import { expect, it } from 'vitest';
import { alternativeNames } from './peer.js';

it('takes the alternative names of a certificate apart, those too that hold commas', () => {
  expect(alternativeNames('DNS:web1, IP Address:10.0.0.7, URI:spiffe://roost/web, email:a@example.com')).toEqual([
    'DNS:web1',
    'IP Address:10.0.0.7',
    'URI:spiffe://roost/web',
    'email:a@example.com',
  ]);
  expect(alternativeNames('DNS:"evil, DNS:admin", DNS:web')).toEqual(['DNS:evil, DNS:admin', 'DNS:web']);
  expect(alternativeNames('DNS:"say \\"hi\\", DNS:admin"')).toEqual(['DNS:say "hi", DNS:admin']);
  expect(alternativeNames('')).toEqual([]);
});
