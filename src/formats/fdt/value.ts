/**
 * A device tree as the value of a format: plain data that survives JSON, duplicates and odd layouts, and that
 * says itself how it was laid out. Bytes may be hex and 64-bit integers text, as JSON has them.
 */
import { CarryoverError, fromHex } from '../../codec/index.js';
import type { PathPart } from '../format.js';
import type { ParseOptions } from './options.js';
import { type FDT, parseFDT } from './parse.js';
import type { FDTNode, FDTProperty, FDTReservation, FDTTree } from './tree.js';
import { FDT_LAYOUTS, type FDTLayout, sameBytes, writeFDT, writeOver } from './write.js';

export interface FDTNodeValue {
  name: string;
  properties: { name: string; value: Uint8Array }[];
  nodes: FDTNodeValue[];
}

export interface FDTValue {
  version: number;
  last_comp_version: number;
  boot_cpuid_phys: number;
  /** How the bytes follow from the rest of the value; `image` if only by changing those that were read. */
  layout: FDTLayout | 'image';
  /** Bytes of zeros after the strings, which the total size includes. */
  padding?: number;
  /** The bytes that were read, where no layout gives them. */
  image?: Uint8Array;
  /** The version as which the image was read, if its header was not believed. */
  read_as?: number;
  reservations: FDTReservation[];
  root: FDTNodeValue;
  /** What followed after the total size. */
  trailing?: Uint8Array;
}

/** The value of the bytes, all of them. */
export function readValue(bytes: Uint8Array, options: ParseOptions): FDTValue {
  const fdt = parseFDT(bytes, options);
  const image = writeFDT(fdt);
  const header =
    bytes.length >= 24 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(20) : fdt.version;
  return {
    version: header,
    last_comp_version: fdt.lastCompVersion,
    boot_cpuid_phys: fdt.bootCpuid,
    ...layoutOf(fdt, image, header),
    reservations: fdt.reservations,
    root: nodeValue(fdt.root),
    ...(bytes.length > image.length ? { trailing: bytes.slice(image.length) } : {}),
  };
}

function layoutOf(
  fdt: FDT,
  image: Uint8Array,
  version: number,
): Pick<FDTValue, 'layout' | 'padding' | 'image' | 'read_as'> {
  if (fdt.version === version && !fdt.problems.some(({ code }) => code === 'fdt-truncated'))
    for (const layout of FDT_LAYOUTS) {
      const bytes = tryWrite(fdt, layout);
      if (bytes === undefined || bytes.length > image.length) continue;
      const padding = image.length - bytes.length;
      if (!sameBytes(writeFDT(fdt, { layout, padding }), image)) continue;
      return padding === 0 ? { layout } : { layout, padding };
    }
  return { layout: 'image', image, ...(fdt.version === version ? {} : { read_as: fdt.version }) };
}

function tryWrite(fdt: FDT, layout: FDTLayout): Uint8Array | undefined {
  try {
    return writeFDT(fdt, { layout });
  } catch (error) {
    if (error instanceof CarryoverError) return undefined;
    throw error;
  }
}

function nodeValue(root: FDTNode): FDTNodeValue {
  const make = (node: FDTNode): FDTNodeValue => ({
    name: node.name,
    properties: node.properties.map(({ name, value }) => ({ name, value })),
    nodes: [],
  });
  const value = make(root);
  const stack: [FDTNode, FDTNodeValue][] = [[root, value]];
  for (let pair = stack.pop(); pair !== undefined; pair = stack.pop()) {
    const [node, target] = pair;
    for (const child of node.children) {
      const made = make(child);
      target.nodes.push(made);
      stack.push([child, made]);
    }
  }
  return value;
}

/** The bytes of a value. */
export function writeValue(value: unknown): Uint8Array {
  const fields = objectAt(value, []);
  const version = intAt(fields, 'version');
  const tree: FDTTree = {
    version,
    lastCompVersion: intAt(fields, 'last_comp_version'),
    bootCpuid: intAt(fields, 'boot_cpuid_phys'),
    reservations: listAt(fields.reservations, ['reservations']).map((entry, i) => {
      const path = ['reservations', i];
      const { address, size } = objectAt(entry, path);
      return { address: u64At(address, [...path, 'address']), size: u64At(size, [...path, 'size']) };
    }),
    root: treeOf(fields.root),
  };
  const trailing = fields.trailing === undefined ? undefined : bytesAt(fields.trailing, ['trailing']);
  const bytes = fields.layout === 'image' ? overImage(tree, fields) : writeLaidOut(tree, fields);
  if (trailing === undefined) return bytes;
  const all = new Uint8Array(bytes.length + trailing.length);
  all.set(bytes);
  all.set(trailing, bytes.length);
  return all;
}

