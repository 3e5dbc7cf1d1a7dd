/** Opens a handover: from the memory of a kernel to all that it left for the next one. */
import { ABI, type ABI as ABIType, CarryoverError, decode, withParts } from '../../codec/index.js';
import { type Image, isAbsence } from '../../memory/index.js';
import { FDT_MAGIC, FdtHeader, fdtCheckFull, parseFDT, property } from '../fdt/index.js';
import { handlerFor } from '../luo/handler.js';
import { type BitmapList, type BitmapSize, bitmapSize, readBitmaps, readChunks } from './bitmaps.js';
import type { KhoCode } from './codes.js';
import type { Content } from './content.js';
import type { Blob, Registry } from './extension.js';
import type { HandoverFinding } from './findings.js';
import { baseVersion, KHO_GENERATIONS, type KhoGeneration } from './generations.js';
import { type PreservedMap, unknownMap } from './preserved.js';
import { radixShape, readRadix } from './radix.js';
import { isTree, rawBlob } from './raw.js';
import { isRecord } from './record.js';
import { extended } from './registry.js';
import { findRoots, type Root, readRoot, type ToldHandover } from './root.js';
import { KHO } from './rules.js';
import { KhoData, KhoScratch, SETUP_KEXEC_KHO, SetupData } from './schema.js';
import { type HandoverObject, hexText, many, Walk } from './walk.js';

export interface ScratchArea {
  readonly addr: bigint;
  readonly size: bigint;
}

export interface HandoverOptions {
  /** Physical address of the root; looked for if not given. */
  readonly khoFdt?: bigint;
  /** The 32 bytes of x86's struct kho_data, as /sys/kernel/boot_params/setup_data/N/data has them. */
  readonly khoData?: Uint8Array;
  /** Physical address of the first node of x86's list of setup data. */
  readonly setupData?: bigint;
  /** In bytes; found from the data if not given. */
  readonly pageSize?: number;
  /** Read the root and its map as this generation, whatever it says: `v1a`. */
  readonly generation?: string;
  /** Scratch areas, where they are known from elsewhere. */
  readonly scratch?: readonly ScratchArea[];
  /** Decoders beside those of carryover. */
  readonly registry?: Partial<Registry>;
  /** Read parts as these generations, whatever they say: `{ iommu: 'B' }`. */
  readonly forced?: Readonly<Record<string, string>>;
}

export interface HandoverValue {
  readonly fdt: {
    /** Physical address of the root. */
    readonly address: bigint;
    readonly compatible: string;
    readonly 'preserved-memory-map': bigint | undefined;
    readonly totalsize: number;
  };
  readonly page_size: number;
  readonly preserved: {
    readonly pages: bigint;
    readonly bytes: bigint;
    readonly ranges: PreservedMap;
  };
  readonly scratch?: readonly ScratchArea[];
  /** What the nodes of the root lead to, by their names; null where there is nothing to read. */
  readonly entries: Readonly<Record<string, unknown>>;
}

export interface Handover {
  readonly generation: KhoGeneration | undefined;
  readonly abi: ABIType;
  /** Why this root, generation and page size, in sentences. */
  readonly because: readonly string[];
  readonly value: HandoverValue;
  readonly findings: readonly HandoverFinding[];
  /** Everything that was decoded, and where it is. */
  readonly objects: readonly HandoverObject[];
  readonly root: Root;
  readonly registry: Registry;
  /** For whoever follows on: the memory, the machine and the map. */
  readonly walk: Walk;
}

export function khoError(code: KhoCode, reason: string): CarryoverError {
  return new CarryoverError(code, reason);
}

const PAGE_SIZES = [4096, 16384, 65536] as const;
const MAX_BLOB = 1 << 24;
const MAX_SCRATCH = 4096;

/**
 * Opens the handover in a memory image.
 *
 * @throws CarryoverError `kho-no-root` where there is none; `kho-generation`, `kho-page-size` for options
 * that do not exist. Everything else that is wrong is a finding.
 * @example
 * const handover = openHandover(openImage(bytesSource(readFileSync('dump.elf'))));
 * handover.value.entries.LUO
 */
