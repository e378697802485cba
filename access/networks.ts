import { BlockList, isIP } from 'node:net';
import { RoostError } from '../core/index.js';

interface Network {
  readonly prefix: number;
  readonly holds: BlockList;
  readonly owner: string;
}

/** Throws `InvalidArgument` for text that is neither an address nor a network such as `10.2.0.0/16` or `fd00::/8`. */
export function parseNetwork(text: string): { readonly prefix: number; readonly holds: BlockList } {
  const [, address = '', digits] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  const bits = version === 4 ? 32 : 128;
  const prefix = digits === undefined ? bits : Number(digits);
  if (version === 0 || prefix > bits)
    throw new RoostError(
      'InvalidArgument',
      `a network is an address, or address/bits such as 10.2.0.0/16, not ${JSON.stringify(text)}`,
    );
  const holds = new BlockList();
  holds.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6');
  return { prefix, holds };
}

/** Networks and their owners. */
export class Networks {
  /** Narrowest first. */
  readonly #networks: readonly Network[];

  constructor(networks: Iterable<readonly [network: string, owner: string]>) {
    this.#networks = Array.from(networks, ([text, owner]) => ({ ...parseNetwork(text), owner })).sort(
      (a, b) => b.prefix - a.prefix,
    );
  }

  /** The owner of the narrowest network that contains an address. */
  ownerOf(address: string): string | undefined {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
    const version = isIP(plain);
    if (version === 0) return undefined;
    return this.#networks.find(({ holds }) => holds.check(plain, version === 4 ? 'ipv4' : 'ipv6'))?.owner;
  }
}
