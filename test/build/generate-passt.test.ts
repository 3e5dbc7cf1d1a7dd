/** Generated streams of passt: what targets make of them, and that they are where they say. */
import { describe, expect, it } from 'vitest';
import type { Case, Made } from '../../src/build/generate/index.js';
import { passtGenerator } from '../../src/build/generate/passt.js';
import { load, NEWEST_RELEASE, V1_RELEASE } from '../../src/formats/passt/index.js';
import { open, parseABI } from '../../src/state/index.js';
import { makeShell } from '../cli/shell.js';

function bytesOf(made: Made): Uint8Array {
  if (made.kind !== 'bytes') throw new Error('this is memory');
  return made.bytes;
}
function boundary(generation: string, name: string, abi = 'x86_64'): Case {
  for (const each of passtGenerator.boundaries(generation))
    if (each.name === `${generation}-${abi}-${name}`) return each;
  throw new Error(`there is no ${name}`);
}
function opened(each: Case) {
  const made = each.make();
  if (made.kind !== 'bytes') throw new Error('this is memory');
  return open(made.bytes, {
    as: made.as,
    abi: made.forcedABI === undefined ? undefined : parseABI(made.forcedABI),
  });
}

/** Those of 20 MB and more, which are slow to look at. */
const LARGE = /-(flows-most|queue-longest)$/;

describe.each(['v1', 'v2', 'newer'])('sound streams of %s', (generation) => {
  const release = generation === 'v1' ? V1_RELEASE : NEWEST_RELEASE;
  const cases = [
    ...[...passtGenerator.boundaries(generation)].filter(({ name }) => !LARGE.test(name)),
    ...Array.from({ length: 25 }, (_, i) => passtGenerator.random(generation, 2, i)),
  ];
  it('are taken by a target, which resumes all their flows', () => {
    let flows = 0;
    for (const each of cases) {
      const verdict = load(bytesOf(each.make()), release);
      expect([each.name, verdict.end, verdict.unread, verdict.desynchronised]).toEqual([
        each.name,
        'loaded',
        0,
        undefined,
      ]);
      const skipped = each.name.includes('state-skip') ? 'reset' : 'resumed';
      expect([each.name, ...new Set(verdict.flows.map(({ fate }) => fate))].slice(0, 2)).toEqual(
        verdict.flows.length === 0 ? [each.name] : [each.name, skipped],
      );
      flows += verdict.flows.length;
    }
    expect(flows).toBeGreaterThan(2000);
  });
  it('are recognised for what they are, ports in the order of their machine', () => {
    for (const each of cases) {
      const { reading, value } = opened(each);
      const hasFlows = (value as { flow_count: number }).flow_count > 0;
      const { endian } = parseABI(each.abi ?? '');
      expect([each.name, reading.generation, hasFlows ? reading.abi?.endian : endian]).toEqual([
        each.name,
        generation,
        endian,
      ]);
    }
  });
});

describe('boundaries', () => {
  it('of flows have as many as they say', () => {
    const count = (name: string): number =>
      new DataView(bytesOf(boundary('v2', name).make()).buffer).getUint32(58);
    expect(['empty', 'inbound', 'two', 'flows-1024', 'flows-1025', 'flows-most'].map(count)).toEqual([
      0, 1, 2, 1024, 1025, 131071,
    ]);
  });
  it('of the longest queue hold 64 MiB', () => {
    expect(bytesOf(boundary('v2', 'queue-longest').make())).toHaveLength(62 + 112 + 52 + 64 * 2 ** 20);
  });
  it('have every state of a socket, and every event, flag and option', () => {
    interface Shown {
      flows: { events: number; flags: number; ext: { tcpi_state: number; tcpi_options: number } }[];
    }
    const seen = { states: new Set<number>(), events: 0, flags: 0, options: 0 };
    for (const each of passtGenerator.boundaries('v2')) {
      if (LARGE.test(each.name) || each.name.includes('flows-')) continue;
      for (const { events, flags, ext } of (opened(each).value as Shown).flows) {
        seen.states.add(ext.tcpi_state);
        seen.events |= events;
        seen.flags |= flags;
        seen.options |= ext.tcpi_options;
      }
    }
    expect([...seen.states].sort((a, b) => a - b)).toEqual([0, 1, 4, 5, 7, 8, 9, 11]);
    // What an established connection has, and what no note is about.
    expect([seen.events, seen.flags, seen.options]).toEqual([0xfc, 0x3f, 0xff]);
  });
  it('of drafts are of every machine, which is found again as far as a draft tells it', () => {
    const abis: string[] = [];
    for (const each of passtGenerator.boundaries('draft')) {
      const { reading } = opened(each);
      const { abi = '' } = each;
      const wanted = parseABI(abi);
      abis.push(abi);
      expect([each.name, reading.abi?.endian, reading.abi?.pointerSize, reading.abi?.timeSize]).toEqual([
        each.name,
        wanted.endian,
        wanted.pointerSize,
        wanted.timeSize,
      ]);
    }
    expect(new Set(abis).size).toBe(13);
  });
});

