/** The memory of a built handover, opened so that single things in it can be made wrong. */
import { textBytes } from '../../codec/text.js';
import { type FDTNode, type FDTProperty, parseFDT, writeFDT } from '../../formats/fdt/index.js';
import { type Handover, openHandover, radixShape } from '../../formats/kho/index.js';
import {
  bytesSource,
  type Image,
  type MemoryContents,
  type MemorySegment,
  openImage,
  writeMemory,
} from '../../memory/index.js';
import { contentSize, readContent } from '../../memory/segments.js';
import { type BuiltHandover, contentsOfBuilt } from '../handover/build.js';

/** The memory as an image, as if it had been written to a file. */
export function imageOf(memory: MemoryContents): Image {
  return openImage(bytesSource(joined([...writeMemory('elf', memory)])));
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Content ends before zeros that nobody has to store; empty pages stay, so that they are known to be there. */
export function trimmed(memory: MemoryContents): MemoryContents {
  return {
    ...memory,
    segments: memory.segments.map((segment) => {
      const { content } = segment;
      if (!(content instanceof Uint8Array)) return segment;
      const end = endOf(content);
      // A page of zeros that was written says something else than one that was left out.
      return { ...segment, content: content.subarray(0, Math.max(end, Math.min(1, content.length))) };
    }),
  };
}

/** A segment that is changed has at most so many bytes. */
const MAX_HELD = 1n << 26n;

/** Where the zeros at the end of bytes begin. */
function endOf(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end % 4 !== 0 && bytes[end - 1] === 0) end--;
  // Most of a page is zeros: four at a time, where the bytes are at a multiple of four.
  if (end % 4 === 0 && bytes.byteOffset % 4 === 0) {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, end / 4);
    let word = words.length;
    while (word > 0 && words[word - 1] === 0) word--;
    end = 4 * word;
  }
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

interface Piece {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** A place in the map of preserved memory. */
interface MapBit {
  readonly address: bigint;
  readonly mask: number;
}

export class BuiltDump {
  readonly built: BuiltHandover;
  /** As it was before the first change. */
  readonly handover: Handover;
  readonly #pieces: Piece[] = [];
  #others: MemorySegment[] = [];
  readonly #memory: MemoryContents;
  #free: bigint;

