/**
 * Properties of the device trees in a dump. Their integers are in the kernel's own byte order. A value may
 * change its length only as far as the padding behind it allows, because everything behind would have to move.
 */
import { bytes as bytesSchema, hex, type JSONValue, planOf, u8, u16, u32, u64 } from '../../codec/index.js';
import {
  FDT_MAGIC,
  type FDTNode,
  type FDTProperty,
  parseFDT,
  stringListOf,
} from '../../formats/fdt/index.js';
import type { HandoverState } from '../../state/index.js';
import { impossible } from './errors.js';
import { bytesOf, type Extent, type Field, planField } from './field.js';

/** Bytes of a property's token before its value: the token, the length, the offset of the name. */
const TOKEN_SIZE = 12;
/** Trees that are larger are none of a handover's. */
const MAX_TREE = 16 << 20;

/** Properties that the value of a handover shows under another path than that in the tree. */
const ALIASES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  LUO: { liveupdate_num: 'liveupdate-number' },
  kho_test: { nr_folios: 'data.nr_folios', csum: 'data.csum' },
};
/** Properties that are integers, also where their bytes would do for a text. */
const INTEGERS = new Set([
  'preserved-memory-map',
  'preserved-data',
  'blob-size',
  'fdt',
  'start',
  'size',
  'liveupdate-number',
  'luo-session-header',
  'luo-flb-header',
  'luo-abi-header',
  'magic',
  'nr_folios',
  'csum',
]);

/** The property at a path such as `fdt.compatible` or `entries.memblock.REGION.start`; undefined if it is none. */
export function treeField(state: HandoverState, path: string): Field | undefined {
  const memory = state.memory;
  if (memory === undefined) return undefined;
  const { root } = memory.handover;
  if (path.startsWith('fdt.')) return fieldIn(state, root.address, path.slice('fdt.'.length), path);
  const keys = new Set<string>();
  for (const { name, data } of root.nodes) {
    let key = name;
    while (keys.has(key)) key += '+';
    keys.add(key);
    const own = `entries.${key}.`;
    if (data === undefined || !path.startsWith(own)) continue;
    const rest = path.slice(own.length);
    const field = fieldIn(state, data, ALIASES[name]?.[rest] ?? rest, path);
    if (field !== undefined) return field;
  }
  return undefined;
}

/** The property of a tree at an address whose bytes a path leads to. */
export function propertyAt(
  state: HandoverState,
  address: bigint,
  path: string,
): { readonly property: FDTProperty; readonly value: Extent } | undefined {
  const tree = treeAt(state, address);
  const property = tree && find(tree, path);
  if (property?.offset === undefined) return undefined;
  return {
    property,
    value: { address: address + BigInt(property.offset + TOKEN_SIZE), size: property.value.length },
  };
}

function treeAt(state: HandoverState, address: bigint): FDTNode | undefined {
  const image = state.memory?.image;
  const head = image?.readSome(address, 8).bytes;
  if (image === undefined || head === undefined) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  if (view.getUint32(0) !== FDT_MAGIC) return undefined;
  const size = Math.min(view.getUint32(4), MAX_TREE);
  return parseFDT(image.readSome(address, size).bytes, { lenient: true }).root;
}

/** Names may hold dots: a property is what is left as a whole, else the longest name of a child leads on. */
function find(node: FDTNode, path: string): FDTProperty | undefined {
  const plain = path.replace(/^(?:tree|properties|nodes)\./, '');
  const own = node.properties.find(({ name }) => name === path || name === plain);
  if (own !== undefined) return own;
  const ways = [...new Set([path, plain])].flatMap((text) =>
    node.children.flatMap((child) => {
      const label = child.name === 'compatible' ? '+compatible' : child.name;
      return text.startsWith(`${label}.`) ? [{ child, rest: text.slice(label.length + 1) }] : [];
    }),
  );
  ways.sort((a, b) => a.rest.length - b.rest.length);
  for (const { child, rest } of ways) {
    const found = find(child, rest);
    if (found !== undefined) return found;
  }
  // `tree.nodes.x` has two words before the name.
  return plain === path ? undefined : find(node, plain);
}

function fieldIn(state: HandoverState, address: bigint, rest: string, path: string): Field | undefined {
  const found = propertyAt(state, address, rest);
  if (found === undefined) return undefined;
  const { property, value } = found;
  const isInteger = INTEGERS.has(property.name) || stringListOf(property) === undefined;
  const schema = isInteger ? integerSchema(value.size, property.name) : undefined;
  if (schema !== undefined) return planField(path, planOf(schema, state.abi), value.address);
  if (stringListOf(property) !== undefined) return textField(path, value);
  return planField(path, planOf(bytesSchema(value.size)), value.address);
}

function integerSchema(size: number, name: string) {
  const inHex = /data|start|map|header|magic|^fdt$/.test(name);
  if (size === 8) return inHex ? hex(u64) : u64;
  if (size === 4) return inHex ? hex(u32) : u32;
  if (size === 2) return u16;
  return size === 1 ? u8 : undefined;
}

/** A text, or several with a NUL between them. The length stands 8 bytes before it, big-endian. */
function textField(path: string, value: Extent): Field {
  const length: Extent = { address: value.address - 8n, size: 4 };
  const read = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes.subarray(0, -1));
  return {
    path,
    type: 'string',
    extents: [value],
    bits: undefined,
    text: (memory) => JSON.stringify(read(bytesOf(memory, value, path))),
    set: (memory, given: JSONValue, { keepDerived }) => {
      if (typeof given !== 'string') throw impossible(`${path} takes a text`);
      const bytes = new TextEncoder().encode(`${given}\0`);
      const room = padded(value.size);
      if (padded(bytes.length) !== room)
        throw impossible(
          `${path} has room for ${room - 4} to ${room - 1} characters in its device tree, and ${JSON.stringify(given)} has ${bytes.length - 1}: what follows would have to move; carryover build lays a tree out anew`,
        );
      const whole = new Uint8Array(room);
      whole.set(bytes);
      memory.write(value.address, whole, path);
      if (keepDerived) return;
      const size = new Uint8Array(4);
      new DataView(size.buffer).setUint32(0, bytes.length);
      memory.write(length.address, size, path);
    },
  };
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}
