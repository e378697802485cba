import { formatMs, type Output } from '../console/output.js';
import type { Tour } from './takeTour.js';

/** The tour as text for people, under one heading. */
export function tourLines({ mostFollowed, contains, common, home, counts, containsMs }: Tour, output: Output): string {
  const table = output.table(
    ['user', 'followers', 'following'],
    mostFollowed.map(({ id, followers, following }) => [String(id), followers, following]),
  );
  const lines = [
    'a short tour',
    '',
    'Most followed:',
    ...table.split('\n'),
    '',
    ...contains.map((each) => `Does ${each.source} follow ${each.destination}? ${each.contains ? 'yes' : 'no'}`),
    ...(common === undefined
      ? []
      : [
          `Who follows both ${common.a} and ${common.b}? ${common.count} users${common.first.length === 0 ? '' : `: ${common.first.join(', ')}${common.count > BigInt(common.first.length) ? ', …' : ''}`}`,
        ]),
    `How many edges has ${counts.id}? ${counts.forward.normal} forward, ${counts.backward.normal} backward`,
    `Where does ${home.id} live?`,
    ...home.locations.map(
      ({ direction, rootShard, leaves }) =>
        `  ${direction}: ${rootShard} on ${leaves.map(({ host }) => host).join(' and ')}`,
    ),
    `A single \`contains\`: p50 ${formatMs(containsMs.p50)}, p99 ${formatMs(containsMs.p99)}`,
    '',
  ];
  return lines.join('\n  ').replaceAll(/^ +$/gm, '');
}
