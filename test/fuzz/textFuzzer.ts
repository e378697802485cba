type Random = (below: number) => number;

const oddTexts = [
  '',
  ' ',
  '0',
  '-1',
  '1e999',
  '9223372036854775808',
  '99999999999999999999999',
  '0x10',
  'NaN',
  'null',
  '\0',
  '\u2028',
  '😀',
  '\ud800',
  '__proto__',
  'constructor',
  '../../x',
  "'; DROP TABLE x; --",
  'x'.repeat(100_000),
];
const oddValues: readonly unknown[] = [...oddTexts, null, true, 0, -1, 1.5, 2 ** 53, -(2 ** 31), 1e308, [], {}, [[]]];

/**
 * Creates texts that are almost right. In a right text of any form, values are replaced, parts are repeated or
 * removed, and bytes flip.
 */
export class TextFuzzer {
  constructor(private readonly random: Random) {}

  /** Nearly one text in ten is right. */
  next(samples: readonly string[]): Buffer {
    const sample = this.#one(samples);
    const json = this.random(2) === 0 ? parsed(sample) : undefined;
    let bytes: Buffer = Buffer.from(json === undefined ? sample : JSON.stringify(this.#changed(json, 0)));
    for (let times = this.random(4); times > 0; times--) bytes = this.#cut(bytes);
    return bytes;
  }

  /**
   * Returns JSON in which one value, at any depth, is replaced, is missing, has another type, or is repeated very
   * often.
   */
  #changed(value: unknown, depth: number): unknown {
    const entries: [string, unknown][] = value !== null && typeof value === 'object' ? Object.entries(value) : [];
    if (depth > 0 && (entries.length === 0 || this.random(4) === 0)) return this.#other(value);
    const [name, inner] = entries.length === 0 ? ['x', value] : this.#one(entries);
    const changed = [...entries];
    const at = changed.findIndex(([key]) => key === name);
    switch (this.random(8)) {
      case 0:
        changed.splice(at, 1);
        break;
      case 1:
        changed.push([this.#one(oddTexts), inner]);
        break;
      case 2:
        if (Array.isArray(value))
          return [...(value as unknown[]), ...new Array<unknown>(this.random(3_000)).fill(inner)];
        break;
      default:
        if (at >= 0) changed[at] = [name, this.#changed(inner, depth + 1)];
    }
    return Array.isArray(value) ? changed.map(([, one]) => one) : Object.fromEntries(changed);
  }

  #other(value: unknown): unknown {
    switch (this.random(5)) {
      case 0:
        return typeof value === 'string' ? value + this.#one(oddTexts) : [value];
      case 1:
        return this.#deep();
      default:
        return this.#one(oddValues);
    }
  }

  #deep(): unknown {
    let value: unknown = 1;
    for (let depth = this.random(2_000); depth > 0; depth--) value = depth % 2 === 0 ? [value] : { value };
    return value;
  }

  /** The same bytes with a part of them changed. */
  #cut(bytes: Buffer): Buffer {
    const from = this.random(bytes.length + 1);
    const to = Math.min(bytes.length, from + this.random(this.random(10) === 0 ? bytes.length + 1 : 12));
    const [head, part, tail] = [bytes.subarray(0, from), bytes.subarray(from, to), bytes.subarray(to)];
    switch (this.random(6)) {
      case 0:
        return Buffer.concat([head, tail]);
      case 1:
        return Buffer.concat([head, part, part, tail]);
      case 2:
        return Buffer.concat([head, Buffer.from(this.#one(oddTexts)), tail]);
      case 3:
        return Buffer.concat([head, Buffer.from([this.random(256)]), tail]);
      case 4:
        return Buffer.from(head);
      default: {
        const flipped = Buffer.from(bytes);
        if (from < flipped.length) flipped[from]! ^= 1 << this.random(8);
        return flipped;
      }
    }
  }

  #one<T>(list: readonly T[]): T {
    return list[this.random(list.length)]!;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
