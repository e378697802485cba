import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Deployment } from 'kubernetes-models/apps/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Service } from 'kubernetes-models/v1';
import { expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { stores } from '../cli/stores.js';
import { configPartsOf } from '../cluster/index.js';
import { loadConfig } from '../process/index.js';

// Checks deploy/ without a cluster: by the schemas of Kubernetes, by systemd, and by how a server reads the
// configuration.

const folder = join(import.meta.dirname, '../deploy');
const kinds = { ConfigMap, Deployment, PodDisruptionBudget, Service } as const;
interface Manifest {
  readonly apiVersion: string;
  readonly kind: keyof typeof kinds;
  readonly metadata: { readonly name: string };
}
const files = readdirSync(join(folder, 'kubernetes')).filter((name) => name !== 'kustomization.yaml');
const manifests = files.flatMap((name) =>
  parseAllDocuments(readFileSync(join(folder, 'kubernetes', name), 'utf8')).map((each) => each.toJS() as Manifest),
);
const found = <T>(kind: keyof typeof kinds, name: string): T =>
  manifests.find((each) => each.kind === kind && each.metadata.name === name) as T;
const deployment = found<{
  spec: { template: { metadata: { labels: object }; spec: PodSpec }; selector: { matchLabels: object } };
}>('Deployment', 'roost');
interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly [
    {
      readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
      readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
    },
  ];
  readonly volumes: readonly { readonly name: string }[];
}

function loaded(): ReturnType<typeof loadConfig> {
  const { data } = found<{ data: Record<string, string> }>('ConfigMap', 'roost');
  const scratch = mkdtempSync(join(tmpdir(), 'roost-deploy-'));
  try {
    const path = join(scratch, 'roost.config.json');
    writeFileSync(path, data['roost.config.json']!);
    return loadConfig({
      path,
      parts: configPartsOf(stores),
      environment: { ROOST__SERVER__HOST: '10.1.2.3', ROOST_PORT_7915_TCP: 'tcp://10.0.0.7:7915' },
      workingFolder: scratch,
    });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

it.each(manifests.map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, manifest] as const))(
  'has a %s that fits the schema of Kubernetes',
  (_name, manifest) => {
    const Model = kinds[manifest.kind];
    expect(Model).toBeDefined();
    new Model(manifest).validate();
    const wrong = new Model({ ...manifest, spec: 1, data: 1 } as never);
    expect(() => wrong.validate()).toThrow();
  },
);

it('names every file of manifests in its kustomization', () => {
  const { resources } = parse(readFileSync(join(folder, 'kubernetes/kustomization.yaml'), 'utf8')) as {
    resources: string[];
  };
  expect([...resources].sort()).toEqual(files.sort());
});

it('has a configuration that a server accepts', () => {
  const { config } = loaded();
  expect(config.server.host).toBe('10.1.2.3');
  expect(config.nameServer.hosts).toEqual(['db1', 'db2', 'db3']);
});

it('opens the ports of the configuration, and mounts every file that it names', () => {
  const { config } = loaded();
  const [container] = deployment.spec.template.spec.containers;
  const configured = Object.entries(config.server).flatMap(([key, value]) =>
    key.endsWith('Port') ? [[key.slice(0, -'Port'.length), value]] : [],
  );
  expect(container.ports.map(({ name, containerPort }) => [name, containerPort]).sort()).toEqual(configured.sort());
  const mounts = container.volumeMounts.map(({ mountPath }) => mountPath);
  const named = JSON.stringify(config).match(/\/etc\/roost\/[^"]+/g) ?? [];
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((file) => !mounts.some((mount) => file.startsWith(`${mount}/`)))).toEqual([]);
  const volumes = deployment.spec.template.spec.volumes.map(({ name }) => name);
  expect(container.volumeMounts.map(({ name }) => name).sort()).toEqual(volumes.sort());
});

it('has services that lead to named ports of the servers', () => {
  const { template, selector } = deployment.spec;
  expect(template.metadata.labels).toEqual(selector.matchLabels);
  const names = template.spec.containers[0].ports.map(({ name }) => name);
  const services = manifests.filter(({ kind }) => kind === 'Service') as unknown as {
    spec: { selector: object; ports: { name: string; targetPort: string }[] };
  }[];
  for (const { spec } of services) expect(spec.selector).toEqual(selector.matchLabels);
  const led = services.flatMap(({ spec }) => spec.ports.map(({ targetPort }) => targetPort));
  expect(led.sort()).toEqual(names.sort());
});

it('gives a server more time to end than it needs', () => {
  const unit = readFileSync(join(folder, 'systemd/roost.service'), 'utf8');
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)![1])).toBeGreaterThan(20);
  expect(deployment.spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(5 + 20);
});

const analyze = spawnSync('systemd-analyze', ['--version']).status === 0;

it.skipIf(!analyze)(`has a unit that systemd takes${analyze ? '' : ' (skipped: there is no systemd-analyze)'}`, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'roost-unit-'));
  try {
    // Here the command is elsewhere.
    const unit = join(scratch, 'roost.service');
    writeFileSync(
      unit,
      readFileSync(join(folder, 'systemd/roost.service'), 'utf8').replace('/usr/bin/roost', process.execPath),
    );
    expect(execFileSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8', stdio: 'pipe' })).toBe('');
  } finally {
    rmSync(scratch, { recursive: true });
  }
});
