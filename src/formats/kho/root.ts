/** The root of a handover: finding its page in memory, and reading it. */
import { ABI, decode } from '../../codec/index.js';
import { type Image, isAbsence } from '../../memory/index.js';
import {
  type FDT,
  FDT_MAGIC,
  fdtCheckHeader,
  nativeOf,
  parseFDT,
  property,
  stringListOf,
} from '../fdt/index.js';
import type { HandoverRule } from './findings.js';
import { KHO_GENERATIONS } from './generations.js';
import { KHO } from './rules.js';
import { KhoData, SETUP_KEXEC_KHO } from './schema.js';
import { hexText } from './walk.js';

/** Roots begin a page; the smallest page is this large. */
const SMALLEST_PAGE = 4096;
const LARGEST_PAGE = 65536;

/** A problem of the root, found before there is a walk to report it to. */
export interface RootProblem {
  readonly rule: HandoverRule;
  readonly path: string;
  readonly address: bigint;
  readonly message: string;
}

export interface RootNode {
  readonly name: string;
  /** Physical address of the blob; undefined where the node does not say it. */
  readonly data: bigint | undefined;
  /** Size of the blob in bytes, where the node says it. */
  readonly size: bigint | undefined;
}

export interface Root {
  readonly address: bigint;
  readonly fdt: FDT;
  readonly bytes: Uint8Array;
  /** The compatible strings; the kernel looks for its own among them. */
  readonly compatible: readonly string[];
  /** Physical address of the map of preserved memory; 0 or undefined where there is none. */
  readonly map: bigint | undefined;
  readonly nodes: readonly RootNode[];
  readonly endian: 'little' | 'big';
  readonly problems: readonly RootProblem[];
}

/** Whether a page begins with a device tree whose root is one of KHO. */
function isRoot(bytes: Uint8Array): boolean {
  const root = parseFDT(bytes, { lenient: true }).root;
  const compatible = property(root, 'compatible');
  return (
    compatible !== undefined && (stringListOf(compatible)?.some((text) => text.startsWith('kho-v')) ?? false)
  );
}

/** Something in memory that tells a kernel where the root and the list of scratch areas are. */
export interface ToldHandover {
  /** Physical address of what says so. */
  readonly address: bigint;
  readonly how: 'chosen' | 'setup-data';
  readonly fdt: bigint;
  readonly scratch: { readonly address: bigint; readonly size: bigint } | undefined;
}

export interface Found {
  readonly roots: readonly bigint[];
  /** `/chosen` of device trees (arm64), and nodes of x86's list of setup data, in the order of their addresses. */
  readonly told: readonly ToldHandover[];
}

const MAX_ROOTS = 16;
/** Device trees of other kinds that are looked into for /chosen. */
const MAX_OTHERS = 64;
/** Bytes of a struct kho_data. */
const KHO_DATA_SIZE = 32;
/** Nodes of setup data that are kept. */
const MAX_NODES = 64;
/** The kernel's boot parameters, and the setup data behind them, are below 4 GiB. */
const SETUP_DATA_END = 1n << 32n;
/** The compatible string of a root is one of its first properties. */
const KHO_TEXT = [0x6b, 0x68, 0x6f, 0x2d, 0x76];
const HEAD = 1024;

/** Whether the text `kho-v` is near the start: a look that costs nothing, before parsing. */
function mentionsKho(bytes: Uint8Array): boolean {
  for (let at = bytes.indexOf(0x6b); at >= 0; at = bytes.indexOf(0x6b, at + 1))
    if (KHO_TEXT.every((byte, i) => bytes[at + i] === byte)) return true;
  return false;
}

/**
 * Looks through the memory that is present for pages that begin with the root of a handover, and on the way for
 * what tells a kernel where it is.
 */
export function findRoots(image: Image): Found {
  const roots: bigint[] = [];
  const trees: ToldHandover[] = [];
  const nodes: ToldHandover[] = [];
  let others = 0;
  const hasSetupData = image.machine.name === 'x86_64' || image.machine.elfMachine === undefined;
  for (const { address, bytes } of image.windows()) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const skip = Number((BigInt(SMALLEST_PAGE) - (address % BigInt(SMALLEST_PAGE))) % BigInt(SMALLEST_PAGE));
    for (let at = skip; at + 40 <= bytes.length; at += SMALLEST_PAGE) {
      if (view.getUint32(at) !== FDT_MAGIC) continue;
      const here = address + BigInt(at);
      const total = view.getUint32(at + 4);
      if (total > 1 << 21) continue;
      if (mentionsKho(present(image, here, HEAD))) {
        if (roots.length < MAX_ROOTS && isRoot(present(image, here, Math.min(total, LARGEST_PAGE))))
          roots.push(here);
      } else if (others < MAX_OTHERS) {
        others++;
        const chosen = chosenOf(present(image, here, total), here);
        if (chosen !== undefined) trees.push(chosen);
      }
    }
    if (hasSetupData && address < SETUP_DATA_END) addSetupData(image, address, bytes, nodes);
  }
  return { roots, told: [...trees, ...nodes] };
}

