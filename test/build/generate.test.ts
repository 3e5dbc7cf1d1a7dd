/** Generated instances: valid ones are sound, and each broken one breaks its rule and nothing else. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  boundaryCases,
  bytesOf,
  type Case,
  type ExpectedFinding,
  GENERATORS,
  type Generator,
  validCases,
  violationCases,
} from '../../src/build/generate/index.js';
import type { Finding } from '../../src/formats/index.js';
import { openHandover } from '../../src/formats/kho/index.js';
import { bytesSource, openImage } from '../../src/memory/index.js';

/**
 * What is no fault and cannot be otherwise: 6.19 has no node of FLBs, a list of no sessions is not written,
 * postings of one layout cannot be told apart; and preserved memory to which a broken part would lead.
 */
const INHERENT = ['luo/flb-node', 'luo/not-serialized', 'iommu/undecided', 'kho/opaque'];

const OWNED = ['kho/opaque'];

const lineOf = ({ severity, rule, path }: Pick<Finding, 'severity' | 'rule' | 'path'>): string =>
  `${severity} ${rule} ${path}`;
const seriousIn = (findings: readonly Finding[], besides: readonly string[] = []): string[] =>
  findings
    .filter(({ severity, rule }) => severity !== 'note' || besides.includes(rule) || !INHERENT.includes(rule))
    .map(lineOf)
    .sort();
/** What is found in an instance beside what is said of it, and what is said of it and not found. */
function unforeseen(each: Case, generator: Generator, expected: readonly ExpectedFinding[]): string[] {
  const foreseen = [...expected, ...(each.inherent ?? [])];
  // In a sound instance everything has an owner.
  const besides = expected.length === 0 ? OWNED : expected.map(({ rule }) => rule);
  const found = seriousIn(generator.check(each.make()), [...besides, ...foreseen.map(({ rule }) => rule)]);
  const said = foreseen.map(lineOf).sort();
  return found.join('\n') === said.join('\n')
    ? []
    : [each.name, ...said.map((line) => `said: ${line}`), ...found.map((line) => `found: ${line}`)];
}

const all = GENERATORS.map((generator) => [generator.format, generator] as const);

describe.each(all)('%s', (_, generator) => {
  describe.each(generator.generations.map(({ name }) => name))('%s', (generation) => {
    it('boundaries are sound', () => {
      const found: string[] = [];
      for (const each of generator.boundaries(generation)) found.push(...unforeseen(each, generator, []));
      expect(found).toEqual([]);
    });
    it('random instances are sound', () => {
      const found: string[] = [];
      for (let i = 0; i < 25; i++)
        found.push(...unforeseen(generator.random(generation, 5, i), generator, []));
      expect(found).toEqual([]);
    });
    it('each violation gives what its manifest names, and nothing else', () => {
      const found: string[] = [];
      for (const violation of generator.violations(generation))
        found.push(...unforeseen(violation, generator, violation.expected));
      expect(found).toEqual([]);
    });
  });

  it('every rule is broken by an instance, or it is said why not', () => {
    const broken = new Set(violationCases(generator, undefined).map(({ rule }) => rule));
    const names = generator.rules.map(({ name }) => name);
    expect(names.filter((name) => !broken.has(name) && generator.unbroken[name] === undefined)).toEqual([]);
    expect(names.filter((name) => broken.has(name) && generator.unbroken[name] !== undefined)).toEqual([]);
    expect([...broken].filter((name) => !names.includes(name))).toEqual([]);
  });
  it('only violations that bring others say why', () => {
    for (const { name } of generator.generations)
      for (const { rule, expected, notAlone } of generator.violations(name)) {
        expect(expected[0]?.rule).toBe(rule);
        expect([rule, expected.length > 1]).toEqual([rule, notAlone !== undefined]);
      }
  });
  it('no two instances have one name', () => {
    const names = generator.generations.flatMap(({ name }) => [
      ...Array.from(generator.boundaries(name), (each) => each.name),
      ...Array.from(generator.violations(name), (each) => each.name),
      generator.random(name, 1, 0).name,
      generator.random(name, 1, 1).name,
    ]);
    expect(new Set(names).size).toBe(names.length);
  });
});

