import type { VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';
import type { Asset, AssetName } from './assets.js';
import type { ClusterState } from './state.js';

interface DocumentOptions {
  readonly title: string;
  readonly page: VNode;
  readonly assets: Readonly<Partial<Record<AssetName, Asset>>>;
  /** What the page goes on from; absent: it shows one moment, and needs no script. */
  readonly state?: ClusterState;
}

/** A whole HTML document. It can be read without JavaScript, and loads nothing from elsewhere. */
export function renderDocument({ title, page, assets, state }: DocumentOptions): string {
  const css = assets['page.css'];
  const script = state === undefined ? undefined : assets['main.js'];
  const html = renderToString(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title}</title>
        <link rel="icon" href="data:," />
        {css !== undefined && <link rel="stylesheet" href={`/assets/page.css?${css.tag}`} />}
        {script !== undefined && <script type="module" src={`/assets/main.js?${script.tag}`} />}
      </head>
      <body>
        <div id="page">{page}</div>
        {state !== undefined && (
          <script type="application/json" id="state" dangerouslySetInnerHTML={{ __html: inScript(state) }} />
        )}
      </body>
    </html>,
  );
  return `<!doctype html>${html}`;
}

/** JSON that cannot end the element that it stands in. */
const inScript = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');