export function openHandover(image: Image, options: HandoverOptions = {}): Handover {
  const forced = options.generation === undefined ? undefined : generationNamed(options.generation);
  if (options.pageSize !== undefined && !PAGE_SIZES.some((size) => size === options.pageSize))
    throw khoError('kho-page-size', `a page does not have ${options.pageSize} bytes`);
  const registry = extended(options.registry);
  const told = toldOf(image, options);
  const because = [...told.because];
  const endian = image.machine.endian;

  const found = told.fdt === undefined ? findRoots(image) : { roots: [told.fdt], told: [] };
  const roots: Root[] = [];
  let refusal = 'no page begins with a device tree that is compatible with "kho-v…"';
  for (const address of found.roots) {
    const root = readRoot(image, address, endian);
    if (typeof root === 'string') refusal = root;
    else roots.push(root);
  }
  if (roots.length === 0) throw khoError('kho-no-root', refusal);

  const pageSize = options.pageSize ?? told.pageSize;
  let best: Trial | undefined;
  for (const root of roots) {
    const trial = bestTrial(image, root, pageSize, forced);
    // What a kernel is told of wins where the maps are equally sound.
    const score = trial.score + (found.told.some(({ fdt }) => fdt === root.address) ? 1 : 0);
    if (best === undefined || score > best.score) best = { ...trial, score };
  }
  if (best === undefined) throw khoError('kho-no-root', refusal);
  const { walk, root, generation } = best;
  if (options.forced !== undefined) walk.forced = options.forced;
  if (told.fdt === undefined)
    because.push(`the root is at ${hexText(root.address)}, found by looking through the memory`);
  because.push(...best.because);
  if (pageSize !== undefined && options.pageSize === undefined)
    because.push('the page size is what kho_data says');

  for (const { rule, path, address, message } of root.problems) walk.find(rule, path, address, message);
  if (roots.length > 1)
    walk.find(
      KHO['root-others'],
      'fdt',
      root.address,
      `There are roots at ${roots.map(({ address }) => hexText(address)).join(', ')}; this one has the best map.`,
    );
  walk.claims.add(walk.pfn(root.address), 1, 'fdt');
  walk.object('fdt', FdtHeader, root.address, 40);
  if (root.fdt.totalSize > walk.pageSize)
    walk.find(
      KHO['root-too-large'],
      'fdt',
      root.address,
      `The root has ${root.fdt.totalSize} bytes, a page has ${walk.pageSize}.`,
    );
  if (walk.map.complete && generation?.name !== 'v1a' && !walk.map.covers(root.address, walk.pageSize))
    if (generation?.name !== 'v1b' || isEdited(root))
      walk.find(
        KHO['root-not-preserved'],
        'fdt',
        root.address,
        `The page ${hexText(root.address)} is not preserved.`,
      );

  const entries = readEntries(walk, root, registry);
  for (const check of registry.checks) check(entries, walk);
  const scratch =
    options.scratch ??
    (told.scratch === undefined
      ? scratchTold(walk, root, options.setupData === undefined ? found.told : [], because)
      : readScratch(walk, told.scratch));
  if (scratch !== undefined) checkScratch(walk, scratch);
  checkMap(walk, best.tables);
  checkOwners(walk);
  return {
    generation,
    abi: walk.abi,
    because,
    value: {
      fdt: {
        address: root.address,
        compatible: root.compatible[0] ?? '',
        'preserved-memory-map': root.map,
        totalsize: root.fdt.totalSize,
      },
      page_size: walk.pageSize,
      preserved: { pages: walk.map.pages, bytes: walk.map.bytes, ranges: walk.map },
      ...(scratch === undefined ? {} : { scratch }),
      entries,
    },
    findings: walk.findings.list(),
    objects: walk.objects,
    root,
    registry,
    walk,
  };
}

