/**
 * Builds the memory of a handover of any generation and page size, byte by byte from the layouts as they are
 * documented. It uses nothing of the decoders, so that the two are independent readings of the same facts.
 */
import { bytesSource, type Image, openImage, writeElfCore } from '../../../src/memory/index.js';

const PAGE = 4096;

/** Physical memory, written in pieces of 4 KiB. */
export class Memory {
  readonly pages = new Map<number, Uint8Array>();

  private page(address: number): Uint8Array {
    const index = Math.floor(address / PAGE);
    let page = this.pages.get(index);
    if (page === undefined) {
      page = new Uint8Array(PAGE);
      this.pages.set(index, page);
    }
    return page;
  }
  bytes(address: number, bytes: Uint8Array | string): void {
    const all = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    for (let done = 0; done < all.length; ) {
      const at = (address + done) % PAGE;
      const part = all.subarray(done, done + PAGE - at);
      this.page(address + done).set(part, at);
      done += part.length;
    }
  }
  /** Little-endian, `size` bytes. */
  word(address: number, value: number | bigint, size: number): void {
    let rest = BigInt(value);
    for (let i = 0; i < size; i++) {
      this.page(address + i)[(address + i) % PAGE] = Number(rest & 0xffn);
      rest >>= 8n;
    }
  }
  u64(address: number, value: number | bigint): void {
    this.word(address, value, 8);
  }
  u32(address: number, value: number): void {
    this.word(address, value, 4);
  }
  u16(address: number, value: number): void {
    this.word(address, value, 2);
  }
  bit(address: number, bit: number): void {
    const at = address + Math.floor(bit / 8);
    const page = this.page(at);
    page[at % PAGE] = (page[at % PAGE] ?? 0) | (1 << (bit % 8));
  }
  /** Makes sure that memory is there, zeroed. */
  touch(address: number, length: number): void {
    for (let at = address; at < address + length; at += PAGE) this.page(at);
  }

  image(elfMachine: 62 | 183): Image {
    const segments = [...this.pages]
      .sort(([a], [b]) => a - b)
      .map(([index, bytes]) => ({ address: BigInt(index * PAGE), bytes }));
    const parts = [...writeElfCore({ endian: 'little', bits: 64, elfMachine, segments })];
    return openImage(bytesSource(new Uint8Array(Buffer.concat(parts))));
  }
}

interface Node {
  readonly name: string;
  readonly properties: readonly (readonly [string, Uint8Array])[];
  readonly children: readonly Node[];
}