/** The bytes of `type` and `len` of a node of setup data for KHO, as words of this machine. */
const [KHO_TYPE, KHO_LENGTH] = new Uint32Array(
  new Uint8Array([SETUP_KEXEC_KHO, 0, 0, 0, KHO_DATA_SIZE, 0, 0, 0]).buffer,
);

/**
 * Adds the nodes `struct setup_data` of type 10 in a window of memory. They lie somewhere behind the boot
 * parameters, at a multiple of 8; what is in the registers of the first kernel is not in a dump, so that they
 * are recognised by their type, their length and a `fdt_size` of a page.
 */
function addSetupData(image: Image, address: bigint, bytes: Uint8Array, nodes: ToldHandover[]): void {
  const skip = Number((8n - (address % 8n)) % 8n);
  // A window may be shorter than the way to the next multiple of 8.
  if (bytes.length < skip || (bytes.byteOffset + skip) % 4 !== 0) return;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + skip, (bytes.length - skip) >> 2);
  // Two words at a time: most of memory is passed by with one comparison for each of them.
  for (let at = 0; at + 1 < words.length; at += 2) {
    if (words[at] !== KHO_TYPE || words[at + 1] !== KHO_LENGTH) continue;
    const here = address + BigInt(skip + 4 * at) - 8n;
    const node = here < 0n ? new Uint8Array() : present(image, here, 16 + KHO_DATA_SIZE);
    if (node.length < 16 + KHO_DATA_SIZE) continue;
    const { fdt_addr, fdt_size, scratch_addr, scratch_size } = decode(KhoData, node.subarray(16), {
      abi: ABI.x86_64,
    });
    if (fdt_size !== BigInt(SMALLEST_PAGE) || fdt_addr % fdt_size !== 0n || nodes.length >= MAX_NODES)
      continue;
    nodes.push({
      address: here,
      how: 'setup-data',
      fdt: fdt_addr,
      scratch: { address: scratch_addr, size: scratch_size },
    });
  }
}

/** As many bytes as there are from an address on. */
function present(image: Image, address: bigint, length: number): Uint8Array {
  const { bytes, holes } = image.readSome(address, length);
  const [hole] = holes;
  return hole === undefined ? bytes : bytes.subarray(0, Number(hole.address - address));
}

/** `/chosen` of the machine's own device tree: one address and one size, in as many cells as its root says. */
function chosenOf(bytes: Uint8Array, address: bigint): ToldHandover | undefined {
  const { root } = parseFDT(bytes, { lenient: true });
  const chosen = root.children.find(({ name }) => name === 'chosen');
  if (chosen === undefined) return undefined;
  const addressCells = cellsOf(property(root, '#address-cells')?.value);
  const sizeCells = cellsOf(property(root, '#size-cells')?.value);
  const pair = (name: string): { address: bigint; size: bigint } | undefined => {
    const value = property(chosen, name)?.value;
    if (value === undefined) return undefined;
    // A tree that does not say its cells has as many of each as there is room for.
    const half = value.length / 8;
    const first = addressCells ?? half;
    const second = sizeCells ?? half;
    if (
      value.length !== 4 * (first + second) ||
      (first !== 1 && first !== 2) ||
      (second !== 1 && second !== 2)
    )
      return undefined;
    return { address: numberOf(value, 0, first), size: numberOf(value, 4 * first, second) };
  };
  const fdt = pair('linux,kho-fdt');
  return fdt === undefined
    ? undefined
    : { address, how: 'chosen', fdt: fdt.address, scratch: pair('linux,kho-scratch') };
}
function cellsOf(value: Uint8Array | undefined): number | undefined {
  return value?.length === 4 ? Number(numberOf(value, 0, 1)) : undefined;
}
/** A big-endian number of one or two cells. */
function numberOf(value: Uint8Array, at: number, cells: number): bigint {
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  return cells === 1 ? BigInt(view.getUint32(at)) : view.getBigUint64(at);
}

