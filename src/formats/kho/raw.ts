/** What can be said of a blob that nobody knows. */
import { readText } from '../../codec/text.js';
import { FDT_MAGIC, type FDTNode, parseFDT, property, stringOf } from '../fdt/index.js';
import type { Blob } from './extension.js';

export interface RawTree {
  readonly compatible?: string;
  /** Bytes by the names of properties. */
  readonly properties: Readonly<Record<string, Uint8Array>>;
  readonly nodes: Readonly<Record<string, RawTree>>;
}
export interface RawBlob {
  readonly unknown: true;
  readonly address: bigint;
  readonly size: number;
  /** What the bytes look like. */
  readonly looks: 'device tree' | 'text' | 'bytes';
  readonly tree?: RawTree;
  readonly text?: string;
  /** The first bytes, at most 256. */
  readonly head: Uint8Array;
}

const HEAD = 256;
const MAX_DEPTH = 32;

export function rawBlob({ address, bytes }: Blob): RawBlob {
  const head = bytes.slice(0, HEAD);
  const base = { unknown: true, address, size: bytes.length, head } as const;
  if (isTree(bytes))
    return {
      ...base,
      looks: 'device tree',
      tree: treeOf(parseFDT(bytes, { lenient: true, maxDepth: MAX_DEPTH }).root),
    };
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  const isText =
    end > 0 &&
    bytes.subarray(0, end).every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 9 || byte === 10);
  if (!isText) return { ...base, looks: 'bytes' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { ...base, looks: 'text', text: readText(view, 0, Math.min(end, HEAD)) };
}

export function isTree(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === FDT_MAGIC;
}

function treeOf(node: FDTNode): RawTree {
  const compatible = property(node, 'compatible');
  const text = compatible && stringOf(compatible);
  return {
    ...(text === undefined ? {} : { compatible: text }),
    properties: Object.fromEntries(node.properties.map(({ name, value }) => [name, value])),
    nodes: Object.fromEntries(node.children.map((child) => [child.name, treeOf(child)])),
  };
}
