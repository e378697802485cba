import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallerAccess } from '../access/index.js';

/** Pages for people, on the admin port beside those for machines. */
export interface AdminSite {
  /** Whether it answers for a path. */
  has(path: string): boolean;
  /** Answers one request, which may stay open. A page that tells of the cluster is for callers that `enter` lets in. */
  answer(request: IncomingMessage, response: ServerResponse, enter: EnterSite): Promise<void>;
  /** Ends the requests that are open. */
  close(): void;
}

/**
 * Lets a caller in: by a token, or without one by its certificate or network, or because everybody may. The caller is to `leave`. `onRevoked` is called when it may no longer stay.
 * Throws `Unauthenticated`, `PermissionDenied` and `Overloaded`.
 */
export type EnterSite = (token: string | undefined, onRevoked?: () => void) => CallerAccess;
