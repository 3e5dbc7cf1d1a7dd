/**
 * What everything that is built into a handover shares: the memory, the generations, and the ways in which
 * kernels keep things: pages of their own, vmalloc areas, linked blocks, device trees.
 */
import type { ABI, InputOf, Schema } from '../../codec/index.js';
import { textBytes } from '../../codec/text.js';
import { type FDTLayout, type FDTNode, type FDTProperty, writeFDT } from '../../formats/fdt/index.js';
import { KhoBlockHeaderSer, type KhoVmalloc } from '../../formats/kho/schema.js';
import type { LazyContent } from '../../memory/index.js';
import { buildError } from '../build-error.js';
import type { MemoryBuilder, Preserve, Region } from '../memory.js';
import type { FileReader } from './contents.js';
import type { BuildRegistry } from './extension.js';
import type { BuiltGenerations } from './generations.js';
import type { FileSpec } from './spec.js';

/** Folios of a file that was built, for those who point at them. */
export interface BuiltFolios {
  readonly index: bigint;
  readonly order: number;
  readonly count: number;
  readonly region: Region;
}

/** Lists are made when they are written, but the pages that name their pages are not. */
const MAX_LIST = 2 ** 34;

/** Where an entry of a list goes. */
export interface Slot {
  readonly region: Region;
  readonly offset: number;
}
/** A list of entries: what points at it, and where each entry goes. */
export interface List {
  /** Undefined for an empty one. */
  readonly first: Region | undefined;
  readonly slots: readonly Slot[];
}

export interface AllocateOptions {
  readonly at?: bigint | undefined;
  /** In bytes; a page if not given. */
  readonly size?: number;
  readonly preserve?: Preserve | undefined;
}

export class HandoverBuilder {
  readonly memory: MemoryBuilder;
  readonly generations: BuiltGenerations;
  readonly registry: BuildRegistry;
  readonly readFile: FileReader | undefined;
  /** Folios of files by `session/token`, the token in hexadecimal: `vm-alpha/0x1001`. */
  readonly folios = new Map<string, readonly BuiltFolios[]>();
  /** What each session has, by its name, for what refers to other files. There before the first file is built. */
  readonly sessions = new Map<string, readonly FileSpec[]>();
  /** Addresses of what specs give names to, by what it is and its name: `iommu.domains.guest0`. */
  readonly named = new Map<string, () => bigint>();
  /** The strings of the handlers of all files, over all sessions. */
  readonly handlers: string[] = [];

  constructor(
    memory: MemoryBuilder,
    generations: BuiltGenerations,
    registry: BuildRegistry,
    readFile: FileReader | undefined,
  ) {
    this.memory = memory;
    this.generations = generations;
    this.registry = registry;
    this.readFile = readFile;
  }
  get abi(): ABI {
    return this.memory.abi;
  }
  get pageSize(): number {
    return this.memory.pageSize;
  }

  /** Preserved pages as `kho_alloc_preserve` gives them: a power of two of them, zeroed. */
  allocate(label: string, { size = this.pageSize, at, preserve = 'block' }: AllocateOptions = {}): Region {
    return this.memory.region({ label, size, at, preserve });
  }
  /** A page that is not preserved: the map itself, and what the boot protocol uses. */
  page(label: string): Region {
    return this.memory.region({ label, size: this.pageSize });
  }

  /** A struct in preserved pages of its own. */
  object<S extends Schema>(
    label: string,
    schema: S,
    size: number,
    value: () => InputOf<S>,
    at?: bigint,
  ): Region {
    const region = this.allocate(label, { size, at });
    this.memory.write(region, 0, schema, value);
    return region;
  }