function writeLaidOut(tree: FDTTree, fields: Record<string, unknown>): Uint8Array {
  const layout = FDT_LAYOUTS.find((name) => name === fields.layout);
  if (layout === undefined)
    wrong(['layout'], `one of ${[...FDT_LAYOUTS, 'image'].join(', ')}`, String(fields.layout));
  const padding = fields.padding === undefined ? 0 : intAt(fields, 'padding');
  return writeFDT(tree, { layout, padding });
}

function overImage(tree: FDTTree, fields: Record<string, unknown>): Uint8Array {
  const image = bytesAt(fields.image, ['image']);
  const readAs = fields.read_as === undefined ? undefined : intAt(fields, 'read_as');
  const header =
    image.length >= 24 ? new DataView(image.buffer, image.byteOffset).getUint32(20) : tree.version;
  // Another version than that of the image is laid out anew.
  if (tree.version !== header) return writeFDT(tree);
  const version = readAs ?? tree.version ?? 17;
  return writeOver({ ...tree, version }, { image, options: { lenient: true, version } });
}

function treeOf(value: unknown): FDTNode {
  const make = (from: unknown, path: readonly PathPart[]): [FDTNode, readonly unknown[]] => {
    const { name, properties, nodes } = objectAt(from, path);
    return [
      {
        name: textAt(name, [...path, 'name']),
        properties: listAt(properties, [...path, 'properties']).map((found, i): FDTProperty => {
          const at = [...path, 'properties', i];
          const fields = objectAt(found, at);
          return {
            name: textAt(fields.name, [...at, 'name']),
            value: bytesAt(fields.value, [...at, 'value']),
          };
        }),
        children: [],
      },
      listAt(nodes, [...path, 'nodes']),
    ];
  };
  const [root, nodes] = make(value, ['root']);
  const stack: { node: FDTNode; nodes: readonly unknown[]; path: readonly PathPart[] }[] = [
    { node: root, nodes, path: ['root'] },
  ];
  for (let top = stack.pop(); top !== undefined; top = stack.pop())
    for (const [i, child] of top.nodes.entries()) {
      const path = [...top.path, 'nodes', i];
      const [node, inner] = make(child, path);
      top.node.children.push(node);
      if (inner.length > 0) stack.push({ node, nodes: inner, path });
    }
  return root;
}

function wrong(path: readonly PathPart[], expected: string, found: string): never {
  throw new CarryoverError('value-type', 'this has no place in a device tree', { path, expected, found });
}
function objectAt(value: unknown, path: readonly PathPart[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return wrong(path, 'an object', typeof value);
  // An object that is no array: its fields are looked at one by one.
  return value as Record<string, unknown>;
}
function listAt(value: unknown, path: readonly PathPart[]): readonly unknown[] {
  return Array.isArray(value) ? value : wrong(path, 'an array', typeof value);
}
function textAt(value: unknown, path: readonly PathPart[]): string {
  return typeof value === 'string' ? value : wrong(path, 'text', typeof value);
}
function bytesAt(value: unknown, path: readonly PathPart[]): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const bytes = typeof value === 'string' ? fromHex(value) : undefined;
  return bytes ?? wrong(path, 'bytes, or their hex digits', String(value).slice(0, 64));
}
function intAt(fields: Record<string, unknown>, name: string): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return value;
  return wrong([name], 'an integer of 32 bits', String(value));
}
function u64At(value: unknown, path: readonly PathPart[]): bigint {
  const text = typeof value === 'bigint' || typeof value === 'string' || Number.isSafeInteger(value);
  if (text && /^(0x[0-9a-fA-F]{1,16}|\d{1,20})$/.test(String(value))) {
    const number = BigInt(String(value));
    if (number < 1n << 64n) return number;
  }
  return wrong(path, 'an integer of 64 bits', String(value));
}
