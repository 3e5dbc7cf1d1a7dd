/** Writing flattened device trees: as they were read, or laid out as dtc and libfdt do it. */
import { CarryoverError, encode } from '../../codec/index.js';
import { textBytes } from '../../codec/text.js';
import { isFatal, isFDTCode } from './codes.js';
import { type Kept, keptOf } from './kept.js';
import { type Extents, type FDT, type NodeExtent, type PropertyExtent, parseExtents } from './parse.js';
import { FDT_MAGIC, FdtHeader, FdtReserveEntry, headerSize, TOKEN } from './schema.js';
import { AppendedStrings, PrependedStrings } from './strings.js';
import type { FDTNode, FDTProperty, FDTReservation, FDTTree } from './tree.js';

/**
 * How a tree that is written anew is laid out. The blocks follow each other in the order header, memory
 * reservations, structure, strings.
 *
 * - `dtc`: names in the order of their first use; also what `fdt_pack` leaves of a tree without history.
 * - `sequential`: as `fdt_create` … `fdt_finish` leave it. The reservations begin at a multiple of 16, and
 *   the names stand in the reverse order of their first use.
 * - `read-write`: the root and its properties were written sequentially, all other nodes were added with
 *   `fdt_add_subnode` and `fdt_setprop`, and `fdt_pack` came last. Both functions insert before what is there,
 *   so the names of the other nodes follow from the last node to the first. (libfdt leaves remains of what
 *   it moved in the bytes that align a value; here they are zeros.)
 */
export type FDTLayout = 'dtc' | 'sequential' | 'read-write';
export const FDT_LAYOUTS: readonly FDTLayout[] = ['dtc', 'sequential', 'read-write'];

export interface WriteFDTOptions {
  /**
   * Left out, a tree that was read is written with everything in the place where it was, and one that was
   * made as dtc would.
   */
  readonly layout?: FDTLayout;
  /** 1, 2, 3, 16 or 17; that of the tree if left out. A tree that was read in another is laid out anew. */
  readonly version?: number;
  /** Bytes of free space after the strings, `dtc -p`. */
  readonly padding?: number;
  /** Free space up to this size, `dtc -S`, as `fdt_open_into` leaves it. */
  readonly totalSize?: number;
  /** Empty entries after the memory reservations, `dtc -R`; the tree is laid out anew. */
  readonly reserveSlots?: number;
  /** Names that the strings block begins with, in this order; the tree is laid out anew. */
  readonly strings?: readonly string[];
  /** Gives each node of a tree before version 16 the property `name` that such trees have; as dtc does. */
  readonly nameProperties?: boolean;
}

const VERSIONS: readonly number[] = [1, 2, 3, 16, 17];
const INT_MAX = 0x7fffffff;

/**
 * Writes a device tree. A tree that was read and not changed gives the bytes that it was read from, whatever
 * they were, up to its total size (or the end of the input); of one that was changed, all else stays in its
 * place and order: names are added to the end of the strings block, and free space after it is used up first.
 *
 * @throws CarryoverError `fdt-unwritable` for what has no place in a device tree.
 */
export function writeFDT(tree: FDTTree, options: WriteFDTOptions = {}): Uint8Array {
  const kept = keptOf(tree);
  const anew =
    options.layout !== undefined ||
    options.reserveSlots !== undefined ||
    options.strings !== undefined ||
    options.nameProperties !== undefined ||
    (options.version !== undefined && options.version !== tree.version);
  const bytes = (kept !== undefined && !anew && writeKept(tree, kept)) || writeAnew(tree, options);
  return withFreeSpace(bytes, options);
}

/** Writes a tree over the bytes of another: what is the same stays where it is. */
export function writeOver(tree: FDTTree, kept: Kept): Uint8Array {
  return writeKept(tree, kept) ?? writeAnew(tree, {});
}

function unwritable(
  reason: string,
  path: string,
  details: { expected?: string; found?: string } = {},
): never {
  throw new CarryoverError('fdt-unwritable', reason, { path: [path], ...details });
}

