import { describe, expect, test } from 'vitest';
import { ABI, decode, sizeof } from '../../../src/codec/index.js';
import {
  Amdv1Entry,
  Armv8S1Entry,
  Armv8S2Entry,
  inferFormat,
  Riscv64Entry,
  VtdssEntry,
  X86Entry,
} from '../../../src/formats/pgtable/index.js';
import { imageOf, SHAPES, written } from './support.js';

/** A domain as there are many: memory in small and large pages, in two places. */
const MAPPINGS = [
  { iova: 0n, phys: 0x4000_0000n, size: 0x10000n },
  { iova: 0x4000_0000n, phys: 0x2_0000_0000n, size: 0x4000_0000n },
];

describe.each(SHAPES.filter(({ vasz }) => (vasz ?? 0) >= 36))('$title', (shape) => {
  test('is told by its entries, once it is known whose they are', () => {
    const { root, pages } = written(shape, MAPPINGS);
    const vendor = (
      {
        vtdss: 'intel',
        x86_64: 'intel',
        amdv1: 'amd',
        riscv64: 'riscv',
        'armv8-s1': 'arm-smmuv3',
        'armv8-s2': 'arm-smmuv3',
      } as const
    )[shape.format];
    const found = inferFormat(imageOf(pages), { ...root, vendor });
    expect(found).toMatchObject({ format: shape.format, granule: shape.granule ?? 4096 });
    expect(found.confidence).toBeGreaterThan(0.3);
    expect(found.because.length).toBeGreaterThan(1);
    for (const sentence of found.because) expect(sentence).toMatch(/^[A-Z].*\.$/);
  });
});

test('what the hardware is told decides, whatever the entries look like', () => {
  const { root, pages } = written({ format: 'x86_64', level: 3, vasz: 48, signExtend: true }, MAPPINGS);
  const image = imageOf(pages);
  const told = { format: 'vtdss', because: 'PASID entry 0 says second stage.' } as const;
  expect(inferFormat(image, { ...root, translations: [told] })).toEqual({
    format: 'vtdss',
    granule: 4096,
    confidence: 1,
    because: ['PASID entry 0 says second stage.'],
    runnerUp: undefined,
  });
  const other = { format: 'x86_64', because: 'Another PASID entry says first stage.' } as const;
  expect(inferFormat(image, { ...root, translations: [told, other] })).toMatchObject({
    format: 'vtdss',
    confidence: 0.5,
    runnerUp: { format: 'x86_64' },
  });
});

test('sign extension is of x86_64 tables', () => {
  const { root, pages } = written({ format: 'x86_64', level: 3, vasz: 48, signExtend: true }, MAPPINGS);
  const found = inferFormat(imageOf(pages), { ...root, vendor: 'intel' });
  expect(found).toMatchObject({ format: 'x86_64', confidence: 0.9, runnerUp: undefined });
});

test('an empty table says nothing', () => {
  const { root, pages } = written({ format: 'vtdss', level: 3, vasz: 48, signExtend: false }, []);
  const found = inferFormat(imageOf(pages), { ...root });
  expect(found.confidence).toBeLessThan(0.2);
  expect(found.runnerUp).toBeDefined();
  expect(inferFormat(imageOf(pages), { ...root, level: 9 }).confidence).toBeLessThan(0.2);
  expect(inferFormat(imageOf(pages), { ...root, among: [] }).confidence).toBe(0);
});

test('entries as C would declare them', () => {
  const abi = ABI.x86_64;
  const of = (value: bigint) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    return bytes;
  };
  for (const schema of [VtdssEntry, X86Entry, Amdv1Entry, Riscv64Entry, Armv8S1Entry, Armv8S2Entry])
    expect(sizeof(schema, abi)).toBe(8);
  expect(decode(VtdssEntry, of(0x12_3460_0b83n), { abi })).toMatchObject({
    r: 1,
    w: 1,
    ps: 1,
    a: 1,
    d: 1,
    snp: 1,
    oa: 0x1234600,
  });
  expect(decode(X86Entry, of(0x8000_0012_3456_7067n), { abi })).toMatchObject({
    p: 1,
    rw: 1,
    u: 1,
    a: 1,
    d: 1,
    oa: 0x1234567,
    xd: 1,
  });
  expect(decode(Amdv1Entry, of(0x7000_0000_0001_7e01n), { abi })).toMatchObject({
    pr: 1,
    next_level: 7,
    oa: 0x17,
    fc: 1,
    ir: 1,
    iw: 1,
  });
  expect(decode(Riscv64Entry, of(0x8000_0000_0000_60d7n), { abi })).toMatchObject({
    v: 1,
    r: 1,
    w: 1,
    ppn: 0x18,
    n: 1,
  });
  expect(decode(Armv8S1Entry, of(0x8_0012_3456_7fc3n), { abi })).toMatchObject({
    valid: 1,
    table: 1,
    ap: 3,
    sh: 3,
    af: 1,
    ng: 1,
    oa: 0x1234567,
    dbm: 1,
  });
  expect(decode(Armv8S2Entry, of(0x12_3460_07fdn), { abi })).toMatchObject({
    valid: 1,
    table: 0,
    mem_attr: 15,
    s2ap: 3,
    af: 1,
    oa: 0x1234600,
  });
});
