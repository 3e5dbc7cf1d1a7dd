/** Generated device trees, and what dtc, fdtdump and libfdt say to them (scripts/fdt/judge-generated.mjs). */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fdtGenerator } from '../../src/build/generate/fdt.js';
import type { Case } from '../../src/build/generate/index.js';
import {
  fdtCheckFull,
  fdtCheckHeader,
  isFDTCode,
  libfdtError,
  parseFDT,
  toDTS,
} from '../../src/formats/fdt/index.js';
import { fixture } from '../formats/fdt/goldens.js';

interface Judged {
  readonly name: string;
  readonly sha256: string;
  readonly rule?: string;
  /** The hash of the source that dtc makes of it, without indents; null if it refuses the tree. */
  readonly dts: string | null;
  readonly fdtdump: boolean;
  /** fdt_check_header and fdt_check_full: null for success. */
  readonly libfdt: 'crash' | readonly [string | null, string | null];
}
// The script that writes the file keeps to the interface above.
const goldens = JSON.parse(gunzipSync(fixture('generated.json.gz')).toString()) as {
  readonly tools: { readonly seed: number; readonly random: number };
  readonly trees: readonly Judged[];
};
const { seed, random } = goldens.tools;

const sha256 = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex');
function bytesOf(each: Case): Uint8Array {
  const made = each.make();
  if (made.kind !== 'bytes') throw new Error(`${each.name} is memory`);
  return made.bytes;
}
const generations = fdtGenerator.generations.map(({ name }) => name);
const valid = generations.flatMap((name) => [
  ...fdtGenerator.boundaries(name),
  ...Array.from({ length: random }, (_, i) => fdtGenerator.random(name, seed, i)),
]);
const broken = generations.flatMap((name) => [...fdtGenerator.violations(name)]);
function judged(each: Case, bytes: Uint8Array): Judged {
  const golden = goldens.trees.find(({ name }) => name === each.name);
  if (golden === undefined) throw new Error(`nobody judged ${each.name}`);
  // What was judged is what is made now.
  expect([each.name, golden.sha256]).toEqual([each.name, sha256(bytes)]);
  return golden;
}

it('all that is generated was judged', () => {
  expect(goldens.trees.map(({ name }) => name).sort()).toEqual(
    [...valid, ...broken].map(({ name }) => name).sort(),
  );
});

/** libfdt reads the size of the strings also where version 2 has none: there the reservations begin. */
const QUIRK = ['v2-reservation-largest', 'v2-strings-first'];

describe.each(generations)('sound trees of %s', (generation) => {
  const cases = valid.filter((each) => each.generation === generation);
  it('are what dtc reads, and fdtdump prints', () => {
    for (const each of cases) {
      const bytes = bytesOf(each);
      const golden = judged(each, bytes);
      expect([each.name, golden.fdtdump, golden.dts]).toEqual([
        each.name,
        true,
        sha256(toDTS(parseFDT(bytes)).replace(/^\t+/gm, '')),
      ]);
    }
  });
  it('are accepted by libfdt, but for what it does not know', () => {
    for (const each of cases) {
      const bytes = bytesOf(each);
      const { libfdt } = judged(each, bytes);
      expect([each.name, libfdt]).toEqual([
        each.name,
        [fdtCheckHeader(bytes) ?? null, fdtCheckFull(bytes) ?? null],
      ]);
      if (generation === 'v1') expect(libfdt[1]).toBe('-FDT_ERR_BADVERSION');
      else if (generation !== 'v2') expect([each.name, libfdt[1]]).toEqual([each.name, null]);
      else if (QUIRK.includes(each.name)) expect(libfdt[0]).toBe('-FDT_ERR_TRUNCATED');
      else if (!each.name.includes('random')) expect([each.name, libfdt[1]]).toEqual([each.name, null]);
    }
  });
});

it('libfdt returns for each broken tree what its rule says', () => {
  let told = 0;
  for (const each of broken) {
    const bytes = bytesOf(each);
    const { libfdt } = judged(each, bytes);
    // libfdt 1.6.1 looks for a slash in the name of a root of old versions, and does not expect none.
    if (libfdt === 'crash') {
      expect(['v2-fdt-root-name', 'v3-fdt-root-name']).toContain(each.name);
      continue;
    }
    expect([each.name, libfdt]).toEqual([
      each.name,
      [fdtCheckHeader(bytes) ?? null, fdtCheckFull(bytes) ?? null],
    ]);
    const code = each.rule.replace('/', '-');
    if (each.generation === 'v1' || !isFDTCode(code)) continue;
    told++;
    expect([each.name, libfdt[1] ?? undefined]).toEqual([each.name, libfdtError(code)]);
  }
  expect(told).toBeGreaterThan(90);
});

it('layouts differ in the order of their names', () => {
  const layout = (name: string): string => {
    const each = valid.find((found) => found.name === `v17-${name}`);
    if (each === undefined) throw new Error(`there is no ${name}`);
    const bytes = bytesOf(each);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const at = view.getUint32(12);
    return Buffer.from(bytes.subarray(at, at + view.getUint32(32)))
      .toString()
      .replaceAll('\0', ' ')
      .trim();
  };
  expect(['layout-dtc', 'layout-sequential', 'layout-read-write', 'strings-unshared'].map(layout)).toEqual([
    '#size-cells compatible reg',
    'reg compatible #size-cells',
    'compatible #size-cells reg',
    'compatible compatible',
  ]);
});
