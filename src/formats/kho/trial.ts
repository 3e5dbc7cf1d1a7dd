/** Tries what is left open, the generation of the map and the size of a page, and takes what fits best. */
import { ABI, type ABI as ABIType, withParts } from '../../codec/index.js';
import type { Image } from '../../memory/index.js';
import { sizeByBitmaps, sizeByRoot } from './bitmap-kind.js';
import { readBitmaps, readChunks } from './bitmaps.js';
import { khoError } from './error.js';
import { baseVersion, KHO_GENERATIONS, type KhoGeneration } from './generations.js';
import { PAGE_SIZES } from './options.js';
import { type PreservedMap, unknownMap } from './preserved.js';
import { radixShape, readRadix } from './radix.js';
import type { Root } from './root.js';
import { KHO } from './rules.js';
import { hexText, many, Walk } from './walk.js';

export interface Trial {
  readonly root: Root;
  readonly walk: Walk;
  readonly generation: KhoGeneration | undefined;
  readonly because: readonly string[];
  /** Pages that belong to the map itself. */
  readonly tables: Iterable<bigint>;
  /** How well the map fits what the root points at. */
  readonly score: number;
}

/** Reads the map with each page size there may be, and takes the one that fits best. */
export function bestTrial(
  image: Image,
  root: Root,
  pageSize: number | undefined,
  forced: KhoGeneration | undefined,
): Trial {
  const candidates = pageSize === undefined ? sizesOf(image) : [pageSize];
  let best: Trial | undefined;
  for (const size of candidates)
    for (const trial of trials(image, root, size, forced))
      if (best === undefined || trial.score > best.score) best = trial;
  if (best === undefined) throw khoError('kho-no-root', 'the root cannot be read');
  const hits = preservedHits(best.walk.map, root);
  const all = 1 + root.nodes.length;
  const isOdd = best.walk.findings.size > 0 || best.walk.map.length === 0;
  if (hits === 0 && isOdd && root.nodes.length > 0 && root.map !== undefined && root.map !== 0n) {
    best.walk.find(
      KHO['map-stale'],
      'fdt.preserved-memory-map',
      root.map,
      `The map at ${hexText(root.map)} has none of the ${all} pages that the root names.`,
    );
    best.walk.map = unknownMap(best.walk.pageSize);
    best = { ...best, tables: [] };
  }
  if (pageSize !== undefined) return best;
  if (candidates.length === 1)
    return {
      ...best,
      because: [
        ...best.because,
        `pages have ${best.walk.pageSize} bytes, as always on ${image.machine.name}`,
      ],
    };
  return {
    ...best,
    because: [
      ...best.because,
      hits > 0
        ? `pages have ${best.walk.pageSize} bytes: the map read that way has ${hits} of the ${all} pages that the root names`
        : `pages are taken to have ${best.walk.pageSize} bytes: nothing in the map decides`,
    ],
  };
}

function sizesOf(image: Image): readonly number[] {
  if (image.machine.name === 'x86_64') return [4096];
  const first = image.pageSize ?? image.machine.abi?.pageSize ?? 4096;
  return [...PAGE_SIZES].sort((a, b) => Number(b === first) - Number(a === first) || a - b);
}

function abiFor(image: Image, root: Root, pageSize: number): ABIType {
  const machine = image.machine.abi;
  const base = machine?.pointerSize === 8 ? machine : pageSize === 4096 ? ABI.x86_64 : ABI.aarch64;
  const ordered =
    base.endian === root.endian
      ? base
      : withParts(base, { endian: root.endian, bitOrder: root.endian === 'little' ? 'lsb' : 'msb' });
  return ordered.pageSize === pageSize ? ordered : withParts(ordered, { pageSize });
}