function withFreeSpace(bytes: Uint8Array, { padding = 0, totalSize = 0 }: WriteFDTOptions): Uint8Array {
  for (const size of [padding, totalSize])
    if (!Number.isInteger(size) || size < 0 || size > INT_MAX)
      unwritable('a size is a whole number of bytes below 2 GiB', '/', { found: String(size) });
  const size = Math.max(bytes.length + padding, totalSize);
  if (size > INT_MAX) unwritable('a device tree is smaller than 2 GiB', '/', { found: `${size} bytes` });
  if (size === bytes.length) return bytes;
  const all = new Uint8Array(size);
  all.set(bytes);
  if (bytes.length >= 8) new DataView(all.buffer).setUint32(4, size);
  return all;
}

// --- anew ----------------------------------------------------------------------------------------------------

function writeAnew(tree: FDTTree, options: WriteFDTOptions): Uint8Array {
  const version = options.version ?? tree.version ?? 17;
  if (!VERSIONS.includes(version))
    unwritable('there is no such version of device trees', '/', {
      expected: VERSIONS.join(', '),
      found: String(version),
    });
  const layout = options.layout ?? 'dtc';
  const root = options.nameProperties === true && version < 16 ? withNames(tree.root) : tree.root;
  const names = namesOf(root, layout, options.strings);
  const structure = structureOf(root, version, names.place, undefined);
  const strings = names.bytes();
  const reservations = reservationsOf(tree.reservations ?? [], options.reserveSlots ?? 0);
  const unit = layout === 'sequential' ? 16 : 8;
  const reservationsAt = Math.ceil(headerSize(version) / unit) * unit;
  const structureAt = reservationsAt + reservations.length;
  const stringsAt = structureAt + structure.length;
  const all = allocate(stringsAt + strings.length);
  const keepsCompatible = tree.lastCompVersion !== undefined && version === tree.version;
  all.set(
    headerOf(version, {
      totalsize: all.length,
      off_dt_struct: structureAt,
      off_dt_strings: stringsAt,
      off_mem_rsvmap: reservationsAt,
      last_comp_version: keepsCompatible ? (tree.lastCompVersion ?? 0) : version >= 16 ? 16 : 1,
      boot_cpuid_phys: tree.bootCpuid ?? 0,
      size_dt_strings: strings.length,
      size_dt_struct: structure.length,
    }),
  );
  all.set(reservations, reservationsAt);
  all.set(structure, structureAt);
  all.set(strings, stringsAt);
  return all;
}

function allocate(size: number): Uint8Array {
  if (size > INT_MAX) unwritable('a device tree is smaller than 2 GiB', '/', { found: `${size} bytes` });
  return new Uint8Array(size);
}

interface HeaderFields {
  readonly totalsize: number;
  readonly off_dt_struct: number;
  readonly off_dt_strings: number;
  readonly off_mem_rsvmap: number;
  readonly last_comp_version: number;
  readonly boot_cpuid_phys: number;
  readonly size_dt_strings: number;
  readonly size_dt_struct: number;
}

function headerOf(version: number, fields: HeaderFields): Uint8Array {
  const { boot_cpuid_phys, size_dt_strings, size_dt_struct, ...common } = fields;
  if (version < 2 && boot_cpuid_phys !== 0)
    unwritable('version 1 has no place for the boot CPU', '/', { found: String(boot_cpuid_phys) });
  return encode(FdtHeader, {
    magic: FDT_MAGIC,
    version,
    ...common,
    ...(version >= 2 ? { boot_cpuid_phys } : {}),
    ...(version >= 3 ? { size_dt_strings } : {}),
    ...(version >= 17 ? { size_dt_struct } : {}),
  });
}

function reservationsOf(entries: readonly FDTReservation[], slots: number): Uint8Array {
  const all = allocate((entries.length + slots + 1) * 16);
  for (const [i, entry] of entries.entries()) {
    if (entry.size === 0n)
      unwritable('a memory reservation of size 0 would end the list', '/', { found: `entry ${i}` });
    all.set(encode(FdtReserveEntry, entry), i * 16);
  }
  return all;
}

interface Names {
  /** The offset of a property's name; asked for in the order in which properties are written. */
  place(found: FDTProperty): number;
  bytes(): Uint8Array;
}

