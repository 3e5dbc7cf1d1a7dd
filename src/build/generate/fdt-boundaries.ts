/** Device trees at the edges of what their versions can say. */
import {
  type FDTNode,
  type FDTProperty,
  type FDTReservation,
  type FDTTree,
  writeFDT,
} from '../../formats/fdt/index.js';
import { assembled, begin, property, type Token } from './fdt-tokens.js';

export interface FDTBoundary {
  readonly name: string;
  readonly covers: string;
  readonly on?: (version: number) => boolean;
  readonly bytes: (version: number) => Uint8Array;
}

const bytes = (length: number, byte = 0xa5): Uint8Array => new Uint8Array(length).fill(byte);
const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`);
const valued = (name: string, value = text('okay')): FDTProperty => ({ name, value });
const node = (name: string, properties: FDTProperty[] = [], children: FDTNode[] = []): FDTNode => ({
  name,
  properties,
  children,
});

/** A tree in the layout of dtc. */
function tree(
  name: string,
  covers: string,
  root: (version: number) => FDTNode,
  more: Omit<FDTTree, 'root' | 'version'> = {},
): FDTBoundary {
  return { name, covers, bytes: (version) => writeFDT({ ...more, version, root: root(version) }) };
}

function nested(depth: number): FDTNode {
  let inner = node('n', [valued('x', bytes(0))]);
  for (let i = 2; i < depth; i++) inner = node('n', [], [inner]);
  return node('', [], depth > 1 ? [inner] : []);
}

/** The trees that layouts differ in: names that end in others, used again in the root and in children. */
const SHARED = (): FDTNode =>
  node(
    '',
    [valued('#size-cells', bytes(4, 0)), valued('compatible', text('carryover,fixture'))],
    [
      node('cpus', [valued('size-cells', bytes(4, 0))], [node('cpu@0', [valued('reg', bytes(4, 0))])]),
      node('memory@0', [valued('reg', bytes(16, 0)), valued('compatible')]),
    ],
  );

/** Inside of the root: dtc reads none before it, and libfdt none behind it. */
const NOPS = (version: number): Token[] => [
  begin(version, '/'),
  'nop',
  property('compatible', 'carryover,fixture'),
  'nop',
  'nop',
  property('model', 'fixture'),
  'nop',
  begin(version, '/chosen'),
  'nop',
  'end-node',
  'nop',
  'end-node',
  'end',
];
const PLAIN = (version: number): Token[] => [
  begin(version, '/'),
  property('compatible', 'carryover,fixture'),
  begin(version, '/chosen'),
  property('compatible', 'chosen'),
  'end-node',
  'end-node',
  'end',
];
const reservations = (count: number): FDTReservation[] =>
  Array.from({ length: count }, (_, i) => ({ address: BigInt(i) << 20n, size: 4096n }));

/** In their order, which stays: new ones come last. */
export const FDT_BOUNDARIES: readonly FDTBoundary[] = [
  tree('empty', 'a root node, and nothing else', () => node('')),
  tree('property', 'one property', () => node('', [valued('compatible')])),
  tree('node', 'one empty node in the root', () => node('', [], [node('chosen')])),
  tree('value-empty', 'a property of no bytes', () => node('', [valued('dma-coherent', bytes(0))])),
  tree('value-sizes', 'values of 1 to 17 bytes, behind each other', () =>
    node(
      '',
      Array.from({ length: 17 }, (_, i) => valued(`size-${i + 1}`, bytes(i + 1))),
    ),
  ),
  tree('value-64-kib', 'a value of 64 KiB and one byte more', () => node('', [valued('blob', bytes(65537))])),
  tree('value-tokens', 'a value that looks like tokens', () =>
    node('', [valued('blob', Uint8Array.of(0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 1, 0xd0, 0x0d, 0xfe, 0xed))]),
  ),
  tree('depth-64', 'nodes 64 deep, the most that Linux reads', () => nested(64)),
  {
    ...tree('depth-1024', 'nodes 1024 deep', () => nested(1024)),
    // Before version 16 every node has its full path, 1 MB in all.
    on: (version) => version >= 16,
  },
  tree('properties-1000', 'a node of 1000 properties', () =>
    node(
      '',
      Array.from({ length: 1000 }, (_, i) => valued(`property-${i}`, bytes(4, 0))),
    ),
  ),
  tree('nodes-1000', '1000 nodes beside each other', () =>
    node(
      '',
      [],
      Array.from({ length: 1000 }, (_, i) => node(`node@${i.toString(16)}`, [valued('reg', bytes(4, 0))])),
    ),
  ),
  tree('names-shortest', 'names of one character', () => node('', [valued('x')], [node('y', [valued('z')])])),
  tree('names-31', 'names of 31 characters, the longest that the specification has', () =>
    node('', [valued('p'.repeat(31))], [node('n'.repeat(31))]),
  ),
  tree('names-255', 'names of 255 characters', () =>
    node('', [valued('p'.repeat(255))], [node('n'.repeat(255))]),
  ),
  tree('names-characters', 'all characters that names can have', () =>
    node('', [valued('aZ09,._+?#-')], [node('aZ09,._+-@0,1')]),
  ),
  tree('names-equal', 'a node named as one of its properties, and as its parent', () =>
    node('', [valued('cpus')], [node('cpus', [], [node('cpus')])]),
  ),
  tree('reservation', 'one memory reservation', () => node(''), { reservations: reservations(1) }),
  tree('reservations-64', '64 memory reservations', () => node(''), { reservations: reservations(64) }),
  tree('reservation-largest', 'the largest address and size that a reservation can have', () => node(''), {
    reservations: [{ address: 2n ** 64n - 1n, size: 2n ** 64n - 1n }],
  }),
  {
    name: 'reservation-slots',
    covers: 'empty entries behind the one that ends the reservations',
    bytes: (version) =>
      writeFDT({ version, root: node(''), reservations: reservations(1) }, { reserveSlots: 3 }),
  },
  {
    name: 'padding',
    covers: 'free space at the end',
    bytes: (version) => writeFDT({ version, root: SHARED() }, { padding: 64 }),
  },
  {
    name: 'layout-dtc',
    covers: 'names in the order of their first use, as dtc writes them',
    bytes: (version) => writeFDT({ version, root: SHARED() }, { layout: 'dtc' }),
  },
  {
    name: 'layout-sequential',
    covers: 'names in reverse order, as a sequential write leaves them',
    bytes: (version) => writeFDT({ version, root: SHARED() }, { layout: 'sequential' }),
  },
  {
    name: 'layout-read-write',
    covers: 'names as they are added node by node',
    bytes: (version) => writeFDT({ version, root: SHARED() }, { layout: 'read-write' }),
  },
  {
    name: 'strings-unshared',
    covers: 'a name that stands in the strings as often as it is used',
    bytes: (version) => assembled({ version, tokens: PLAIN(version), unshared: true }),
  },
  {
    name: 'strings-first',
    covers: 'strings before the reservations, and those before the structure',
    bytes: (version) =>
      assembled({ version, tokens: PLAIN(version), order: ['strings', 'reservations', 'structure'] }),
  },
  {
    name: 'reservations-last',
    covers: 'the structure first, and the reservations at the end',
    bytes: (version) =>
      assembled({ version, tokens: PLAIN(version), order: ['structure', 'strings', 'reservations'] }),
  },
  {
    name: 'nops',
    covers: 'NOPs wherever one can stand in the root',
    bytes: (version) => assembled({ version, tokens: NOPS(version) }),
  },
  {
    name: 'structure-slack',
    covers: 'a structure block that goes on behind its end',
    on: (version) => version >= 17,
    bytes: (version) => assembled({ version, tokens: PLAIN(version), slack: 16 }),
  },
  {
    name: 'boot-cpu',
    covers: 'the largest number of a boot CPU',
    on: (version) => version >= 2,
    bytes: (version) => writeFDT({ version, bootCpuid: 0xffffffff, root: node('') }),
  },
  {
    name: 'name-properties',
    covers: 'the property "name" that nodes of old versions have',
    on: (version) => version < 16,
    bytes: (version) => writeFDT({ version, root: SHARED() }, { nameProperties: true }),
  },
  {
    name: 'compatible-with-itself',
    covers: 'a version that says only readers of itself could read it',
    bytes: (version) => writeFDT({ version, lastCompVersion: version, root: SHARED() }),
  },
];
