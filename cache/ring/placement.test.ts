import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { NodeState } from './nodeState.js';
import { Placement } from './placement.js';

const names = ['a:1', 'b:1', 'c:1', 'd:1'];
const keys = Array.from({ length: 60 }, (_, i) => `users:${i}`);
const step = fc.record({ node: fc.constantFrom(...names), to: fc.constantFrom('in', 'out', 'gone', 'joining') });

it('never finds an entry of a key again under a name that the key has left, however nodes come and go', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { maxLength: 25 }), (withGutter, steps) => {
      let epoch = 0;
      // As the register does: every change of a node gives it an epoch that none had before; a node that was never there joins.
      const nodes = new Map<string, NodeState>(
        names.slice(0, 3).map((name) => [name, { state: 'in', epoch: String(++epoch), weight: 1 }]),
      );
      if (withGutter)
        for (const name of ['g:1', 'h:1']) nodes.set(name, { state: 'in', epoch: String(++epoch), weight: 0 });
      const now = new Map<string, string>();
      const left = new Map<string, Set<string>>(keys.map((key) => [key, new Set()]));
      const look = (): void => {
        const placement = new Placement(new Map(nodes));
        for (const key of keys) {
          const place = placement.place(key);
          const name = place === undefined ? 'nowhere' : `${place.node} ${place.tag}`;
          const before = now.get(key);
          if (before === name) continue;
          if (before !== undefined && before !== 'nowhere') left.get(key)!.add(before);
          expect(left.get(key)!.has(name), `${key} is under ${name} again`).toBe(false);
          now.set(key, name);
        }
      };
      look();
      for (const { node, to } of steps) {
        const known = nodes.get(node);
        const state = known === undefined ? 'joining' : to === 'joining' ? 'in' : to;
        if (known?.state === state) continue;
        // From joining to in it stays what it is.
        nodes.set(node, {
          state,
          weight: known?.weight ?? 1,
          epoch: known?.state === 'joining' && state === 'in' ? known.epoch : String(++epoch),
        });
        look();
      }
    }),
    { numRuns: 500 },
  );
});