function namesOf(root: FDTNode, layout: FDTLayout, first: readonly string[] | undefined): Names {
  if (first !== undefined || layout === 'dtc') {
    const names = new AppendedStrings();
    for (const name of first ?? []) names.place(name);
    return { place: (found) => names.place(found.name), bytes: () => names.bytes() };
  }
  const sequential = new PrependedStrings();
  // A name keeps the place that it had when it was looked up, though another may end in it later.
  const places: number[] = [];
  for (const node of layout === 'sequential' ? preorder(root) : [root])
    for (const { name } of node.properties) places.push(sequential.place(name));
  const block = sequential.bytes();
  const names = new AppendedStrings(block);
  if (layout === 'read-write')
    for (const node of preorder(root, 'last first'))
      if (node !== root) for (const { name } of [...node.properties].reverse()) names.place(name);
  let next = 0;
  return {
    place: (found) => {
      const fromEnd = places[next++];
      return fromEnd === undefined ? names.place(found.name) : block.length - fromEnd;
    },
    bytes: () => names.bytes(),
  };
}

/** All nodes, each before its children; of its children, the last one first if so asked. */
function* preorder(root: FDTNode, order: 'first first' | 'last first' = 'first first'): Generator<FDTNode> {
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    yield node;
    if (order === 'last first') for (const child of node.children) stack.push(child);
    else for (let i = node.children.length - 1; i >= 0; i--) stack.push(node.children[i] ?? node);
  }
}

/** A copy of the tree in which every node has the property `name`: what stands before the unit address. */
function withNames(root: FDTNode): FDTNode {
  const copyOf = (node: FDTNode): FDTNode => {
    const has = node.properties.some(({ name }) => name === 'name');
    const base = nameBytes(`${node.name.split('@')[0] ?? ''}`, node.name);
    const value = new Uint8Array(base.length + 1);
    value.set(base);
    return {
      name: node.name,
      properties: has ? node.properties : [...node.properties, { name: 'name', value }],
      children: [],
    };
  };
  const copy = copyOf(root);
  const stack: [FDTNode, FDTNode][] = [[root, copy]];
  for (let pair = stack.pop(); pair !== undefined; pair = stack.pop()) {
    const [node, target] = pair;
    for (const child of node.children) {
      const made = copyOf(child);
      target.children.push(made);
      stack.push([child, made]);
    }
  }
  return copy;
}

function nameBytes(name: string, path: string): Uint8Array {
  const bytes = textBytes(name);
  if (bytes === undefined || bytes.includes(0))
    unwritable('this cannot be the name of a node', path, {
      expected: 'text without a NUL',
      found: JSON.stringify(name.slice(0, 64)),
    });
  return bytes;
}

// --- the structure block -------------------------------------------------------------------------------------

/** Bytes that grow as they are written. */
class Sink {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  #grow(size: number): number {
    const at = this.length;
    const end = at + size;
    if (end > INT_MAX) unwritable('a device tree is smaller than 2 GiB', '/');
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.length = end;
    return at;
  }
  word(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
  }
  put(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }
  /** Fills up to a multiple of `unit`, with the bytes that were there if they are as many, or with zeros. */
  align(unit: number, before: Uint8Array | undefined): void {
    const size = (unit - (this.length % unit)) % unit;
    this.put(before?.length === size ? before : new Uint8Array(size));
  }
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }
}

/** Where the parts of a tree were in the bytes that it was read from. */
interface Before {
  readonly image: Uint8Array;
  readonly last: Extents['last'];
  /** What follows the token FDT_END in its block. */
  readonly slack: Uint8Array;
  node(node: FDTNode): NodeExtent | undefined;
  property(found: FDTProperty): PropertyExtent | undefined;
}

