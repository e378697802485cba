import type { IncomingMessage, ServerResponse } from 'node:http';
import type { VNode } from 'preact';
import type { Cluster } from '../cluster/index.js';
import { Deadline, type ErrorCode, RoostError } from '../core/index.js';
import type { AdminSite, EnterSite } from '../server/index.js';
import { carriedOut, planPage } from './actionPages.js';
import { loadAssets, type AssetName } from './assets.js';
import { detailPages } from './details.js';
import { FiguresPost } from './figures.js';
import { StateGatherer } from './stateGatherer.js';
import { DetailPage, MessagePage, OverviewPage, SignInPage } from './page/shell.js';
import { readForm } from './readForm.js';
import { renderDocument } from './render.js';
import { Sessions } from './sessions.js';
import type { ClusterState } from './state.js';
import { StorePages } from './storePages.js';
import { Viewers } from './viewers.js';

/** Nothing from elsewhere, nothing inline, in no frame. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');
const safety = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  // Not less: browsers would send the site's own forms without their origin.
  'referrer-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};
const statuses: Partial<Record<ErrorCode, number>> = {
  Unauthenticated: 401,
  PermissionDenied: 403,
  InvalidArgument: 400,
  NotFound: 404,
  Overloaded: 429,
};
/** A page about a part that does not answer is refused after this. */
const detailDeadlineMs = 5_000;
const paths: ReadonlySet<string> = new Set(['/', '/live', '/state', '/action', '/sign-in', '/sign-out']);
/** Where a browser goes on after signing in, beside the first page. */
const actionAddress = /^\/action\?[\w=&.%:+-]*$/;

/** The pages for people on the admin port: the state of the whole cluster, whichever of its servers is asked; and the few changes that can be made there. */
export class Dashboard implements AdminSite {
  readonly #assets: ReturnType<typeof loadAssets>;
  readonly #sessions = new Sessions();
  readonly #gatherer: StateGatherer;
  readonly #viewers: Viewers;
  readonly #figures: FiguresPost;
  readonly #storePages: StorePages;

  /** Posts the figures of this server from now on, until `stop`. */
  constructor(
    private readonly cluster: Cluster,
    version: string,
    /** Where the build put the script and the style of pages. Absent: beside this file. */
    assets?: URL,
    /** What keeps this server from its work. Absent: what keeps this process. */
    notReady?: () => Promise<string | undefined>,
  ) {
    this.#assets = loadAssets(assets);
    this.#storePages = new StorePages(cluster);
    this.#gatherer = new StateGatherer(cluster, version, this.#storePages.links, notReady);
    this.#viewers = new Viewers(() => this.state(), cluster.gizzard.log);
    this.#figures = new FiguresPost(cluster.gizzard, this.#storePages.metrics);
  }

  /** The state of the last second. */
  state(): Promise<ClusterState> {
    return this.#gatherer.state();
  }

  has(path: string): boolean {
    return paths.has(path) || this.#hasDetail(path) || path.startsWith('/assets/');
  }

  close(): void {
    this.#viewers.close();
  }

  async stop(): Promise<void> {
    this.close();
    await this.#figures.stop();
  }

  async answer(request: IncomingMessage, response: ServerResponse, enter: EnterSite): Promise<void> {
    try {
      const path = (request.url ?? '/').replace(/\?.*/, '');
      if (path === '/action') return await this.#action(request, response, enter);
      if (path === '/sign-in' || path === '/sign-out') return await this.#sign(path, request, response, enter);
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return send(request, response, 405, 'only GET and HEAD');
      if (path.startsWith('/assets/')) return this.#asset(path.slice('/assets/'.length), request, response);
      if (path === '/live') return await this.#live(request, response, enter);
      const caller = enter(this.#tokenOf(request));
      try {
        if (this.#hasDetail(path)) return await this.#detail(path, request, response);
        const state = await this.state();
        if (path === '/state') return send(request, response, 200, JSON.stringify(state), 'application/json');
        const signOut = this.#sessions.tokenOf(request.headers.cookie) !== undefined;
        const page = <OverviewPage state={state} following="still" signOut={signOut} />;
        this.#page(request, response, 200, page, state);
      } finally {
        caller.leave();
      }
    } catch (error) {
      this.#refuse(request, response, RoostError.from(error));
    }
  }

  async #detail(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { gizzard } = this.cluster;
    const query = queryOf(request);
    const page = await Deadline.after(detailDeadlineMs).race(
      this.#storePages.has(path)
        ? this.#storePages.render(path, () => this.#gatherer.counts())
        : Promise.resolve(detailPages[path]!(gizzard, query)),
      'gathering this page',
    );
    this.#detailPage(request, response, 200, path, page);
  }

  #detailPage(request: IncomingMessage, response: ServerResponse, status: number, path: string, page: VNode): void {
    const { cluster } = this.cluster.config;
    this.#page(
      request,
      response,
      status,
      <DetailPage cluster={cluster} path={path} more={this.#storePages.links} atMs={Date.now()}>
        {page}
      </DetailPage>,
    );
  }