  /**
   * A virtually contiguous area of `length` bytes, filled when all addresses are known, or, if it is lazy content,
   * made when it is written. Gives its descriptor. The writer takes the next chunk as soon as one is full, so that
   * a full last one has an empty one behind it.
   */
  vmalloc(
    label: string,
    length: number,
    content: ((bytes: Uint8Array) => void) | LazyContent,
  ): () => InputOf<typeof KhoVmalloc> {
    if (length === 0) return () => ({ first: 0n, total_pages: 0, flags: 0, order: 0 });
    if (length > MAX_LIST)
      throw buildError('build-full', label, `a list of ${length} bytes is longer than ${MAX_LIST}`);
    const { pageSize } = this;
    const pages = Math.ceil(length / pageSize);
    const isLazy = typeof content !== 'function';
    const area = this.memory.region({
      label,
      size: length,
      preserve: { order: 0 },
      ...(isLazy ? { parts: [{ offset: 0n, size: content.size, content }] } : {}),
    });
    if (!isLazy) this.memory.fill(area, content);
    const capacity = pageSize / 8 - 1;
    const chunks = Array.from({ length: Math.floor(pages / capacity) + 1 }, (_, i) =>
      this.allocate(`${label}.chunks[${i}]`),
    );
    for (const [i, chunk] of chunks.entries())
      this.memory.fill(chunk, (bytes) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const little = this.abi.endian === 'little';
        view.setBigUint64(0, chunks[i + 1]?.address ?? 0n, little);
        const from = i * capacity;
        for (let entry = 0; entry < capacity && from + entry < pages; entry++)
          view.setBigUint64(8 + 8 * entry, area.address + BigInt((from + entry) * pageSize), little);
      });
    // Kernels allocate such areas with vmalloc, which is the first flag.
    return () => ({ first: chunks[0]?.address ?? 0n, total_pages: pages, flags: 1, order: 0 });
  }

  /** Linked blocks of entries of `size` bytes, all but the last one full. */
  blocks(label: string, count: number, size: number): List {
    const capacity = Math.floor((this.pageSize - 16) / size);
    const pages = Array.from({ length: Math.ceil(count / capacity) }, (_, i) =>
      this.allocate(`${label}.blocks[${i}]`),
    );
    for (const [i, page] of pages.entries())
      this.memory.write(page, 0, KhoBlockHeaderSer, () => ({
        next: pages[i + 1]?.address ?? 0n,
        count: Math.min(capacity, count - i * capacity),
      }));
    const slots: Slot[] = [];
    for (let i = 0; i < count; i++) {
      const region = pages[Math.floor(i / capacity)];
      if (region !== undefined) slots.push({ region, offset: 16 + (i % capacity) * size });
    }
    return { first: pages[0], slots };
  }

  /** A table of entries in contiguous pages, behind a header. @throws `build-full` for more than it holds. */
  table(label: string, count: number, size: number, pages: number, header: number): List {
    const capacity = Math.floor((pages * this.pageSize - header) / size);
    if (count > capacity)
      throw buildError(
        'build-full',
        label,
        `${capacity} of them fit into ${pages} pages, and there are ${count}`,
      );
    const first = this.allocate(label, { size: pages * this.pageSize });
    return {
      first,
      slots: Array.from({ length: count }, (_, i) => ({ region: first, offset: header + i * size })),
    };
  }

  /** A device tree in preserved pages of its own; its values are made when all addresses are known. */
  tree(
    label: string,
    root: () => FDTNode,
    layout: FDTLayout,
    preserved = true,
  ): { readonly region: Region; size(): number } {
    const region = preserved ? this.allocate(label) : this.page(label);
    let size = 0;
    this.memory.fill(region, (bytes) => {
      const tree = writeFDT({ root: root() }, { layout });
      if (tree.length > bytes.length)
        throw buildError('build-full', label, `the device tree has ${tree.length} bytes, more than a page`);
      bytes.set(tree);
      size = tree.length;
    });
    return { region, size: () => size };
  }

  /** A property of a device tree as kernels hand it over: an integer in the byte order of the machine. */
  native(name: string, value: bigint | number, size: 4 | 8 = 8): FDTProperty {
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    const little = this.abi.endian === 'little';
    if (size === 8) view.setBigUint64(0, BigInt(value), little);
    else view.setUint32(0, Number(value), little);
    return { name, value: bytes };
  }
}

/** A property of a device tree that is text. */
export function textProperty(name: string, text: string): FDTProperty {
  return { name, value: textBytes(`${text}\0`) ?? new Uint8Array(1) };
}
