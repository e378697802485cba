import { RoostError, type Address } from '../core/index.js';

const pattern = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/;

/** Takes `host:port`, with brackets around an IPv6 host. Throws `InvalidArgument`. */
export function parseAddress(text: string): Address {
  const [, v6, name, digits] = pattern.exec(text) ?? [];
  const host = v6 ?? name;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new RoostError('InvalidArgument', `a server is given as host:port, not ${JSON.stringify(text)}`, {
      fields: { argument: 'servers' },
    });
  }
  return { host, port };
}
