import { randomBytes } from 'node:crypto';

const cookieName = 'roost_session';
const maxSessions = 256;
/** About a working day; then the browser must show the token again. */
const lifeMs = 12 * 3_600_000;

/**
 * Signed-in browsers, each with the token that it showed. The cookie holds a random name, never the token: browsers
 * send cookies to every port of a host. Sessions are kept in memory, and end when the server restarts. Every request
 * checks anew what the token allows.
 */
export class Sessions {
  readonly #sessions = new Map<string, { readonly token: string; readonly endsAtMs: number }>();

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /**
   * Opens a session, and returns the value of `set-cookie`. If there are too many sessions, the oldest is dropped.
   */
  open(token: string, secure: boolean): string {
    for (const [name] of this.#sessions) {
      if (this.#sessions.size < maxSessions) break;
      this.#sessions.delete(name);
    }
    const name = randomBytes(32).toString('base64url');
    this.#sessions.set(name, { token, endsAtMs: this.nowMs() + lifeMs });
    return `${cookieName}=${name}; ${attributes(secure)}; Max-Age=${lifeMs / 1_000}`;
  }

  /** The token of the session named in a `cookie` header; undefined if there is none. */
  tokenOf(cookies: string | undefined): string | undefined {
    const name = nameIn(cookies);
    const session = name === undefined ? undefined : this.#sessions.get(name);
    if (session === undefined) return undefined;
    if (this.nowMs() < session.endsAtMs) return session.token;
    this.#sessions.delete(name!);
    return undefined;
  }

  /** Ends a session. Returns the value of `set-cookie` that removes the cookie. */
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
