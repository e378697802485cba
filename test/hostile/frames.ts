import {
  AccessProcessor,
  JobInjectorProcessor,
  RoostFlockProcessor,
  RoostTimelinesProcessor,
  TBirdProcessor,
  UsersProcessor,
  BinaryWriter,
} from '../../wire/index.js';
import { ManagerProcessor } from '../../wire/manager/index.js';

export type Port = 'flock' | 'manager' | 'injector' | 'tbird' | 'users' | 'timeline';

const processors = {
  flock: RoostFlockProcessor,
  manager: ManagerProcessor,
  injector: JobInjectorProcessor,
  tbird: TBirdProcessor,
  users: UsersProcessor,
  timeline: RoostTimelinesProcessor,
} as const;

/**
 * Returns the methods of a port: those of its service, inherited methods included, and the method that shows a token.
 */
export const methodsOf = (port: Port): string[] =>
  [processors[port], AccessProcessor].flatMap((processor) => methodsBelow(processor.prototype));

function methodsBelow(of: object): string[] {
  const names: string[] = [];
  for (let prototype = of; prototype !== Object.prototype; prototype = Object.getPrototypeOf(prototype) as object) {
    names.push(...Object.getOwnPropertyNames(prototype).filter((name) => name.startsWith('process_')));
  }
  return names.map((name) => name.slice('process_'.length));
}

/** Returns a framed call; its arguments are written, or given as bytes. */
export function frame(method: string, args: ((output: BinaryWriter) => void) | Buffer): Buffer {
  let head = Buffer.alloc(0);
  const output = new BinaryWriter(true, (message) => (head = Buffer.from(message)));
  output.writeMessageBegin(method, 1, 1);
  if (typeof args === 'function') {
    args(output);
    output.writeFieldStop();
  }
  output.flush();
  if (typeof args === 'function') return head;
  const bytes = Buffer.concat([head, args, Buffer.of(0)]);
  bytes.writeUInt32BE(bytes.length - 4);
  return bytes;
}

const repeated = (unit: Buffer, count: number): Buffer => Buffer.alloc(unit.length * count, unit);
const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const field = (type: number, id: number): Buffer => Buffer.of(type, id >> 8, id & 255);

const [i32, string, struct, map, list] = [8, 11, 12, 13, 15] as const;

export interface Shape {
  readonly name: string;
  /**
   * `refused`: with InvalidArgument, and the connection continues; `closed`: the bytes are no message; `either`:
   * depends on the method; `answered`: in a few bytes.
   */
  readonly outcome: 'refused' | 'closed' | 'either' | 'answered';
  /** Every method skips these arguments, so all methods behave alike. */
  readonly skipped?: true;
  /** Arguments of about so many bytes. */
  readonly args: (bytes: number) => Buffer;
}

/** Arguments of any method that are small to send and large to hold or long to read. */
export const shapes: readonly Shape[] = [
  {
    name: 'a list of empty structs',
    outcome: 'refused',
    args: (bytes) => Buffer.concat([field(list, 1), Buffer.of(struct), number(bytes), Buffer.alloc(bytes)]),
  },
  {
    name: 'lists of many short lists',
    outcome: 'either',
    args: (bytes) => {
      const short = Buffer.concat([Buffer.of(struct), number(100), Buffer.alloc(100)]);
      const count = Math.min(16_000, Math.floor(bytes / short.length));
      return Buffer.concat([field(list, 1), Buffer.of(list), number(count), repeated(short, count)]);
    },
  },
  {
    name: 'unknown fields',
    outcome: 'refused',
    skipped: true,
    args: (bytes) => repeated(Buffer.of(2, 0, 99, 1), Math.floor(bytes / 4)),
  },
  {
    name: 'a large map',
    outcome: 'refused',
    skipped: true,
    args: (bytes) => {
      const count = Math.floor(bytes / 8);
      return Buffer.concat([field(map, 98), Buffer.of(i32, i32), number(count), Buffer.alloc(count * 8)]);
    },
  },
  {
    name: 'structs inside one another',
    outcome: 'closed',
    skipped: true,
    args: () => repeated(field(struct, 97), 1_000),
  },
  {
    name: 'long strings',
    outcome: 'answered',
    args: (bytes) =>
      Buffer.concat(
        [1, 2, 3].flatMap((id) => [
          field(string, id),
          number(Math.floor(bytes / 3)),
          Buffer.alloc(Math.floor(bytes / 3), 'x'),
        ]),
      ),
  },
];
