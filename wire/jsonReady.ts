import { jsonForm } from '../core/index.js';

/** What `JSON.stringify` makes of an answer: ids, positions, times, cursors and counts of 64 bits are decimal strings, columns are lists of them. */
class JsonReady {
  toJSON(): Record<string, unknown> {
    return Object.fromEntries(Object.entries(this).map(([name, value]: [string, unknown]) => [name, asJson(value)]));
  }
}

const asJson = (value: unknown): unknown => (Array.isArray(value) ? value.map(asJson) : jsonForm(value));

/** Gives a fresh object its form in JSON. A copy made with `{ ...value }` has none. */
export const jsonReady = <T extends object>(value: T): T => Object.setPrototypeOf(value, JsonReady.prototype) as T;

/** An edge with its form in JSON: pages have thousands of them, and a constructor makes one in a third of the time. */
export class JsonReadyEdge<State> extends JsonReady {
  constructor(
    readonly sourceId: bigint,
    readonly destinationId: bigint,
    readonly position: bigint,
    readonly updatedAt: bigint,
    readonly state: State,
  ) {
    super();
  }
}

// So that `console.log` shows plain objects.
for (const { prototype } of [JsonReady, JsonReadyEdge]) Reflect.deleteProperty(prototype, 'constructor');