  #hasDetail(path: string): boolean {
    return Object.hasOwn(detailPages, path) || this.#storePages.has(path);
  }

  /** Tells a page of all changes, until it is closed. */
  async #live(request: IncomingMessage, response: ServerResponse, enter: EnterSite): Promise<void> {
    this.#viewers.requireRoom();
    const caller = enter(this.#tokenOf(request), () => response.destroy());
    response.writeHead(200, { ...safety, 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.flushHeaders();
    this.#viewers.add(response, () => caller.leave());
  }

  async #sign(path: string, request: IncomingMessage, response: ServerResponse, enter: EnterSite): Promise<void> {
    const { cookie } = request.headers;
    const secure = isEncrypted(request);
    if (request.method !== 'POST') return redirect(response, '/');
    requireOwnForm(request);
    if (path === '/sign-out') return redirect(response, '/', this.#sessions.end(cookie, secure));
    const form = await readForm(request);
    const token = form.get('token')?.trim() ?? '';
    enter(token).leave();
    const to = form.get('to') ?? '';
    redirect(response, actionAddress.test(to) ? to : '/', this.#sessions.open(token, secure));
  }

  /** GET shows the plan of an action, and POST, from that page, carries it out. */
  async #action(request: IncomingMessage, response: ServerResponse, enter: EnterSite): Promise<void> {
    const { gizzard } = this.cluster;
    const posted = request.method === 'POST';
    if (!posted && request.method !== 'GET' && request.method !== 'HEAD')
      return send(request, response, 405, 'only GET, HEAD and POST');
    if (posted) requireOwnForm(request);
    const form = posted ? await readForm(request) : queryOf(request);
    const caller = enter(this.#tokenOf(request));
    try {
      const answer = posted ? carriedOut(gizzard, form, caller) : planPage(gizzard, form, caller);
      const { status, page } = await Deadline.after(detailDeadlineMs).race(answer, 'the action');
      this.#detailPage(request, response, status, '/action', page);
    } finally {
      caller.leave();
    }
  }

  /** Of the header as machines send it, or of the session of a browser. */
  #tokenOf({ headers: { authorization, cookie } }: IncomingMessage): string | undefined {
    const bearer = authorization === undefined ? undefined : (/^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '');
    return bearer ?? this.#sessions.tokenOf(cookie);
  }

  #asset(name: string, request: IncomingMessage, response: ServerResponse): void {
    const asset = Object.hasOwn(this.#assets, name) ? this.#assets[name as AssetName] : undefined;
    if (asset === undefined) return send(request, response, 404, 'not found');
    const zipped = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    const body = zipped ? asset.gzipped : asset.body;
    response.writeHead(200, {
      ...safety,
      'content-type': asset.type,
      'content-length': body.length,
      // Its address changes with its content.
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
      ...(zipped ? { 'content-encoding': 'gzip' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  #page(request: IncomingMessage, response: ServerResponse, status: number, page: VNode, state?: ClusterState): void {
    // Whoever may not see a page does not learn the cluster's name from it.
    const title = status === 200 || status === 409 ? `${this.cluster.config.cluster} · Roost` : 'Roost';
    const html = renderDocument({ title, page, assets: this.#assets, ...(state === undefined ? {} : { state }) });
    send(request, response, status, html, 'text/html; charset=utf-8');
  }

  #refuse(request: IncomingMessage, response: ServerResponse, { code, message, retryAfterMs }: RoostError): void {
    if (response.headersSent) return void response.destroy();
    const status = statuses[code] ?? 500;
    if (retryAfterMs !== undefined) response.setHeader('retry-after', Math.ceil(retryAfterMs / 1_000));
    const page =
      status === 401 ? (
        <SignInPage cluster="Roost" message={message} />
      ) : (
        <MessagePage cluster="Roost" title={String(status)} message={message} />
      );
    this.#page(request, response, status, page);
  }
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, {
    ...safety,
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

const queryOf = (request: IncomingMessage): URLSearchParams =>
  new URL(request.url ?? '/', 'http://localhost').searchParams;

const isEncrypted = ({ socket }: IncomingMessage): boolean => 'encrypted' in socket && socket.encrypted === true;

/** The cookie is sent to this site's own pages alone; a form of another one is refused all the same. */
function requireOwnForm(request: IncomingMessage): void {
  const { origin, host } = request.headers;
  if (origin !== undefined && origin !== `${isEncrypted(request) ? 'https' : 'http'}://${host}`)
    throw new RoostError('PermissionDenied', 'forms of other sites are refused');
}

function redirect(response: ServerResponse, location: string, cookie?: string): void {
  response.writeHead(303, {
    ...safety,
    location,
    'content-length': 0,
    ...(cookie === undefined ? {} : { 'set-cookie': cookie }),
  });
  response.end();
}