/** A flattened device tree as sequential writing lays it out. */
export function fdt(root: Node, edited = false): Uint8Array {
  const struct: number[] = [];
  const strings: number[] = [];
  const places = new Map<string, number>();
  const be = (value: number): number[] => [
    value >>> 24,
    (value >>> 16) & 255,
    (value >>> 8) & 255,
    value & 255,
  ];
  const pad = (list: number[]): void => {
    while (list.length % 4 !== 0) list.push(0);
  };
  const node = ({ name, properties, children }: Node): void => {
    struct.push(...be(1), ...Buffer.from(`${name}\0`));
    pad(struct);
    for (const [key, value] of properties) {
      let place = places.get(key);
      if (place === undefined) {
        place = strings.length;
        places.set(key, place);
        strings.push(...Buffer.from(`${key}\0`));
      }
      struct.push(...be(3), ...be(value.length), ...be(place), ...value);
      pad(struct);
    }
    for (const child of children) node(child);
    struct.push(...be(2));
  };
  node(root);
  struct.push(...be(9));
  // A tree that was edited with the read-write functions has no gap before its reserve map.
  const reserve = edited ? 0x28 : 0x30;
  const at = reserve + 16;
  const total = at + struct.length + strings.length;
  const header = [
    0xd00dfeed,
    total,
    at,
    at + struct.length,
    reserve,
    17,
    16,
    0,
    strings.length,
    struct.length,
  ];
  const out = new Uint8Array(total);
  out.set(header.flatMap(be), 0);
  out.set(struct, at);
  out.set(strings, at + struct.length);
  return out;
}
export function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(`${value}\0`, 'latin1'));
}
export function native(value: number | bigint, size = 8): Uint8Array {
  const out = new Uint8Array(size);
  let rest = BigInt(value);
  for (let i = 0; i < size; i++) {
    out[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return out;
}

export interface FileSpec {
  readonly token: bigint;
  readonly size: number;
  readonly pos?: number;
  readonly seals?: number;
  /** Folios in the order of the file: page index, order, flags; their memory is filled with `fill`. */
  readonly folios: readonly {
    readonly index: number;
    readonly order: number;
    readonly flags?: number;
    readonly fill: string;
  }[];
  readonly compatible?: string;
}
export interface SessionSpec {
  readonly name: string;
  readonly files: readonly FileSpec[];
}
export interface Spec {
  readonly pageSize: number;
  readonly kho: 'v1a' | 'v1b' | 'v2' | 'v2-first' | 'v3' | 'v4';
  readonly luo?: 'v1-6.19' | 'v1' | 'v2' | 'v3' | 'v4' | 'v5';
  readonly memfd?: 1 | 2;
  readonly sessions?: readonly SessionSpec[];
  readonly flbs?: readonly { readonly name: string; readonly data: bigint; readonly count: number }[];
  /** More blocks to preserve: page frame and order. */
  readonly blocks?: readonly (readonly [number, number])[];
  /** More nodes of the root. */
  readonly nodes?: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly liveupdate?: number;
}

export interface Built {
  readonly memory: Memory;
  readonly image: Image;
  readonly root: number;
  readonly map: number;
  /** Where things were put, by name: `memfd 0x1001`, `session page`, `FLBs`. */
  readonly places: ReadonlyMap<string, number>;
  /** Page frame and order of all that was preserved. */
  readonly blocks: readonly (readonly [number, number])[];
}

export function build(spec: Spec): Built {
  const memory = new Memory();
  const places = new Map<string, number>();
  const { pageSize } = spec;
  const blocks: (readonly [number, number])[] = [];
  let next = 64;
  const allocate = (order: number, preserve: boolean, touch = true): number => {
    next = Math.ceil(next / 2 ** order) * 2 ** order;
    const pfn = next;
    next += 2 ** order;
    if (preserve) blocks.push([pfn, order]);
    if (touch) memory.touch(pfn * pageSize, pageSize * 2 ** order);
    return pfn * pageSize;
  };

  const vmalloc = (pages: readonly number[], at: number): void => {
    const capacity = pageSize / 8 - 1;
    const first = pages.length === 0 ? 0 : allocate(0, true);
    let chunk = first;
    for (const [i, page] of pages.entries()) {
      memory.u64(chunk + 8 + (i % capacity) * 8, page);
      if (i % capacity === capacity - 1) {
        const successor = allocate(0, true);
        memory.u64(chunk, successor);
        chunk = successor;
      }
    }
    memory.u64(at, first);
    memory.u32(at + 8, pages.length);
    memory.u16(at + 12, pages.length === 0 ? 0 : 1);
    memory.u16(at + 14, 0);
  };
  const memfd = (file: FileSpec): number => {
    const ser = allocate(0, true);
    places.set(`memfd ${file.token}`, ser);
    const version = spec.memfd ?? 2;
    memory.u64(ser, file.pos ?? 0);
    memory.u64(ser + 8, file.size);
    if (version === 2) memory.u32(ser + 16, file.seals ?? 1);
    const count = version === 2 ? ser + 24 : ser + 16;
    memory.u64(count, file.folios.length);
    const pages = Array.from({ length: Math.ceil((file.folios.length * 16) / pageSize) }, () =>
      allocate(0, true),
    );
    vmalloc(pages, count + 8);
    if (pages[0] !== undefined) places.set(`array ${file.token}`, pages[0]);
    for (const [i, { index, order, flags = 3, fill }] of file.folios.entries()) {
      // A folio without content is left out of the dump.
      const folio = allocate(order, true, fill !== '');
      memory.bytes(folio, fill);
      const entry = (pages[Math.floor((i * 16) / pageSize)] ?? 0) + ((i * 16) % pageSize);
      memory.u64(entry, (BigInt(flags) << 52n) | BigInt(folio / pageSize));
      memory.u64(entry + 8, index);
    }
    return ser;
  };
  /** Pages of linked blocks; gives the first one, and where each entry goes. */
  const chain = (count: number, size: number): { first: number; entries: number[] } => {
    const capacity = Math.floor((pageSize - 16) / size);
    const entries: number[] = [];
    let first = 0;
    let block = 0;
    for (let i = 0; i < count; i++) {
      if (i % capacity === 0) {
        const page = allocate(0, true);
        if (block !== 0) memory.u64(block, page);
        else first = page;
        block = page;
        memory.u64(block + 8, Math.min(capacity, count - i));
      }
      entries.push(block + 16 + (i % capacity) * size);
    }
    return { first, entries };
  };
  const pages = (
    order: number,
    header: number,
    count: number,
    size: number,
  ): { first: number; entries: number[] } => {
    const first = allocate(order, true);
    return { first, entries: Array.from({ length: count }, (_, i) => first + header + i * size) };
  };

  const nodes: { name: string; bytes: Uint8Array }[] = [...(spec.nodes ?? [])];
  if (spec.luo !== undefined) {
    const version = Number(spec.luo[1]);
    const sessions = spec.sessions ?? [];
    const list = version >= 4 ? chain(sessions.length, 80) : pages(4, 8, sessions.length, 80);
    if (version < 4) memory.u64(list.first, sessions.length);
    places.set('sessions', list.first);
    for (const [i, { name, files }] of sessions.entries()) {
      const at = list.entries[i] ?? 0;
      memory.bytes(at, name);
      memory.u64(at + 72, files.length);
      if (files.length === 0) continue;
      const set = version >= 5 ? chain(files.length, 64) : pages(1, 0, files.length, 64);
      memory.u64(at + 64, set.first);
      places.set(`files ${name}`, set.first);
      for (const [j, file] of files.entries()) {
        const entry = set.entries[j] ?? 0;
        memory.bytes(entry, file.compatible ?? `memfd-v${spec.memfd ?? 2}`);
        memory.u64(entry + 48, memfd(file));
        memory.u64(entry + 56, file.token);
      }
    }
    let flbs = 0;
    if (spec.luo !== 'v1-6.19') {
      flbs = allocate(0, true);
      places.set('FLBs', flbs);
      memory.u64(flbs, 1);
      memory.u64(flbs + 8, spec.flbs?.length ?? 0);
      for (const [i, { name, data, count }] of (spec.flbs ?? []).entries()) {
        const at = flbs + 16 + 64 * i;
        memory.bytes(at, name);
        memory.u64(at + 48, data);
        memory.u64(at + 56, count);
      }
    }
    const number = spec.liveupdate ?? 1;
    if (version === 1) {
      const children: Node[] = [
        {
          name: 'luo-session',
          properties: [
            ['compatible', text('luo-session-v2')],
            ['luo-session-header', native(list.first)],
          ],
          children: [],
        },
      ];
      if (spec.luo === 'v1')
        children.push({
          name: 'luo-flb',
          properties: [
            ['compatible', text('luo-flb-v1')],
            ['luo-flb-header', native(flbs)],
          ],
          children: [],
        });
      nodes.push({
        name: 'LUO',
        bytes: fdt({
          name: '',
          properties: [
            ['compatible', text('luo-v1')],
            ['liveupdate-number', native(number)],
          ],
          children,
        }),
      });
    } else if (version === 2) {
      const ser = allocate(0, true);
      memory.u64(ser, number);
      memory.u64(ser + 8, list.first);
      memory.u64(ser + 16, flbs);
      nodes.push({
        name: 'LUO',
        bytes: fdt({
          name: '',
          properties: [
            ['compatible', text('luo-v2')],
            ['luo-abi-header', native(ser)],
          ],
          children: [],
        }),
      });
    } else {
      const bytes = new Uint8Array(32);
      bytes.set(Buffer.from(`luo-${spec.luo}`));
      bytes.set(native(number), 8);
      bytes.set(native(list.first), 16);
      bytes.set(native(flbs), 24);
      nodes.push({ name: 'LUO', bytes });
    }
  }

  const old = spec.kho.startsWith('v1');
  const sized = spec.kho === 'v3' || spec.kho === 'v4';
  const children = nodes.map(({ name, bytes }): Node => {
    const at = allocate(0, true);
    memory.bytes(at, bytes);
    places.set(`blob ${name}`, at);
    return {
      name,
      properties: [
        ...(sized ? ([['blob-size', native(bytes.length)]] as const) : []),
        [old ? 'fdt' : 'preserved-data', native(at)] as const,
      ],
      children: [],
    };
  });
  const root = allocate(0, true);
  const all = [...blocks, ...(spec.blocks ?? [])];
  const map = old
    ? bitmaps(memory, spec, all, () => allocate(0, false))
    : radix(memory, spec, all, () => allocate(0, false));
  memory.bytes(
    root,
    fdt(
      {
        name: '',
        properties: [
          ['preserved-memory-map', native(map)],
          ['compatible', text(old ? 'kho-v1' : `kho-${spec.kho.slice(0, 2)}`)],
        ],
        children,
      },
      spec.luo !== undefined,
    ),
  );
  return { memory, image: memory.image(pageSize === 4096 ? 62 : 183), root, map, places, blocks: all };
}

/** kho-v1: chunks by order, each with pointers to bitmaps by address. */
function bitmaps(
  memory: Memory,
  { kho, pageSize }: Spec,
  blocks: readonly (readonly [number, number])[],
  page: () => number,
): number {
  const bits = kho === 'v1a' ? 4096 : pageSize * 8;
  const chunks: number[] = [];
  let small = 0;
  let smallLeft = 0;
  const bitmap = (): number => {
    if (kho === 'v1b') return page();
    if (smallLeft === 0) {
      small = page();
      smallLeft = pageSize / 512;
    }
    smallLeft--;
    return small + smallLeft * 512;
  };
  for (const order of [...new Set(blocks.map(([, o]) => o))].sort((a, b) => a - b)) {
    const groups = new Map<number, number[]>();
    for (const [pfn, o] of blocks) {
      if (o !== order) continue;
      const bit = pfn / 2 ** order;
      const group = Math.floor(bit / bits);
      groups.set(group, [...(groups.get(group) ?? []), bit % bits]);
    }
    const sorted = [...groups].sort(([a], [b]) => a - b);
    const capacity = (pageSize - 16) / 16;
    for (let from = 0; from < sorted.length; from += capacity) {
      const chunk = page();
      chunks.push(chunk);
      const part = sorted.slice(from, from + capacity);
      memory.u32(chunk + 8, order);
      memory.u32(chunk + 12, part.length);
      for (const [i, [group, set]] of part.entries()) {
        const at = bitmap();
        for (const bit of set) memory.bit(at, bit);
        memory.u64(chunk + 16 + 16 * i, group * bits * 2 ** order * pageSize);
        memory.u64(chunk + 24 + 16 * i, at);
      }
    }
  }
  for (const [i, chunk] of chunks.entries()) memory.u64(chunk, chunks[i + 1] ?? 0);
  return chunks[0] ?? 0;
}

/** kho-v2 and later: depth and slots for each page size, written out as a table. */
const TREES: Readonly<Record<number, { levels: number; orderBit: bigint; node: bigint; leaf: bigint }>> = {
  4096: { levels: 6, orderBit: 52n, node: 9n, leaf: 15n },
  16384: { levels: 5, orderBit: 50n, node: 11n, leaf: 17n },
  65536: { levels: 4, orderBit: 48n, node: 13n, leaf: 19n },
};
function radix(
  memory: Memory,
  { kho, pageSize }: Spec,
  blocks: readonly (readonly [number, number])[],
  page: () => number,
): number {
  const shape = TREES[pageSize];
  if (shape === undefined) throw new Error(`no tree for pages of ${pageSize}`);
  // As first committed, the tree of 16 KiB pages has a level less.
  const levels = kho === 'v2-first' && pageSize === 16384 ? 4 : shape.levels;
  const root = page();
  const below = new Map<string, number>();
  for (const [pfn, order] of blocks) {
    const key = (1n << (shape.orderBit - BigInt(order))) | (BigInt(pfn) >> BigInt(order));
    let table = root;
    let path = '';
    for (let level = levels - 1; level >= 1; level--) {
      const shift = BigInt(level - 1) * shape.node + shape.leaf;
      const slot = Number((key >> shift) & ((1n << shape.node) - 1n));
      path += `/${slot}`;
      let child = below.get(path);
      if (child === undefined) {
        child = page();
        below.set(path, child);
        memory.u64(table + 8 * slot, child);
      }
      table = child;
    }
    memory.bit(table, Number(key & ((1n << shape.leaf) - 1n)));
  }
  return root;
}
