import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../core/index.js';
import { parseExpression, type QueryExpression } from './queryExpression.js';

/** Fully parenthesised, so that the structure shows. */
const show = (expression: QueryExpression): string => {
  if (expression.kind !== 'set')
    return `(${show(expression.left)} ${{ intersect: '&', union: '|', difference: '-' }[expression.kind]} ${show(expression.right)})`;
  const { graph, direction, id, states, among, between } = expression;
  const options = [
    ...(states === undefined ? [] : [`, states=${states.join('+')}`]),
    ...(among === undefined ? [] : [`, among=${among.join('+')}`]),
    ...(between === undefined ? [] : [`, between=${between.join('..')}`]),
  ];
  return `${graph === undefined ? '' : `${graph}.`}${direction === 'forward' ? 'from' : 'to'}(${id}${options.join('')})`;
};

describe('an expression', () => {
  it.each([
    ['from(1)', 'from(1)'],
    [' to( 9223372036854775807 ) ', 'to(9223372036854775807)'],
    ['to(1) - from(1)', '(to(1) - from(1))'],
    ['from(1)-from(2)-from(3)', '((from(1) - from(2)) - from(3))'],
    ['from(1) | from(2) & from(3) - from(4)', '((from(1) | (from(2) & from(3))) - from(4))'],
    ['from(1) - (from(2) | to(3))', '(from(1) - (from(2) | to(3)))'],
    ['blocks.from(1)&likes_2.to(2)', '(blocks.from(1) & likes_2.to(2))'],
    [
      'from(1, states=normal+archived, among=2+3,between=-5..20)',
      'from(1, states=normal+archived, among=2+3, between=-5..20)',
    ],
    ['from.from(1)', 'from.from(1)'],
  ])('%s', (text, structure) => expect(show(parseExpression(text))).toBe(structure));

  it('comes back from its own text', () => {
    const { expression } = fc.letrec<{ expression: QueryExpression }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 4 },
        fc.record({
          kind: fc.constant('set' as const),
          direction: fc.constantFrom('forward', 'backward'),
          id: fc.bigInt(0n, 2n ** 63n - 1n),
        }),
        fc.record({
          kind: fc.constantFrom('intersect', 'union', 'difference'),
          left: tie('expression'),
          right: tie('expression'),
        }),
      ),
    }));
    fc.assert(fc.property(expression, (each) => void expect(parseExpression(show(each))).toEqual(each)));
  });

  it.each([
    ['', 'needs from, to, or a graph where it ends'],
    ['1', 'where there is "1" (character 1)'],
    ['from(1) &', 'where it ends'],
    ['from(1) from(2)', 'needs &, | or - where there is "from(2)" (character 9)'],
    ['(from(1)', 'needs ) where it ends'],
    ['from(1))', 'where there is ")"'],
    ['of(1)', 'needs from or to where there is "of(1)"'],
    ['from(-1)', 'needs an id'],
    ['from(x)', 'needs an id where there is "x)"'],
    ['from(9223372036854775808)', 'must be an integer from 0'],
    ['from(1, color=red)', 'needs states, among or between'],
    ['from(1, states=lost)', 'needs normal, negative, archived, removed'],
    ['from(1, between=1)', 'needs positions as MIN..MAX'],
    ['from(1, between=1..9223372036854775808)', 'position must be'],
    ['from(1) ∩ from(2)', 'where there is "∩ from(2)"'],
    ['('.repeat(1_000), 'deep at most'],
    [Array.from({ length: limits.termsPerQuery + 1 }, () => 'from(1)').join('|'), 'terms at most'],
  ])('refuses %.30s', (text, message) => {
    expect(() => parseExpression(text)).toThrow(
      expect.objectContaining({
        code: 'InvalidArgument',
        message: expect.stringContaining(message) as string,
      }) as Error,
    );
  });
});