/** Reads the root at an address. A string: why there is none. */
export function readRoot(image: Image, address: bigint, endian: 'little' | 'big' | undefined): Root | string {
  const head = image.read(address, 40);
  if (isAbsence(head)) return `the page at ${hexText(address)} is not in the dump: ${head.detail}`;
  const total = new DataView(head.buffer, head.byteOffset).getUint32(4);
  return rootOf(present(image, address, Math.max(40, Math.min(total, LARGEST_PAGE))), address, endian);
}

/** Reads a root from its bytes. `strings` are names for a tree that was cut off before its own. */
export function rootOf(
  bytes: Uint8Array,
  address: bigint,
  endian: 'little' | 'big' | undefined,
  strings?: Uint8Array,
): Root | string {
  if (new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0) !== FDT_MAGIC)
    return `the bytes at ${hexText(address)} are no device tree: ${[...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}`;
  const problems: RootProblem[] = [];
  const problem = (rule: HandoverRule, path: string, message: string): void => {
    problems.push({ rule, path: `fdt${path}`, address, message });
  };
  const fdt = parseFDT(bytes, { lenient: true, ...(strings === undefined ? {} : { strings }) });
  const refusal = fdtCheckHeader(bytes);
  if (refusal !== undefined) problem(KHO['root-invalid'], '', `fdt_check_header says ${refusal}.`);

  const compatibles = property(fdt.root, 'compatible');
  const compatible = (compatibles && stringListOf(compatibles)) ?? [];
  const [first = ''] = compatible;
  if (!KHO_GENERATIONS.some((generation) => generation.compatible === first))
    problem(
      first.includes(';') ? KHO['root-composite'] : KHO['root-compatible'],
      '.compatible',
      compatibles === undefined
        ? 'The root has no compatible string.'
        : `The root is ${JSON.stringify(first)}.`,
    );

  const mapped = property(fdt.root, 'preserved-memory-map');
  const order = endian ?? (mapped && likelyOrder(mapped.value)) ?? 'little';
  const map = mapped?.value.length === 8 ? nativeOf(mapped, order) : undefined;
  if (map === undefined)
    problem(
      KHO['root-map'],
      '.preserved-memory-map',
      mapped === undefined
        ? 'There is no preserved-memory-map.'
        : `preserved-memory-map has ${mapped.value.length} bytes instead of 8.`,
    );
  else if (map === 0n) problem(KHO['root-unfinished'], '.preserved-memory-map', 'preserved-memory-map is 0.');
  for (const { name } of fdt.root.properties)
    if (name !== 'compatible' && name !== 'preserved-memory-map')
      problem(KHO['root-property'], '', `The root has a property ${JSON.stringify(name)}.`);

  const seen = new Set<string>();
  const nodes = fdt.root.children.map((node): RootNode => {
    const path = `.${node.name}`;
    if (seen.has(node.name))
      problem(KHO['node-duplicate'], path, `There are two nodes ${JSON.stringify(node.name)}.`);
    seen.add(node.name);
    const old = first === 'kho-v1';
    const pointer =
      property(node, old ? 'fdt' : 'preserved-data') ?? property(node, old ? 'preserved-data' : 'fdt');
    const data = pointer?.value.length === 8 ? nativeOf(pointer, order) : undefined;
    if (data === undefined)
      problem(
        KHO['node-data'],
        path,
        pointer === undefined
          ? `The node has no ${old ? 'fdt' : 'preserved-data'}.`
          : `${pointer.name} has ${pointer.value.length} bytes instead of 8.`,
      );
    const sized = property(node, 'blob-size');
    const size = sized?.value.length === 8 ? nativeOf(sized, order) : undefined;
    if (size === undefined && !old && first !== 'kho-v2')
      problem(
        KHO['node-size'],
        path,
        sized === undefined
          ? 'The node has no blob-size.'
          : `blob-size has ${sized.value.length} bytes instead of 8.`,
      );
    for (const { name } of node.properties)
      if (name !== pointer?.name && name !== 'blob-size')
        problem(KHO['node-property'], path, `The node has a property ${JSON.stringify(name)}.`);
    return { name: node.name, data, size };
  });
  return { address, fdt, bytes, compatible, map, nodes, endian: order, problems };
}

/** The order in which eight bytes are a plausible address; undefined if both or neither. */
function likelyOrder(value: Uint8Array): 'little' | 'big' | undefined {
  if (value.length !== 8) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const fits = (little: boolean): boolean => {
    const address = view.getBigUint64(0, little);
    return address >> 52n === 0n && address % BigInt(SMALLEST_PAGE) === 0n;
  };
  if (fits(true) === fits(false)) return undefined;
  return fits(true) ? 'little' : 'big';
}