function* trials(
  image: Image,
  root: Root,
  pageSize: number,
  forced: KhoGeneration | undefined,
): Iterable<Trial> {
  const abi = abiFor(image, root, pageSize);
  const base = baseVersion(root.compatible[0] ?? '');
  const named = KHO_GENERATIONS.find(({ compatible }) => compatible === base);
  const said = forced ?? named;
  // A version that is not known is read as the last one that is.
  const generation = said ?? KHO_GENERATIONS[KHO_GENERATIONS.length - 1];
  const make = (): Walk => {
    const walk = new Walk(image, abi, unknownMap(pageSize));
    walk.generation = generation;
    return walk;
  };
  const why = forced !== undefined ? [`the generation ${forced.name} is forced`] : [];
  if (generation === undefined || root.map === undefined || root.map === 0n) {
    // Without a map the root still tells of kernels that have bitmaps of a page.
    const later = forced === undefined && named?.compatible === 'kho-v1' ? sizeByRoot(root) : undefined;
    const walk = make();
    walk.generation = KHO_GENERATIONS.find(({ name }) => name === later?.kind) ?? generation;
    yield { root, walk, generation: walk.generation, because: why, tables: [], score: 0 };
    return;
  }
  if (generation.map === 'radix') {
    const shapes =
      pageSize === 16384 && (generation.name === 'v2' || generation.name === 'v3') ? [false, true] : [false];
    for (const first of shapes) {
      const walk = make();
      const tree = readRadix(walk, root.map, radixShape(pageSize, first), first);
      walk.map = tree.map;
      if (tree.unmarked > 0)
        walk.find(
          KHO['radix-depth'],
          'fdt.preserved-memory-map',
          root.map,
          `${many(tree.unmarked, 'key')} lack the bit that marks order 0: the tree has 4 levels, as before 7.1-rc6.`,
        );
      const problems = walk.findings.size;
      yield {
        root,
        walk,
        generation,
        because: [
          ...why,
          `the root is ${root.compatible[0]}: a radix tree of ${many(tree.nodes, 'node')} and ${many(tree.leaves, 'leaf', 'leaves')}${first ? ', one level short' : ''}`,
        ],
        tables: tree.tables,
        score: scoreOf(tree.map, root, problems, image),
      };
    }
    return;
  }
  yield* bitmapTrials(make, root, generation, forced, why, image);
}

function* bitmapTrials(
  make: () => Walk,
  root: Root,
  generation: KhoGeneration,
  forced: KhoGeneration | undefined,
  why: readonly string[],
  image: Image,
): Iterable<Trial> {
  const look = make();
  const list = readChunks(look, root.map ?? 0n);
  const size =
    forced !== undefined
      ? { kind: forced.map === 'bitmaps-512' ? ('v1a' as const) : ('v1b' as const), because: 'it is forced' }
      : (sizeByRoot(root) ?? sizeByBitmaps(look, list, root));
  const kinds = size.kind === undefined ? ([undefined, 'v1b'] as const) : ([size.kind] as const);
  for (const kind of kinds) {
    const walk = make();
    readChunks(walk, root.map ?? 0n);
    walk.generation = KHO_GENERATIONS.find(({ name }) => name === kind) ?? generation;
    const map = readBitmaps(walk, list, kind);
    walk.map = map;
    const problems = walk.findings.size;
    if (kind === undefined)
      walk.find(
        KHO['map-ambiguous'],
        'fdt.preserved-memory-map',
        root.map,
        `The sizes of the bitmaps cannot be told: ${size.because}.`,
      );
    yield {
      root,
      walk,
      generation: walk.generation,
      because: [
        ...why,
        `the root is ${root.compatible[0]}: ${many(list.pages.length, 'chunk')} of bitmaps of ${kind === 'v1b' ? 'a page' : '512 bytes'}, because ${kind === size.kind ? size.because : 'the pages that the root names are only in those'}`,
      ],
      tables: list.complete ? [...list.pages, ...list.bitmaps.map(({ bitmap }) => bitmap)] : list.pages,
      score: scoreOf(map, root, problems, image),
    };
  }
}

/** How many of the pages that the root names are in the map. */
function preservedHits(map: PreservedMap, root: Root): number {
  let hits = map.covers(root.address, 1) ? 1 : 0;
  for (const { data } of root.nodes)
    if (data !== undefined && data < 1n << 52n && map.covers(data, 1)) hits++;
  return hits;
}

function scoreOf(map: PreservedMap, root: Root, problems: number, image: Image): number {
  // A map that reaches far beyond the memory of the machine was not meant that way.
  let beyond = 0;
  for (const { address } of map) if (address >= image.end) beyond++;
  return preservedHits(map, root) * 100 - Math.min(problems, 40) - Math.min(beyond, 40);
}
