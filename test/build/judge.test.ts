/**
 * The second judge (scripts/judge) walked these images with C programs that share nothing with the decoders. What
 * it found is kept in fixtures/judge; the decoder must find the same in the same bytes.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseFDT } from '../../src/formats/fdt/index.js';
import { openHandover } from '../../src/formats/kho/index.js';
import { bytesSource, type Image, openImage } from '../../src/memory/index.js';
import { bytesAt, fixturePath } from '../memory/fixtures.js';
import { type JudgeCase, judgeCases } from './judge-cases.js';
import { type Line, linesOf } from './judge-lines.js';

interface Golden {
  readonly name: string;
  readonly generation: string;
  readonly pageSize: number;
  readonly root?: string;
  readonly sha256: string;
  /** Why the judge does not take it; the lines end there. */
  readonly refused?: string;
  readonly lines: readonly Line[];
  /** In place of lines that the case itself has: how many there are, and their hash. */
  readonly said?: { readonly lines: number; readonly sha256: string };
  /** Of each line of kind `fdt`: its bytes, and what fdtdump prints of them, null if it cannot read them. */
  readonly fdts: readonly { readonly sha256: string; readonly fdtdump: string | null }[];
}

const goldens = new Map<string, Golden>(
  readdirSync(fixturePath('judge'))
    .filter((name) => name.endsWith('.json.gz'))
    .flatMap((name) => {
      const text = gunzipSync(readFileSync(fixturePath(`judge/${name}`))).toString();
      return JSON.parse(text) as Golden[];
    })
    .map((golden) => [golden.name, golden]),
);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
/** The same as in scripts/judge/judge.js: the order of keys does not count. */
function digestOf(lines: readonly Line[]): Golden['said'] {
  const text = lines.map((line) => JSON.stringify(Object.entries(line).sort())).join('\n');
  return { lines: lines.length, sha256: createHash('sha256').update(text).digest('hex') };
}
const cases = [...judgeCases()];

/** The decoder says of a size what the root says; the judge also knows that of a device tree. */
function comparable(lines: readonly Line[]): Line[] {
  return lines
    .filter(({ kind }) => kind !== 'fdt' && kind !== 'absent')
    .map((line) => {
      if (line.kind !== 'entry') return line;
      const { size: _, ...rest } = line;
      return rest;
    });
}
const sizes = (lines: readonly Line[]): [string, string][] =>
  lines.flatMap(({ kind, name, size }): [string, string][] =>
    kind === 'entry' ? [[String(name), String(size ?? '')]] : [],
  );

/** The trees lie where the judge says, whole, and fdtdump reads each. */
function checkTrees(image: Image, { lines, fdts }: Golden): void {
  const trees = lines.filter(({ kind }) => kind === 'fdt');
  expect(trees.length).toBe(fdts.length);
  for (const [i, { of, address, totalsize }] of trees.entries()) {
    const bytes = bytesAt(image, BigInt(address ?? 0), Number(totalsize));
    expect(sha256(bytes), String(of)).toBe(fdts[i]?.sha256);
    expect(fdts[i]?.fdtdump, `fdtdump of ${of}`).not.toBeNull();
    expect(parseFDT(bytes).problems).toEqual([]);
  }
}

it('there is a golden for each case, and a case for each golden', () => {
  expect(cases.map(({ name }) => name).sort()).toEqual([...goldens.keys()].sort());
});

function goldenOf({ name }: JudgeCase, bytes: Uint8Array): Golden {
  const golden = goldens.get(name);
  if (golden === undefined) throw new Error('there is no golden: run node scripts/judge/judge.js');
  expect(sha256(bytes), 'the image has changed: run node scripts/judge/judge.js again').toBe(golden.sha256);
  return golden;
}
const without = (prefix: string): JudgeCase[] =>
  cases.filter(({ name, generation }) => generation.startsWith('kho') && !name.startsWith(prefix));

describe('the decoder finds what the judge finds', () => {
  it.each(without('broken/'))('$name', (one) => {
    const bytes = one.elf();
    const golden = goldenOf(one, bytes);
    const image = openImage(bytesSource(bytes));
    const handover = openHandover(image);
    const [kho = ''] = one.generation.replace('kho-', '').split(' ');
    expect(handover.generation?.name).toBe(kho.replace('-first', ''));
    expect(handover.value.page_size).toBe(one.pageSize);
    checkTrees(image, golden);

    const found = linesOf(handover);
    const errors = handover.findings.filter(({ severity }) => severity === 'error');
    if (golden.refused !== undefined) {
      expect(errors.length).toBeGreaterThan(0);
      const before = comparable(golden.lines);
      expect(comparable(found).slice(0, before.length)).toEqual(before);
      return;
    }
    // The first kernels with a tree lost a bit of each key with pages of 16 KiB, which nobody else can read.
    const flat = kho === 'v2-first' && one.pageSize === 16384;
    expect(errors.map(({ rule }) => rule)).toEqual(flat ? ['kho/radix-depth'] : []);
    expect(comparable(found)).toEqual(comparable(golden.lines));
    const told = new Map(sizes(golden.lines));
    for (const [name, size] of sizes(found)) if (size !== '') expect(size, name).toBe(told.get(name));
  });
});

describe('what the judge refuses, the decoder has a finding of', () => {
  it.each(cases.filter(({ name }) => name.startsWith('broken/')))('$name', (one) => {
    const bytes = one.elf();
    expect(goldenOf(one, bytes).refused).toBeDefined();
    const { findings } = openHandover(openImage(bytesSource(bytes)));
    expect(one.rule).toBeDefined();
    expect(findings.map(({ rule }) => rule)).toContain(one.rule);
  });
});

describe('the judge reads the structs of an IOMMU where they were measured to be', () => {
  it.each(cases.filter(({ generation }) => generation.startsWith('iommu')))('$name', (one) => {
    const golden = goldenOf(one, one.elf());
    expect(golden.refused).toBeUndefined();
    if (one.lines !== undefined) expect(golden.said).toEqual(digestOf(one.lines));
    else expect(golden.lines.length).toBeGreaterThan(3);
  });
});

it('of sound images the judge refuses the one that a kernel refused, and no other', () => {
  const refused = [...goldens.values()].filter(
    ({ name, refused: why }) => why !== undefined && !name.startsWith('broken/'),
  );
  expect(refused.map(({ name, refused: why }) => [name, why])).toEqual([
    ['captures/kho-v1a-refinalized-broken-meta', 'kho_test folio: page frame 0x5e8 is not preserved'],
  ]);
});