function structureOf(
  root: FDTNode,
  version: number,
  place: (found: FDTProperty) => number,
  before: Before | undefined,
): Uint8Array {
  const sink = new Sink();
  const was = (from: number, to: number): Uint8Array | undefined => before?.image.subarray(from, to);
  /** NOPs that stood before a token stay there. */
  const lead = (extent: { from: number; at: number } | undefined): void => {
    if (extent !== undefined) sink.put(was(extent.from, extent.at) ?? new Uint8Array());
  };
  const begin = (node: FDTNode, path: string): void => {
    const extent = before?.node(node);
    lead(extent);
    sink.word(TOKEN.BEGIN_NODE);
    if (version < 16 && node.name.includes('/'))
      unwritable('before version 16 a name with a slash would be a path', path);
    sink.put(nameBytes(version < 16 ? path : node.name, path));
    sink.put(Uint8Array.of(0));
    sink.align(4, extent && was(extent.nameEnd, extent.end));
    for (const found of node.properties) putProperty(found);
  };
  const putProperty = (found: FDTProperty): void => {
    const extent = before?.property(found);
    lead(extent);
    sink.word(TOKEN.PROP);
    sink.word(found.value.length);
    sink.word(place(found));
    if (version < 16 && found.value.length >= 8) sink.align(8, extent && was(extent.at + 12, extent.valueAt));
    sink.put(found.value);
    sink.align(4, extent && was(extent.valueEnd, extent.end));
  };

  if (root.name !== '')
    unwritable('the root node has no name', '/', { found: JSON.stringify(root.name.slice(0, 64)) });
  const stack = [{ node: root, path: '/', next: 0 }];
  begin(root, '/');
  for (let top = stack[stack.length - 1]; top !== undefined; top = stack[stack.length - 1]) {
    const child = top.node.children[top.next++];
    if (child === undefined) {
      const extent = before?.node(top.node);
      if (extent !== undefined) lead({ from: extent.closeFrom, at: extent.closeAt });
      sink.word(TOKEN.END_NODE);
      stack.pop();
    } else {
      const path = version < 16 ? `${top.path === '/' ? '' : top.path}/${child.name}` : child.name;
      stack.push({ node: child, path, next: 0 });
      begin(child, path);
    }
  }
  lead(before?.last);
  sink.word(TOKEN.END);
  if (before !== undefined) sink.put(before.slack);
  return sink.bytes();
}

// --- as it was read ------------------------------------------------------------------------------------------

/** Undefined if what was read was not sound, and the tree was changed: then nothing has a place to stay in. */
function writeKept(tree: FDTTree, { image, options }: Kept): Uint8Array | undefined {
  const { fdt, extents } = parseExtents(image, { ...options, lenient: true });
  if (sameTree(tree, fdt)) return image.slice();
  const version = tree.version ?? 17;
  const sound = !fdt.problems.some(
    ({ code }) =>
      isFDTCode(code) && (isFatal(code) || code === 'fdt-overlap' || code === 'fdt-property-late'),
  );
  if (!sound || version !== fdt.version || version !== extents.header.version) return undefined;
  return rewrite(tree, fdt, image, extents);
}

interface Block {
  /** Where it was. */
  readonly at: number;
  readonly end: number;
  readonly unit: number;
  /** What it has become, and where it is put. */
  readonly bytes: Uint8Array;
  moved: number;
}

function rewrite(tree: FDTTree, old: FDT, image: Uint8Array, extents: Extents): Uint8Array {
  const { header, structure } = extents;
  const version = old.version;
  const strings = stringsExtent(extents, version, image.length);
  const matches = matchTrees(tree.root, old.root);
  const names = new AppendedStrings(image.subarray(strings.at, strings.end));
  const reservations: Block = {
    ...extents.reservations,
    unit: 8,
    bytes: sameReservations(tree.reservations ?? [], old.reservations)
      ? image.subarray(extents.reservations.at, extents.reservations.end)
      : reservationsOf(tree.reservations ?? [], 0),
    moved: 0,
  };
  const nodes: Block = {
    ...structure,
    unit: 4,
    bytes: structureOf(
      tree.root,
      version,
      (found) => {
        const match = matches.properties.get(found);
        const extent = match && extents.properties.get(match);
        return extent !== undefined && extent.nameOffset < strings.end - strings.at
          ? extent.nameOffset
          : names.place(found.name);
      },
      {
        image,
        last: extents.last,
        slack: image.subarray(extents.last.at + 4, structure.end),
        node: (node) => {
          const match = matches.nodes.get(node);
          return match && extents.nodes.get(match);
        },
        property: (found) => {
          const match = matches.properties.get(found);
          return match && extents.properties.get(match);
        },
      },
    ),
    moved: 0,
  };
  // Only now are all names in their block.
  const text: Block = { ...strings, unit: 1, bytes: names.bytes(), moved: 0 };

  const parts: { at: number; bytes: Uint8Array }[] = [];
  let was = headerSize(version);
  let now = was;
  for (const block of [reservations, nodes, text].sort((a, b) => a.at - b.at || a.end - b.end)) {
    parts.push({ at: now, bytes: image.subarray(was, block.at) });
    now += Math.max(0, block.at - was);
    // A block that nothing moves stays where it is, aligned or not.
    if (now !== block.at) now = Math.ceil(now / block.unit) * block.unit;
    block.moved = now;
    parts.push({ at: now, bytes: block.bytes });
    now += block.bytes.length;
    was = block.end;
  }
  const hadFreeSpace = was < image.length;
  const all = allocate(hadFreeSpace ? Math.max(now, image.length) : now);
  if (hadFreeSpace) all.set(image.subarray(Math.max(was, now)), Math.max(was, now));
  for (const { at, bytes } of parts) all.set(bytes, at);
  all.set(
    headerOf(version, {
      totalsize: all.length,
      off_dt_struct: nodes.moved,
      off_dt_strings: text.moved,
      off_mem_rsvmap: reservations.moved,
      last_comp_version: tree.lastCompVersion ?? header.last_comp_version ?? 0,
      boot_cpuid_phys: tree.bootCpuid ?? 0,
      size_dt_strings: text.bytes.length,
      size_dt_struct: nodes.bytes.length,
    }),
  );
  return all;
}