export function generationNamed(name: string): KhoGeneration {
  const wanted = name.replace(/^kho-/, '');
  const found = KHO_GENERATIONS.find((generation) => generation.name === wanted);
  if (found === undefined)
    throw khoError(
      'kho-generation',
      `${JSON.stringify(name)} is none of ${KHO_GENERATIONS.map((g) => g.name).join(', ')}`,
    );
  return found;
}

// --- what the boot protocol says ---------------------------------------------------------------------------

interface Told {
  readonly fdt: bigint | undefined;
  readonly pageSize: number | undefined;
  readonly scratch: { readonly address: bigint; readonly size: bigint } | undefined;
  readonly because: readonly string[];
}

function toldOf(image: Image, options: HandoverOptions): Told {
  const abi = ABI.x86_64;
  let data = options.khoData;
  const because: string[] = [];
  let at = options.setupData ?? 0n;
  // The list ends with 0; a hostile one may go round in circles.
  for (let i = 0; at !== 0n && data === undefined && i < 64; i++) {
    const head = image.read(at, 16);
    if (isAbsence(head)) break;
    const node = decode(SetupData, head, { abi });
    if (node.type === SETUP_KEXEC_KHO && node.len === 32) {
      const bytes = image.read(at + 16n, 32);
      if (!isAbsence(bytes)) data = bytes;
      because.push(`the setup_data node at ${hexText(at)} is of type 10`);
    }
    at = node.next;
  }
  if (data === undefined || data.length < 32) {
    if (options.khoFdt !== undefined) because.push(`the root is at ${hexText(options.khoFdt)}, as given`);
    return { fdt: options.khoFdt, pageSize: undefined, scratch: undefined, because };
  }
  const kho = decode(KhoData, data.subarray(0, 32), { abi });
  because.push(
    `kho_data says that the root is at ${hexText(kho.fdt_addr)} and has ${kho.fdt_size} bytes, which is a page`,
  );
  const size = PAGE_SIZES.find((candidate) => BigInt(candidate) === kho.fdt_size);
  return {
    fdt: options.khoFdt ?? kho.fdt_addr,
    pageSize: size,
    scratch: { address: kho.scratch_addr, size: kho.scratch_size },
    because,
  };
}

// --- generation and page size ------------------------------------------------------------------------------

