/** Device trees as values, and finding one's way in them. */
import { readText } from '../../codec/text.js';

export interface FDTReservation {
  /** Physical address and size in bytes. */
  address: bigint;
  size: bigint;
}

export interface FDTProperty {
  /** Bytes that are not UTF-8 are lone surrogates U+DC80…U+DCFF. */
  name: string;
  value: Uint8Array;
  /** Where its token was read, from the start of the device tree; a tree that was made has none. */
  offset?: number;
}

export interface FDTNode {
  /** Without the path: `cpu@0`; empty for the root, in every version. */
  name: string;
  properties: FDTProperty[];
  children: FDTNode[];
  /** Where its token was read, from the start of the device tree; a tree that was made has none. */
  offset?: number;
}

/** A device tree, as far as it can be written down again. */
export interface FDTTree {
  /** 17 if left out. */
  version?: number;
  /** The oldest version whose readers understand this one; follows from `version` if left out. */
  lastCompVersion?: number;
  /** Physical id of the boot CPU; 0 if left out. Version 1 has none. */
  bootCpuid?: number;
  reservations?: FDTReservation[];
  root: FDTNode;
}

/** How libfdt compares names: the unit address may be left out of the one that is asked for. */
function nameMatches(name: string, wanted: string): boolean {
  return name === wanted || (!wanted.includes('@') && name.startsWith(`${wanted}@`));
}

/**
 * The node at a path, as `fdt_path_offset` finds it: `/chosen`, `/cpus/cpu@0`, `/memory` for `/memory@0`. A
 * path without a slash at its start begins with an alias of `/aliases`. Of several nodes it is the first.
 */
export function findNode(tree: { readonly root: FDTNode }, path: string): FDTNode | undefined {
  let node: FDTNode | undefined = tree.root;
  let rest = path;
  if (!path.startsWith('/')) {
    const end = path.indexOf('/');
    const aliases = findNode(tree, '/aliases');
    const alias = aliases && property(aliases, end < 0 ? path : path.slice(0, end));
    const target = alias && stringOf(alias);
    // One alias does not lead to another.
    if (target === undefined || !target.startsWith('/')) return undefined;
    node = findNode(tree, target);
    rest = end < 0 ? '' : path.slice(end);
  }
  for (const part of rest.split('/')) {
    if (part === '') continue;
    node = node?.children.find((child) => nameMatches(child.name, part));
    if (node === undefined) return undefined;
  }
  return node;
}

/** The first property of that name, which is the one that libfdt finds. */
export function property(node: FDTNode, name: string): FDTProperty | undefined {
  return node.properties.find((candidate) => candidate.name === name);
}

function viewOf(value: Uint8Array): DataView {
  return new DataView(value.buffer, value.byteOffset, value.byteLength);
}

/** A property of one big-endian cell; undefined if it is of another length. */
export function u32Of({ value }: FDTProperty): number | undefined {
  return value.length === 4 ? viewOf(value).getUint32(0) : undefined;
}
/** A property of two big-endian cells, or one `__be64`; undefined if it is of another length. */
export function u64Of({ value }: FDTProperty): bigint | undefined {
  return value.length === 8 ? viewOf(value).getBigUint64(0) : undefined;
}
/** A property as big-endian cells; undefined if its length is no multiple of 4. */
export function cellsOf({ value }: FDTProperty): number[] | undefined {
  if (value.length % 4 !== 0) return undefined;
  const view = viewOf(value);
  return Array.from({ length: value.length / 4 }, (_, i) => view.getUint32(4 * i));
}

/**
 * An unsigned integer that a kernel copied from its own memory, in its own byte order, as KHO's properties
 * are; undefined if the length is not 1, 2, 4 or 8 bytes.
 */
export function nativeOf({ value }: FDTProperty, endian: 'little' | 'big'): bigint | undefined {
  const little = endian === 'little';
  const view = viewOf(value);
  if (value.length === 1) return BigInt(view.getUint8(0));
  if (value.length === 2) return BigInt(view.getUint16(0, little));
  if (value.length === 4) return BigInt(view.getUint32(0, little));
  return value.length === 8 ? view.getBigUint64(0, little) : undefined;
}

/** The strings of a property, each ended by a NUL; undefined if the last is not. An empty one has none. */
export function stringListOf({ value }: FDTProperty): string[] | undefined {
  if (value.length === 0) return [];
  if (value[value.length - 1] !== 0) return undefined;
  const text = readText(viewOf(value), 0, value.length - 1);
  return text.split('\0');
}
/** A property that is one string with its NUL at the end; undefined if it is anything else. */
export function stringOf(found: FDTProperty): string | undefined {
  const list = stringListOf(found);
  return list?.length === 1 ? list[0] : undefined;
}
