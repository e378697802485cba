import type { AccessRules } from './accessFile.js';
import { Identity } from './identity.js';
import { Networks } from './networks.js';
import type { Peer } from './peer.js';
import { isTokenOf, tokenIdOf, type TokenRecord } from './token.js';
import type { Usage } from './usage.js';

/** The identities in one version of the file, by their credentials. */
export class Credentials {
  readonly identities: ReadonlyMap<string, Identity>;
  readonly #tokens: ReadonlyMap<string, readonly [TokenRecord, Identity]>;
  readonly #certificates: ReadonlyMap<string, Identity>;
  readonly #networks: Networks;

  constructor(rules: AccessRules, usageOf: (name: string) => Usage) {
    const all = Object.entries(rules.identities).map(([name, settings]) => new Identity(name, settings, usageOf(name)));
    this.identities = new Map(all.map((identity) => [identity.name, identity]));
    this.#tokens = new Map(
      all.flatMap((identity) => identity.settings.tokens.map((token) => [token.id, [token, identity]])),
    );
    this.#certificates = new Map(
      all.flatMap((identity) => identity.settings.certificates.map((name) => [name, identity])),
    );
    this.#networks = new Networks(
      all.flatMap(({ name, settings }) => settings.networks.map((network) => [network, name] as const)),
    );
  }

  ofToken(text: string): Identity | undefined {
    const id = tokenIdOf(text);
    const [record, identity] = (id === undefined ? undefined : this.#tokens.get(id)) ?? [];
    return record !== undefined && isTokenOf(text, record) ? identity : undefined;
  }

  /** By certificate, else by network. */
  ofPeer({ address, certificate }: Peer): Identity | undefined {
    const { commonName, names = [] } = certificate ?? {};
    const shown = commonName === undefined ? names : [`CN:${commonName}`, ...names];
    const name = shown.find((each) => this.#certificates.has(each));
    if (name !== undefined) return this.#certificates.get(name);
    const owner = this.#networks.ownerOf(address);
    return owner === undefined ? undefined : this.identities.get(owner);
  }
}