  constructor(built: BuiltHandover) {
    this.built = built;
    this.#memory = contentsOfBuilt(built);
    this.handover = openHandover(imageOf(this.#memory), { khoFdt: built.root });
    let end = 0n;
    for (const segment of this.#memory.segments) {
      const { address, size, content } = segment;
      if (address + size > end && address < 1n << 40n) end = address + size;
      if (content instanceof Uint8Array) {
        const bytes = new Uint8Array(Number(size));
        bytes.set(content);
        this.#pieces.push({ address, bytes });
      } else this.#others.push(segment);
    }
    // Behind everything, at a multiple of 1 MiB: alignment for blocks, and no neighbour.
    this.#free = ((end >> 20n) + 2n) << 20n;
  }

  get pageSize(): number {
    return this.built.abi.pageSize;
  }
  get little(): boolean {
    return this.built.abi.endian === 'little';
  }

  /** The memory as it is now. */
  contents(): MemoryContents {
    const segments = [
      ...this.#pieces.map(({ address, bytes }) => ({ address, size: BigInt(bytes.length), content: bytes })),
      ...this.#others,
    ].sort((a, b) => (a.address < b.address ? -1 : 1));
    return { ...this.#memory, segments };
  }

  /** Physical address of what the decoder found at a path. */
  at(path: string): bigint {
    const found = this.handover.objects.find((object) => object.path === path);
    if (found === undefined) throw new Error(`nothing is at ${path}`);
    return found.address;
  }
  /** Physical address of what the builder put under a label. */
  region(label: string): bigint {
    const found = this.built.regions.find((region) => region.label === label);
    if (found === undefined) throw new Error(`nothing is called ${label}`);
    return found.address;
  }

  read(address: bigint, length: number): Uint8Array {
    const { piece, offset } = this.#find(address);
    return piece.bytes.subarray(offset, offset + length);
  }
  word(address: bigint): bigint {
    return viewOf(this.read(address, 8)).getBigUint64(0, this.little);
  }
  bytes(address: bigint, bytes: Uint8Array | string): void {
    const { piece, offset } = this.#find(address);
    piece.bytes.set(typeof bytes === 'string' ? (textBytes(bytes) ?? new Uint8Array()) : bytes, offset);
  }
  u64(address: bigint, value: bigint | number): void {
    viewOf(this.read(address, 8)).setBigUint64(0, BigInt(value), this.little);
  }
  u32(address: bigint, value: number): void {
    viewOf(this.read(address, 4)).setUint32(0, value, this.little);
  }
  u16(address: bigint, value: number): void {
    viewOf(this.read(address, 2)).setUint16(0, value, this.little);
  }
  /** Device trees are big-endian on every machine. */
  be32(address: bigint, value: number): void {
    viewOf(this.read(address, 4)).setUint32(0, value);
  }

  /** Pages of zeros where nothing else is. */
  pages(count = 1): bigint {
    const address = this.#free;
    this.#pieces.push({ address, bytes: new Uint8Array(count * this.pageSize) });
    this.#free += (BigInt((count * this.pageSize) >> 20) + 2n) << 20n;
    return address;
  }
  /** A copy of a page somewhere else, moved by some bytes. */
  copy(page: bigint, shift = 0): bigint {
    const to = this.pages(shift === 0 ? 1 : 2) + BigInt(shift);
    this.bytes(to, this.read(page, this.pageSize).slice());
    return to;
  }
  /** Takes a region out of the dump. */
  drop(address: bigint): void {
    this.#pieces.splice(this.#pieces.indexOf(this.#find(address).piece), 1);
  }
  /** Keeps a region, but not its bytes: the dump only knows that they are zeros. */
  zeros(address: bigint): void {
    const { piece } = this.#find(address);
    this.drop(address);
    this.#others = [...this.#others, { address: piece.address, size: BigInt(piece.bytes.length) }];
  }

  /** The tree of a node of the root, or the root itself, written anew in its place. */
  retree(name: string | undefined, change: (root: FDTNode) => FDTNode): void {
    const at = name === undefined ? this.built.root : this.region(name);
    const page = this.read(at, this.pageSize);
    const before = parseFDT(page, { lenient: true });
    const isEdited = viewOf(page).getUint32(16) === 0x28;
    const bytes = writeFDT({ root: change(before.root) }, { layout: isEdited ? 'read-write' : 'sequential' });
    page.fill(0);
    page.set(bytes);
    if (name !== undefined && this.built.generations.kho.sized) {
      const { value } = this.property(name, 'blob-size');
      this.u64(value, bytes.length);
    }
  }
  /** Where a property of the root, or of one of its nodes, has its length and its value. */
  property(node: string | undefined, name: string): { readonly len: bigint; readonly value: bigint } {
    return this.propertyIn(this.built.root, node === undefined ? [] : [node], name);
  }
  /** The same in any tree, below the nodes of a path. */
  propertyIn(
    tree: bigint,
    path: readonly string[],
    name: string,
  ): { readonly len: bigint; readonly value: bigint } {
    let node: FDTNode | undefined = parseFDT(this.read(tree, this.pageSize), { lenient: true }).root;
    for (const part of path) node = node?.children.find((child) => child.name === part);
    const offset = node?.properties.find((candidate) => candidate.name === name)?.offset;
    if (offset === undefined) throw new Error(`there is no ${name}`);
    return { len: tree + BigInt(offset) + 4n, value: tree + BigInt(offset) + 12n };
  }
  /** A property of a tree as kernels write it: an integer in the byte order of the machine. */
  native(name: string, value: bigint | number): FDTProperty {
    const bytes = new Uint8Array(8);
    viewOf(bytes).setBigUint64(0, BigInt(value), this.little);
    return { name, value: bytes };
  }

  /** Puts a block into the map, or takes it out. Pages of the map that are missing are added. */
  preserve(address: bigint, order = 0, set = true): void {
    const pfn = address / BigInt(this.pageSize);
    this.#flip(
      this.built.generations.kho.map === 'radix'
        ? this.#keyBit((1n << BigInt(this.#shape().orderBit - order)) + (pfn >> BigInt(order)))
        : this.#bitmapBit(pfn, order),
      set,
    );
  }
  /** Sets a key of the radix tree, whatever it means. */
  key(key: bigint): void {
    this.#flip(this.#keyBit(key), true);
  }

  /** Fills the leaf of a key with a byte. */
  fillLeaf(key: bigint, byte: number): void {
    const { address } = this.#keyBit(key);
    this.read(address - (address % BigInt(this.pageSize)), this.pageSize).fill(byte);
  }

  #flip({ address, mask }: MapBit, set: boolean): void {
    const [byte = 0] = this.read(address, 1);
    this.bytes(address, Uint8Array.of(set ? byte | mask : byte & ~mask));
  }
  #shape(): ReturnType<typeof radixShape> {
    return radixShape(this.pageSize, this.built.generations.first);
  }
  #keyBit(key: bigint): MapBit {
    const shape = this.#shape();
    let at = this.map;
    for (let level = shape.depth - 1; level >= 1; level--) {
      const shift = BigInt((level - 1) * shape.nodeBits + shape.leafBits);
      const slot = at + 8n * ((key >> shift) % (1n << BigInt(shape.nodeBits)));
      if (this.word(slot) === 0n) this.u64(slot, this.pages());
      at = this.word(slot);
    }
    return this.#bit(at, Number(key % (1n << BigInt(shape.leafBits))));
  }
  #bitmapBit(pfn: bigint, order: number): MapBit {
    const bits = BigInt((this.built.generations.kho.map === 'bitmaps-512' ? 512 : this.pageSize) * 8);
    for (let chunk = this.map; chunk !== 0n; chunk = this.word(chunk)) {
      const head = viewOf(this.read(chunk, 16));
      if (head.getUint32(8, this.little) !== order) continue;
      for (let i = 0; i < head.getUint32(12, this.little); i++) {
        const entry = chunk + 16n + BigInt(16 * i);
        const first = this.word(entry) / BigInt(this.pageSize);
        const bit = (pfn - first) >> BigInt(order);
        if (pfn >= first && bit < bits) return this.#bit(this.word(entry + 8n), Number(bit));
      }
    }
    throw new Error(`no bitmap covers the page frame ${pfn}`);
  }
  #bit(start: bigint, bit: number): MapBit {
    const byte = this.little ? bit >> 3 : (bit >> 3) ^ 7;
    return { address: start + BigInt(byte), mask: 1 << (bit % 8) };
  }
  /** Address of the map: the first chunk, or the root of the tree. */
  get map(): bigint {
    return this.word(this.property(undefined, 'preserved-memory-map').value);
  }

  #find(address: bigint): { readonly piece: Piece; readonly offset: number } {
    for (const piece of this.#pieces)
      if (address >= piece.address && address < piece.address + BigInt(piece.bytes.length))
        return { piece, offset: Number(address - piece.address) };
    const other = this.#others.find(
      (segment) => address >= segment.address && address < segment.address + segment.size,
    );
    if (other === undefined || other.size > MAX_HELD)
      throw new Error(`there is no memory at 0x${address.toString(16)} that can be written to`);
    // What is made when it is written has to be made now.
    this.#others = this.#others.filter((segment) => segment !== other);
    const bytes = new Uint8Array(Number(other.size));
    if (other.content !== undefined)
      readContent(other.content, 0n, bytes.subarray(0, Number(contentSize(other.content))));
    const piece = { address: other.address, bytes };
    this.#pieces.push(piece);
    return { piece, offset: Number(address - other.address) };
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