it('what no release takes says so', () => {
  const rules = (generation: string): string[] =>
    (passtGenerator.random(generation, 1, 0).inherent ?? []).map(({ rule }) => rule.replace('passt/', ''));
  expect(Object.fromEntries(passtGenerator.generations.map(({ name }) => [name, rules(name)]))).toEqual({
    newer: ['newer-version'],
    'draft-typo': ['never-released', 'draft-typo'],
    'skeleton-header': ['never-released'],
    'skeleton-addresses': ['never-released'],
    'v1-28772ee': [],
    'v1-cfb3740': ['trailing-bytes'],
    placeholder: ['never-released'],
    draft: ['never-released'],
    passty: ['never-released'],
    v1: ['v1-only'],
    v2: [],
  });
});

/** What the command writes. */
interface Manifest {
  readonly files: readonly {
    readonly name: string;
    readonly as?: string;
    readonly forced_abi?: string;
    readonly findings: readonly { readonly severity: string; readonly rule: string; readonly path: string }[];
  }[];
  readonly not_alone: readonly { readonly rule: string; readonly with: readonly string[] }[];
  readonly not_broken: readonly unknown[];
}

describe('carryover generate', () => {
  it.each([
    'passt@v2 --count 20 --seed 1',
    'passt@v1 --count 80 --seed 7',
    'passt@v1-cfb3740 --count 12',
    'passt@skeleton-addresses --count 4',
    'passt@draft-typo --violate all',
    'passt@v2 --violate passt/port-order-forced',
    'fdt@v1 --violate all --count 5',
    'fdt --count 12',
  ])('%s: check finds what the manifest says, opened as it says', async (words) => {
    const shell = await makeShell();
    const { exit, err } = await shell.line(`carryover generate ${words} -o out`);
    expect([exit, err]).toEqual([0, '']);
    const manifest = JSON.parse(
      Buffer.from(shell.files.get('out/manifest.json') ?? []).toString(),
    ) as Manifest;
    expect(manifest.files.length).toBeGreaterThan(0);
    for (const { name, as, forced_abi, findings } of manifest.files) {
      const options = `${as === undefined ? '' : ` --as ${as}`}${forced_abi === undefined ? '' : ` --abi ${forced_abi}`}`;
      const { out } = await shell.line(`carryover check --json${options} out/${name}`);
      const found = JSON.parse(Buffer.from(out).toString()) as Pick<Manifest['files'][number], 'findings'>;
      const lines = (list: typeof findings): string[] =>
        list.map(({ severity, rule, path }) => `${severity} ${rule} ${path}`).sort();
      expect([name, lines(found.findings)]).toEqual([name, lines(findings)]);
    }
  });
  it('breaks every rule, of version 2 where it can, and says which not alone', async () => {
    const shell = await makeShell();
    expect((await shell.line('carryover generate passt --violate all --form hex -o out')).exit).toBe(0);
    const manifest = JSON.parse(
      Buffer.from(shell.files.get('out/manifest.json') ?? []).toString(),
    ) as Manifest & {
      readonly left_out: readonly { readonly name: string }[];
    };
    expect(manifest.not_broken).toEqual([]);
    expect(manifest.files.length + manifest.left_out.length).toBe(passtGenerator.rules.length);
    expect(manifest.left_out.map(({ name }) => name)).toEqual([
      'v2-x86_64-passt-count-over-flow-max',
      'v2-x86_64-passt-queue-over-limit',
    ]);
    expect(manifest.not_alone.map(({ rule, with: others }) => [rule, others])).toEqual([
      ['passt/ext-of-other-version', ['passt/truncated']],
      ['passt/skip-with-queue', ['passt/skip-marker', 'passt/trailing-bytes']],
      ['passt/draft-truncated', ['decode/truncated']],
      ['passt/passty-header', ['decode/derived-mismatch']],
    ]);
    expect(manifest.files.filter(({ as }) => as !== undefined).map(({ as }) => as)).toEqual([
      'passt@placeholder',
      'passt@draft-typo',
    ]);
  });
});
