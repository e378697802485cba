import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { z } from 'zod';
import { limits, RoostError } from '../core/index.js';
import { parseNetwork } from './networks.js';
import { roles } from './roles.js';

const identityName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/,
    'must be 1 to 64 letters, digits and . _ @ -, the first of them no sign',
  );

const grant = z
  .strictObject({
    roles: z.array(z.enum(roles)).min(1),
    /** Names of stores, or `manager`, `injector`, `metrics`. Absent: all. */
    services: z
      .array(z.string().regex(/^[a-z][a-z0-9]*$/, 'must be the name of a store, or manager, injector, metrics'))
      .min(1)
      .max(64)
      .optional(),
    /** Names of graphs. Absent: all. */
    graphs: z.array(z.string().min(1).max(64)).min(1).max(1_000).optional(),
  })
  .refine(
    ({ roles: given, graphs }) => graphs === undefined || given.every((role) => role === 'read' || role === 'write'),
    'takes `graphs` with the roles read and write only',
  );

const token = z.strictObject({
  id: z.string().regex(/^[a-z2-7]{8}$/, 'must be the id of a token'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'),
  createdAt: z.iso.datetime(),
});

const network = z.string().refine((text) => {
  try {
    return parseNetwork(text) !== undefined;
  } catch {
    return false;
  }
}, 'must be an address or a network such as 10.2.0.0/16');

const identity = z.strictObject({
  grants: z.array(grant).max(64).default([]),
  tokens: z.array(token).max(16).default([]),
  /**
   * Names in a client's certificate: its common name as `CN:web`, or an alternative name with its kind,
   * `DNS:web.example` or `URI:spiffe://example/web`.
   */
  certificates: z
    .array(
      z.string().regex(/^[A-Za-z ]{1,20}:.{1,255}$/, 'must be a kind and a name, such as CN:web or DNS:web.example'),
    )
    .max(64)
    .default([]),
  /** Networks that its connections come from, for clients that can show neither a token nor a certificate. */
  networks: z.array(network).max(256).default([]),
  /** Calls per second over all ports of one server. Absent: unlimited. */
  callsPerSecond: z.number().positive().max(10_000_000).optional(),
  /** Calls that may come at once. Absent: one second's. */
  burst: z.int().min(1).max(10_000_000).optional(),
  /** Concurrent connections over all ports of one server. */
  connections: z.int().min(1).max(1_000_000).optional(),
});

const schema = z.strictObject({ identities: z.record(identityName, identity) });

export type Grant = z.output<typeof grant>;
export type IdentitySettings = z.output<typeof identity>;
export type AccessRules = z.output<typeof schema>;
export type AccessRulesInput = z.input<typeof schema>;

/**
 * Reads the file of identities. Throws `FailedPrecondition` if it cannot be read, and `InvalidArgument` with one line
 * per fault.
 */
export function readAccessFile(file: string): AccessRules {
  let text: string;
  try {
    const { size } = statSync(file);
    if (size > limits.accessFileBytes) throw new Error(`${size} bytes; at most ${limits.accessFileBytes} are read`);
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new RoostError('FailedPrecondition', `the access file ${file} cannot be read: ${(cause as Error).message}`, {
      fields: { file },
      cause,
    });
  }
  return parseAccessFile(text, file);
}

export function parseAccessFile(text: string, file: string): AccessRules {
  const wrong = (problems: readonly string[], cause?: unknown): RoostError =>
    new RoostError('InvalidArgument', problems.map((problem) => `${file}: ${problem}`).join('\n'), {
      fields: { file },
      cause,
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw wrong([`is not JSON: ${(cause as Error).message}`], cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success)
    throw wrong(parsed.error.issues.map(({ path, message }) => `${path.map(String).join('.')} ${message}`.trim()));
  const twice = [
    ...repeated(parsed.data, 'token', ({ tokens }) => tokens.map(({ id }) => id)),
    ...repeated(parsed.data, 'certificate', ({ certificates }) => certificates),
    ...repeated(parsed.data, 'network', ({ networks }) => networks),
  ];
  if (twice.length > 0) throw wrong(twice);
  return parsed.data;
}

/** A credential must identify one identity. */
function repeated(
  { identities }: AccessRules,
  what: string,
  credentials: (settings: IdentitySettings) => readonly string[],
): string[] {
  const owners = new Map<string, string>();
  return Object.entries(identities).flatMap(([name, settings]) =>
    credentials(settings).flatMap((credential) => {
      const owner = owners.get(credential);
      owners.set(credential, name);
      return owner === undefined ? [] : [`the ${what} ${credential} is given to ${owner} and to ${name}`];
    }),
  );
}

/**
 * Edits the file, or creates it, in one step: a server never reads half of it. Its owner, mode and other content
 * stay. Throws `InvalidArgument` if the result would be invalid, and `Conflict` if somebody else changed it
 * meanwhile.
 */
export function editAccessFile(path: string, edit: (rules: AccessRulesInput) => void): void {
  const there = existsSync(path);
  // A symbolic link stays one.
  const file = there ? realpathSync(path) : path;
  if (there) readAccessFile(file);
  const before = there ? readFileSync(file, 'utf8') : '{ "identities": {} }';
  const rules = JSON.parse(before) as AccessRulesInput;
  edit(rules);
  const text = `${JSON.stringify(rules, null, 2)}\n`;
  parseAccessFile(text, path);
  const beside = `${file}.${randomUUID()}`;
  try {
    writeFileSync(beside, text, { mode: 0o600 });
    if (there) {
      const { mode, uid, gid } = statSync(file);
      chmodSync(beside, mode);
      if (uid !== process.getuid?.() || gid !== process.getgid?.()) chownSync(beside, uid, gid);
      if (readFileSync(file, 'utf8') !== before)
        throw new RoostError('Conflict', `the access file ${path} was changed meanwhile`, { fields: { file: path } });
    }
    renameSync(beside, file);
  } catch (cause) {
    rmSync(beside, { force: true });
    if (cause instanceof RoostError) throw cause;
    throw new RoostError(
      'FailedPrecondition',
      `the access file ${path} cannot be written: ${(cause as Error).message}`,
      {
        fields: { file: path },
        cause,
      },
    );
  }
}
