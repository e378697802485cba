import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importX, createNodeResolver } from 'eslint-plugin-import-x';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const root = dirname(fileURLToPath(import.meta.url));

/** What each folder may import, besides itself. Everything that is not listed is refused. */
const layers = {
  cli: [
    'backup',
    'dashboard',
    'sdk',
    'server',
    'access',
    'wire',
    'timeline',
    'tbird',
    'flock',
    'users',
    'cluster',
    'cache',
    'gizzard',
    'mysql',
    'redis',
    'playground',
    'process',
    'core',
  ],
  testing: ['sdk', 'timeline', 'tbird', 'flock', 'users', 'cluster', 'playground', 'process', 'core'],
  dashboard: ['cluster', 'server', 'access', 'cache', 'gizzard', 'process', 'core'],
  backup: ['cluster', 'gizzard', 'process', 'core'],
  sdk: ['wire', 'core'],
  server: ['access', 'gizzard', 'mysql', 'wire', 'process', 'core'],
  timeline: [
    'redis',
    'tbird',
    'flock',
    'cluster',
    'server',
    'access',
    'cache',
    'gizzard',
    'mysql',
    'wire',
    'process',
    'core',
  ],
  tbird: ['flock', 'cluster', 'server', 'access', 'cache', 'gizzard', 'mysql', 'wire', 'process', 'core'],
  flock: ['cluster', 'server', 'access', 'cache', 'gizzard', 'mysql', 'wire', 'process', 'core'],
  users: ['cluster', 'server', 'access', 'cache', 'gizzard', 'mysql', 'wire', 'process', 'core'],
  cluster: ['server', 'access', 'cache', 'gizzard', 'wire', 'process', 'core'],
  cache: ['redis', 'process', 'core'],
  gizzard: ['mysql', 'redis', 'process', 'core'],
  mysql: ['process', 'core'],
  redis: ['process', 'core'],
  wire: ['core'],
  access: ['process', 'core'],
  playground: ['process', 'core'],
  process: ['core'],
  core: [],
};
const outside = ['test', 'bench', 'examples', 'scripts'];

const zones = Object.entries(layers).map(([folder, allowed]) => ({
  target: `./${folder}`,
  from: [...Object.keys(layers), ...outside]
    .filter((other) => other !== folder && !allowed.includes(other))
    .map((other) => `./${other}/**`),
  message: `${folder}/ may import only ${allowed.length === 0 ? 'packages' : allowed.join(', ')} (ARCHITECTURE.md).`,
}));

/** What another folder holds beside its index.js. The manager's code stands apart, so that the client does not load it. */
const internals = `^(\\.\\./)+(${Object.keys(layers).join('|')})/(?!index\\.js$|(?<=wire/)manager/index\\.js$)`;

export default defineConfig(
  { ignores: ['dist/', 'dist-*/', 'wire/gen/', '.roost/', 'site/pages/', 'site/.vitepress/cache/'] },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.recommendedTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: root } },
    settings: {
      'import-x/extensions': ['.ts', '.tsx', '.js'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts', '.tsx'] },
      'import-x/resolver-next': [
        createNodeResolver({ extensions: ['.ts', '.tsx', '.js'], extensionAlias: { '.js': ['.ts', '.tsx', '.js'] } }),
      ],
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' },
      ],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      'import-x/no-default-export': 'error',
    },
  },
  {
    files: ['**/*.ts', '**/*.tsx'],
    ignores: ['**/*.test.ts', 'test/**', 'bench/**'],
    rules: {
      'import-x/no-restricted-paths': ['error', { basePath: root, zones }],
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: internals, message: 'Import from the index.js of another folder; the rest is internal.' },
          ],
        },
      ],
    },
  },
  { files: ['**/vitest.config.ts'], rules: { 'import-x/no-default-export': 'off' } },
);
