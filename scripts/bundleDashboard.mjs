// Bundles the script and the style of the dashboard into static files.
import { join } from 'node:path';

/** @param to the folder for them */
export async function bundleDashboard(root, to) {
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: root,
    entryPoints: [join(root, 'dashboard/client/main.tsx'), join(root, 'dashboard/client/page.css')],
    outdir: to,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    logLevel: 'warning',
  });
}