/** Before version 3 the strings go on to the next block, or to the end. */
function stringsExtent(extents: Extents, version: number, end: number): { at: number; end: number } {
  const { strings, reservations, structure, header } = extents;
  if (version >= 3) return { at: strings.at, end: strings.at + (header.size_dt_strings ?? 0) };
  const next = [reservations.at, structure.at].filter((at) => at > strings.at);
  return { at: strings.at, end: Math.min(end, ...next) };
}

/** The nodes and properties of one tree by those of another that have the same names in the same order. */
function matchTrees(
  root: FDTNode,
  old: FDTNode,
): { nodes: Map<FDTNode, FDTNode>; properties: Map<FDTProperty, FDTProperty> } {
  const nodes = new Map<FDTNode, FDTNode>();
  const properties = new Map<FDTProperty, FDTProperty>();
  const stack: [FDTNode, FDTNode][] = [[root, old]];
  for (let pair = stack.pop(); pair !== undefined; pair = stack.pop()) {
    const [node, match] = pair;
    nodes.set(node, match);
    for (const [found, other] of byName(node.properties, match.properties)) properties.set(found, other);
    stack.push(...byName(node.children, match.children));
  }
  return { nodes, properties };
}

function byName<T extends { readonly name: string }>(items: readonly T[], others: readonly T[]): [T, T][] {
  const waiting = new Map<string, T[]>();
  for (let i = others.length - 1; i >= 0; i--) {
    const other = others[i];
    if (other === undefined) continue;
    const queue = waiting.get(other.name);
    if (queue === undefined) waiting.set(other.name, [other]);
    else queue.push(other);
  }
  const pairs: [T, T][] = [];
  for (const item of items) {
    const other = waiting.get(item.name)?.pop();
    if (other !== undefined) pairs.push([item, other]);
  }
  return pairs;
}

// --- comparing -----------------------------------------------------------------------------------------------

/** Whether two trees say the same. */
export function sameTree(a: FDTTree, b: FDTTree): boolean {
  if (
    (a.version ?? 17) !== (b.version ?? 17) ||
    a.lastCompVersion !== b.lastCompVersion ||
    (a.bootCpuid ?? 0) !== (b.bootCpuid ?? 0) ||
    !sameReservations(a.reservations ?? [], b.reservations ?? [])
  )
    return false;
  const stack: [FDTNode, FDTNode][] = [[a.root, b.root]];
  for (let pair = stack.pop(); pair !== undefined; pair = stack.pop()) {
    const [x, y] = pair;
    if (
      x.name !== y.name ||
      x.properties.length !== y.properties.length ||
      x.children.length !== y.children.length ||
      !x.properties.every((found, i) => sameProperty(found, y.properties[i]))
    )
      return false;
    for (const [i, child] of x.children.entries()) {
      const other = y.children[i];
      if (other !== undefined) stack.push([child, other]);
    }
  }
  return true;
}

function sameReservations(a: readonly FDTReservation[], b: readonly FDTReservation[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ address, size }, i) => address === b[i]?.address && size === b[i]?.size)
  );
}

function sameProperty(a: FDTProperty, b: FDTProperty | undefined): boolean {
  return b !== undefined && a.name === b.name && sameBytes(a.value, b.value);
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