function sha256(parts: Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
function* sample(generator: Generator): Iterable<Uint8Array> {
  const bytes = (each: Case): Uint8Array => {
    const whole = bytesOf(each.make(), generator.makes === 'memory' ? 'elf' : 'bytes');
    if (whole === undefined) throw new Error(`${each.name} has no bytes`);
    return whole;
  };
  for (const { name } of generator.generations)
    for (let i = 0; i < 6; i++) yield bytes(generator.random(name, 42, i));
  const [first] = boundaryCases(generator, undefined);
  if (first !== undefined) yield bytes(first);
}

/**
 * Of some random instances of each generation and the first boundary. Whoever changes one changes what everybody's
 * seeds give: that is a change to be told, and never one by the way.
 */
const HASHES: Readonly<Record<string, string>> = {
  dmabuf: 'b4fd7598b7d38fbe9d085e63188d2bf911feb8d94e91ab6fc5b15c14db85a7e3',
  eventfd: 'e336203ddb588d34c576d197cb3fd56457a5adad9a21e6c7b4b903abb284fbfc',
  fdt: '0a42fc2635ef9919acebaaf59bf47c41984741a4db9ee7ae68809052373642ca',
  'guest-memfd': '0289393d5ad86e53bb81beb5560c50437b8d2986881bca1aaef396ddabe4464d',
  hugetlb: 'de27cd285efd393c627ef37490433b8d9656dd859593906abe9585d882b94dc7',
  iommu: '5d80a4722bd6827aaa298e1a666a693caa24c2baf4d99ced12fcace265ca5719',
  iommufd: '22254c73375890ff0a16338cb197685cdd7153d62b25b045443bf16272125aee',
  'kexec-metadata': 'bc26ce11f562c9093d212e2f8dfa747b7513cb6fc034ba841e0c11e0364e34c8',
  kho: '34060b9d528b6ea231133d893f3c0f94cf5d8a61628a054423df39feb8059704',
  'kho-test': 'd41ad28fc4923d294436786cc904f6a2f72b68af2764b6b4703553fc7a7ba81e',
  kvm: 'd9d4ce2b663d488c0a3bf2a3a96468d27fd8ef16fb7f09f56117d8c56d213be3',
  luo: 'dcd5fc9923a1980cdbd9221f25ba05f00654b4250a7cb12323722692952f3794',
  memblock: 'c2e51106754ec8bcae3b189da5e663dafe51f2a6e83b7c940e33704f2c95db4d',
  memfd: 'b87d4ce7f55f43416551b14e01fcf47ef43d57db7b6e51b30a84c3fa7727f612',
  passt: '3f801dad773cae069fe24a0c423feac800f3af82a78b9e5c5f87b1d244aa0259',
  pci: '6797fa853938fd759d753d1e85e960635c1e37ad9c3d8aa206e303079bbfe067',
  'vfio-pci': 'f9e001a80bf8a2e49933aa44cb7dd260fe0d85718ae3dc4b9aeb8d8017f84db4',
};
it.each(all)('the same seed gives the same bytes of %s in every release', (format, generator) => {
  expect(sha256(sample(generator))).toBe(HASHES[format]);
});

it('what is at a place does not depend on what was made before', () => {
  const [generator] = GENERATORS;
  if (generator === undefined) throw new Error('there are no generators');
  const once = generator.random('v4', 9, 3);
  generator.random('v4', 9, 2).make();
  const again = generator.random('v4', 9, 3);
  expect(bytesOf(again.make(), 'elf')).toEqual(bytesOf(once.make(), 'elf'));
  expect(bytesOf(generator.random('v4', 10, 3).make(), 'elf')).not.toEqual(bytesOf(once.make(), 'elf'));
});

it('a set begins with the boundaries of all generations in turn, and goes on with random ones', () => {
  const generator = GENERATORS.find(({ format }) => format === 'memfd');
  if (generator === undefined) throw new Error('memfd is gone');
  const boundaries = [...boundaryCases(generator, undefined)];
  expect(boundaries.slice(0, 4).map(({ name }) => name)).toEqual([
    'v2-x86_64-4k-empty',
    'v1-x86_64-4k-empty',
    'v2-x86_64-4k-size-1',
    'v1-x86_64-4k-size-1',
  ]);
  const names: string[] = [];
  for (const { name } of validCases(generator, undefined, 1)) {
    names.push(name);
    if (names.length === boundaries.length + 3) break;
  }
  expect(names.slice(0, boundaries.length)).toEqual(boundaries.map(({ name }) => name));
  expect(
    names.slice(boundaries.length).map((name) => name.replace(/^(v\d).*-(random-\d+)$/, '$1 $2')),
  ).toEqual(['v2 random-0', 'v1 random-0', 'v2 random-1']);
});

describe('boundaries are where they say', () => {
  const open = (format: string, generation: string, name: string) => {
    const generator = GENERATORS.find((each) => each.format === format);
    for (const each of generator?.boundaries(generation) ?? [])
      if (each.name === `${generation}-x86_64-4k-${name}`)
        return openHandover(openImage(bytesSource(bytesOf(each.make(), 'elf') ?? new Uint8Array())));
    throw new Error(`there is no ${name}`);
  };
  const paths = (pattern: RegExp, ...which: Parameters<typeof open>): number =>
    open(...which).objects.filter(({ path }) => pattern.test(path)).length;

  it.each(['v1a', 'v1b'])('bitmaps of a chunk of %s', (generation) => {
    const first = /map\.chunks\[0\]\.bitmaps\[\d+\]\.bitmap$/;
    const second = /map\.chunks\[1\]\.bitmaps\[\d+\]\.bitmap$/;
    expect(paths(first, 'kho', generation, 'chunk-full')).toBe(255);
    expect(paths(first, 'kho', generation, 'chunk-and-one')).toBe(255);
    expect(paths(second, 'kho', generation, 'chunk-and-one')).toBe(1);
  });
  it('sessions of a block', () => {
    const block = /^entries\.LUO\.sessions\.blocks\[\d+\]$/;
    expect(paths(block, 'luo', 'v5', 'sessions-full')).toBe(1);
    expect(paths(block, 'luo', 'v5', 'sessions-full-and-one')).toBe(2);
    expect(paths(/^entries\.LUO\.sessions\[\d+\]$/, 'luo', 'v5', 'sessions-full')).toBe(51);
    expect(paths(/^entries\.LUO\.sessions\[\d+\]$/, 'luo', 'v1', 'sessions-full')).toBe(819);
  });
  it('files of a block', () => {
    const block = /^entries\.LUO\.sessions\[0\]\.files\.blocks\[\d+\]$/;
    expect(paths(block, 'luo', 'v5', 'files-full')).toBe(1);
    expect(paths(block, 'luo', 'v5', 'files-full-and-one')).toBe(2);
  });
  it('pages of a vmalloc chunk', () => {
    const chunk = /\.folios\.chunks\[\d+\]$/;
    const area = /\.folios\.array\[0\]$/;
    expect(paths(chunk, 'memfd', 'v2', 'array-chunk-full')).toBe(2);
    expect(paths(chunk, 'memfd', 'v2', 'array-chunk-and-one')).toBe(2);
    expect(paths(area, 'memfd', 'v2', 'array-chunk-full')).toBe(1);
  });
  it('leaves of the tree', () => {
    const { value } = open('kho', 'v4', 'leaf-edge');
    const ranges = [...value.preserved.ranges].filter(({ address }) => address >= 2n ** 27n);
    // Two pages that follow each other, one under each of two leaves: neither of them is a block of order 1.
    expect(ranges.map(({ address, order, count }) => [address, order, count])).toContainEqual([
      2n ** 28n - 4096n,
      0,
      2,
    ]);
  });
});