interface Trial {
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
function bestTrial(
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

/** Kernels that build the root at boot, or have the LUO, have bitmaps of a page. */
function sizeByRoot(root: Root): BitmapSize | undefined {
  if (root.nodes.some(({ name }) => name === 'LUO'))
    return { kind: 'v1b', because: 'there is a node LUO, which kernels have since 6.19' };
  return isEdited(root)
    ? { kind: 'v1b', because: 'the root was edited in place, as kernels do since 6.19' }
    : undefined;
}

/** By where the bitmaps lie, which late 6.17.y cannot deceive; where that leaves it open, by the kernel's own test. */
function sizeByBitmaps(walk: Walk, list: BitmapList, root: Root): BitmapSize {
  const size = bitmapSize(walk, list);
  return size.kind === undefined ? (sizeByTest(walk, root) ?? size) : size;
}

/** The kernel's own test lists its folios in the property up to 6.17, and in a vmalloc area from 6.18 on. */
function sizeByTest({ image, abi }: Walk, root: Root): BitmapSize | undefined {
  const address = root.nodes.find(({ name }) => name === 'kho_test')?.data;
  const bytes = address === undefined ? undefined : image.read(address, 4096);
  if (bytes === undefined || isAbsence(bytes) || !isTree(bytes)) return undefined;
  const data = parseFDT(bytes, { lenient: true }).root.children.find(({ name }) => name === 'data');
  const length = data && property(data, 'folios_info')?.value.length;
  if (length === undefined || length % 8 !== 0) return undefined;
  if (length !== 16)
    return { kind: 'v1a', because: 'kho_test lists its folios in a property, as up to 6.17' };
  // Two folios take as many bytes as the descriptor of an area.
  const count = data && property(data, 'nr_folios')?.value;
  if (count?.length !== 4) return undefined;
  const folios = new DataView(count.buffer, count.byteOffset).getUint32(0, abi.endian === 'little');
  return folios === 2
    ? undefined
    : { kind: 'v1b', because: 'kho_test lists its folios in a vmalloc area, as from 6.18 on' };
}

/** Whether the root was built at boot and edited since, as from 6.19 on: its reserve map is at 0x28. */
function isEdited(root: Root): boolean {
  return (
    root.bytes.length >= 20 && new DataView(root.bytes.buffer, root.bytes.byteOffset).getUint32(16) === 0x28
  );
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

// --- entries -----------------------------------------------------------------------------------------------

function readEntries(walk: Walk, root: Root, registry: Registry): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  const names = new Set<string>();
  for (const node of root.nodes) {
    let key = node.name;
    while (names.has(key)) key += '+';
    names.add(key);
    if (node.data === undefined) {
      entries.push([key, null]);
      continue;
    }
    const blob = readBlob(walk, node.name, `entries.${key}`, node.data, node.size);
    entries.push([key, blob === undefined ? null : decodeBlob(blob, walk, registry)]);
  }
  return Object.fromEntries(entries);
}

/** Decodes a blob by the name of its node, or by what it says it is compatible with. */
export function decodeBlob(blob: Blob, walk: Walk, registry: Registry): unknown {
  const raw = isTree(blob.bytes) ? rawBlob(blob) : undefined;
  const compatible = raw?.tree?.compatible;
  // libfdt finds a node also without its unit address.
  const name = blob.name.replace(/@.*$/, '');
  const decoder =
    registry.subtrees.find((candidate) => candidate.name === name) ??
    registry.subtrees.find(
      (candidate) => candidate.compatible !== undefined && candidate.compatible === compatible,
    );
  const unsound = isTree(blob.bytes) && blob.complete ? fdtCheckFull(blob.bytes) : undefined;
  if (unsound !== undefined)
    walk.find(
      KHO['blob-invalid'],
      blob.path,
      blob.address,
      `The device tree is damaged: ${unsound}.`,
      name === 'LUO' ? 'panic' : 'refused',
    );
  if (decoder === undefined) return raw ?? rawBlob(blob);
  if (decoder.tree === true && !isTree(blob.bytes)) {
    if (blob.complete || blob.bytes.length >= 4)
      walk.find(
        KHO['blob-invalid'],
        blob.path,
        blob.address,
        `The blob of ${JSON.stringify(blob.name)} is no device tree.`,
      );
    return rawBlob(blob);
  }
  return decoder.decode(blob, walk, registry) ?? rawBlob(blob);
}

function readBlob(
  walk: Walk,
  name: string,
  path: string,
  address: bigint,
  size: bigint | undefined,
): Blob | undefined {
  if (address === 0n || size === 0n) {
    walk.find(
      KHO['blob-empty'],
      path,
      address,
      `The blob is at ${hexText(address)} and has ${size ?? 'no'} bytes.`,
    );
    return undefined;
  }
  if (!walk.isAligned(address))
    walk.find(KHO['blob-unaligned'], path, address, `The blob at ${hexText(address)} is not page aligned.`);
  if (size !== undefined && size > BigInt(MAX_BLOB))
    walk.find(KHO['blob-too-large'], path, address, `The blob is said to have ${size} bytes.`);
  let length = size === undefined ? walk.pageSize : Number(size > BigInt(MAX_BLOB) ? BigInt(MAX_BLOB) : size);
  const head = walk.image.read(address, 8);
  if (!isAbsence(head)) {
    const view = new DataView(head.buffer, head.byteOffset);
    if (view.getUint32(0) === FDT_MAGIC) {
      walk.object(path, FdtHeader, address, 40);
      const total = view.getUint32(4);
      if (size === undefined) length = Math.max(8, Math.min(total, 1 << 21));
      else if (BigInt(total) > size)
        walk.find(
          KHO['blob-cut'],
          path,
          address,
          `The device tree has ${total} bytes, the blob ${size}.`,
          name === 'LUO' ? 'panic' : 'overrun',
        );
    }
  }
  if (walk.map.complete && !walk.map.covers(address, length))
    walk.find(KHO['blob-not-preserved'], path, address, `The blob at ${hexText(address)} is not preserved.`);
  // A blob owns all of the block that it was allocated with.
  const order = walk.map.blockAt(walk.pfn(address)) ?? 0;
  walk.claims.add(walk.pfn(address), Math.max(2 ** order, Math.ceil(length / walk.pageSize)), path);
  const absent = firstHole(walk, address, length, path);
  const there = absent ?? length;
  if (there === 0) return undefined;
  const bytes = walk.image.read(address, there);
  return isAbsence(bytes)
    ? undefined
    : {
        name,
        path,
        address,
        bytes,
        size: size === undefined ? undefined : Number(size > BigInt(MAX_BLOB) ? BigInt(MAX_BLOB) : size),
        complete: absent === undefined,
      };
}

/** How many bytes there are before the first that the dump lacks; undefined if it lacks none. */
function firstHole(walk: Walk, address: bigint, length: number, path: string): number | undefined {
  for (let at = 0; at < length; ) {
    const place = walk.image.at(address + BigInt(at));
    if (place.state === 'absent') {
      walk.bytes(address + BigInt(at), 1, path, 'the blob');
      return at;
    }
    at += Number(place.length > BigInt(length) ? BigInt(length) : place.length);
  }
  return undefined;
}

// --- checks of the whole -----------------------------------------------------------------------------------

function readScratch(
  walk: Walk,
  area: { readonly address: bigint; readonly size: bigint },
): ScratchArea[] | undefined {
  const count = Math.min(Number(area.size / 16n), MAX_SCRATCH);
  if (count === 0) return [];
  const bytes = walk.bytes(area.address, count * 16, 'scratch', 'the list of scratch areas');
  if (bytes === undefined) return undefined;
  return Array.from({ length: count }, (_, i) =>
    walk.decodeBytes(
      KhoScratch,
      bytes.subarray(16 * i, 16 * i + 16),
      area.address + BigInt(16 * i),
      `scratch[${i}]`,
    ),
  );
}

/**
 * Scratch as something in memory tells it that names this root. What was found by looking for it may be a copy
 * of an earlier kexec, or lead to memory that is not written before the jump: it counts only if what it leads to
 * are areas.
 */
function scratchTold(
  walk: Walk,
  root: Root,
  told: readonly ToldHandover[],
  because: string[],
): ScratchArea[] | undefined {
  const own = told.filter(({ fdt, scratch }) => fdt === root.address && scratch !== undefined);
  for (const { how, address, scratch } of own) {
    const where =
      how === 'chosen'
        ? `/chosen of the device tree at ${hexText(address)}`
        : `the setup_data node at ${hexText(address)}`;
    if (scratch === undefined || !isScratchList(walk, scratch)) continue;
    because.push(`scratch is what ${where} says, which names this root too`);
    if (how === 'chosen') walk.object('chosen', FdtHeader, address, 40);
    else walk.object('setup_data', SetupData, address, 16);
    return readScratch(walk, scratch);
  }
  const [first] = own;
  if (first?.scratch !== undefined)
    because.push(
      `${first.how === 'chosen' ? 'the device tree' : 'the setup_data node'} at ${hexText(first.address)} names this root, but there is no list of scratch areas at ${hexText(first.scratch.address)}, where it says`,
    );
  return undefined;
}

/** Whether there are words that can be addresses and sizes, and not what else may be in such a place. */
function isScratchList(
  { image, little }: Walk,
  { address, size }: { readonly address: bigint; readonly size: bigint },
): boolean {
  if (size === 0n || size % 16n !== 0n || size > BigInt(16 * MAX_SCRATCH)) return false;
  const bytes = image.read(address, Number(size));
  if (isAbsence(bytes)) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let any = false;
  for (let at = 0; at < bytes.length; at += 8) {
    const word = view.getBigUint64(at, little);
    if (word >> 52n !== 0n) return false;
    if (word !== 0n) any = true;
  }
  return any;
}

function checkScratch(walk: Walk, scratch: readonly ScratchArea[]): void {
  for (const [i, { addr, size }] of scratch.entries()) {
    if (size === 0n) continue;
    const path = `scratch[${i}]`;
    if (!walk.isAligned(addr) || !walk.isAligned(size))
      walk.find(KHO['scratch-unaligned'], path, addr, `The area at ${hexText(addr)} has ${size} bytes.`);
    const other = scratch.find(
      (area, j) => j < i && area.size > 0n && area.addr < addr + size && addr < area.addr + area.size,
    );
    if (other !== undefined)
      walk.find(KHO['scratch-overlap'], path, addr, `The area overlaps the one at ${hexText(other.addr)}.`);
    const preserved = addr < 1n << 52n && size < 1n << 52n ? walk.map.touching(addr, size) : undefined;
    if (preserved !== undefined)
      walk.find(
        KHO['preserved-in-scratch'],
        path,
        preserved.address,
        `The memory at ${hexText(preserved.address)} is preserved, and in scratch.`,
      );
  }
}

function checkMap(walk: Walk, tables: Iterable<bigint>): void {
  for (const { address, pages } of walk.map.overlaps())
    walk.find(
      KHO['preserved-twice'],
      'preserved',
      address,
      `${many(pages, 'page')} at ${hexText(address)} are in two preserved blocks.`,
    );
  for (const table of tables)
    if (table < 1n << 52n && walk.map.covers(table, 1))
      walk.find(
        KHO['map-preserved'],
        'preserved',
        table,
        `The page ${hexText(table)} of the map is itself in the map.`,
      );
}

function checkOwners(walk: Walk): void {
  const size = BigInt(walk.pageSize);
  for (const { pfn, pages, first, second } of walk.claims.conflicts())
    walk.find(
      KHO.shared,
      second,
      BigInt(pfn) * size,
      `${many(pages, 'page')} at ${hexText(BigInt(pfn) * size)} belong to ${first} and to ${second}.`,
    );
  if (!walk.map.complete || !walk.claims.complete) return;
  let pages = 0;
  let first: number | undefined;
  for (const run of walk.claims.unclaimed(walk.map)) {
    pages += run.pages;
    first ??= run.pfn;
  }
  if (pages > 0 && first !== undefined)
    walk.find(
      KHO.opaque,
      'preserved',
      BigInt(first) * size,
      `There ${pages === 1 ? 'is' : 'are'} ${many(pages, 'preserved page')} whose owner is not known, the first at ${hexText(BigInt(first) * size)}.`,
    );
}

// --- contents ----------------------------------------------------------------------------------------------

/**
 * The content of a preserved file. The session is told by its name or place, the file by its token (a bigint)
 * or place (a number).
 *
 * @throws `kho-no-file` where there is no such file, or no decoder for its content.
 */
export function fileContents(
  handover: Handover,
  session: string | number,
  file: bigint | number,
): Iterable<Content> {
  const luo = handover.value.entries.LUO;
  const sessions = isRecord(luo) && Array.isArray(luo.sessions) ? luo.sessions : [];
  const found: unknown = sessions.find(
    (candidate: unknown, i) => isRecord(candidate) && (candidate.name === session || i === session),
  );
  const files = isRecord(found) && Array.isArray(found.files) ? found.files : undefined;
  if (files === undefined) throw khoError('kho-no-file', `there is no session ${JSON.stringify(session)}`);
  const chosen: unknown = files.find(
    (candidate: unknown, i) =>
      isRecord(candidate) && (typeof file === 'bigint' ? candidate.token === file : i === file),
  );
  if (!isRecord(chosen) || typeof chosen.compatible !== 'string')
    throw khoError(
      'kho-no-file',
      `the session has no file ${typeof file === 'bigint' ? `with the token ${hexText(file)}` : file}`,
    );
  const handler = handlerFor(chosen.compatible, handover.registry);
  const value = handler && chosen[handler.key];
  if (handler?.contents === undefined || value === undefined)
    throw khoError('kho-no-file', `nothing is known of the content of a ${chosen.compatible}`);
  return handler.contents(value, handover.walk);
}
