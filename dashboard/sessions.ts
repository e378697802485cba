import { randomBytes } from 'node:crypto';

const cookieName = 'roost_session';
const maxSessions = 256;
/** As long as a working day; then the token is asked for again. */
const lifeMs = 12 * 3_600_000;

/**
 * Browsers that have signed in, each with the token that it showed. The cookie holds a random name and never the token: cookies go to every port of a host. Sessions are in memory, so that a restart
 * of the server ends them. What a token may do is decided anew at every request.
 */
export class Sessions {
  readonly #sessions = new Map<string, { readonly token: string; readonly endsAtMs: number }>();

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** Returns the value of `set-cookie`. The oldest session makes room where there are too many. */
  open(token: string, secure: boolean): string {
    for (const [name] of this.#sessions) {
      if (this.#sessions.size < maxSessions) break;
      this.#sessions.delete(name);
    }
    const name = randomBytes(32).toString('base64url');
    this.#sessions.set(name, { token, endsAtMs: this.nowMs() + lifeMs });
    return `${cookieName}=${name}; ${attributes(secure)}; Max-Age=${lifeMs / 1_000}`;
  }

  /** The token of the session that a `cookie` header names; undefined where there is none. */
  tokenOf(cookies: string | undefined): string | undefined {
    const name = nameIn(cookies);
    const session = name === undefined ? undefined : this.#sessions.get(name);
    if (session === undefined) return undefined;
    if (this.nowMs() < session.endsAtMs) return session.token;
    this.#sessions.delete(name!);
    return undefined;
  }

  /** Ends a session. Returns the value of `set-cookie` that makes the browser forget it. */
  end(cookies: string | undefined, secure: boolean): string {
    const name = nameIn(cookies);
    if (name !== undefined) this.#sessions.delete(name);
    return `${cookieName}=; ${attributes(secure)}; Max-Age=0`;
  }
}

const attributes = (secure: boolean): string => `Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;

function nameIn(cookies: string | undefined): string | undefined {
  for (const part of (cookies ?? '').split(';')) {
    const [name, value] = part.trim().split('=');
    if (name === cookieName && value !== undefined && /^[\w-]{43}$/.test(value)) return value;
  }
  return undefined;
}
