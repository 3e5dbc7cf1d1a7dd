/**
 * A dump of physical memory in which one memfd of 4 KiB folios is handed over (kho-v4, luo-v5, memfd-v2):
 * the metadata as a kernel would leave it, and the array of folios, 16 bytes each, made when it is read.
 * The memory of the folios themselves is not in the dump.
 *
 * @typedef {{ size: number, read(offset: number, length: number): Uint8Array, nextData(offset: number): number }} Source
 * @typedef {{ source: Source, root: bigint, arrayAt: bigint, arrayBytes: number, folios: number, runs: number }} HugeDump
 */

const PAGE = 4096;
const FOLIO = 16;
const PER_PAGE = PAGE / FOLIO;
/** Addresses of array pages in one page of the list that leads to them, behind the pointer to the next. */
const PER_CHUNK = PAGE / 8 - 1;
/** Page frames whose bits lie in one leaf of the map. */
const PER_LEAF = PAGE * 8;
/** First page frames: of the metadata, of the array (at 1 GiB), of the folios (at 1 TiB). */
const META_AT = 16;
const ARRAY_AT = 2 ** 18;
const FOLIOS_AT = 2 ** 28;
/** DIRTY and UPTODATE, the twelve bits above the page frame number. */
const FLAGS = 3 << 20;

/** The metadata, page by page; addresses are physical. */
class Metadata {
  /** @type {Map<number, Buffer>} */
  #pages = new Map();
  #next = META_AT;

  /** The address of a fresh page of zeros. */
  page() {
    this.#pages.set(this.#next, Buffer.alloc(PAGE));
    return this.#next++ * PAGE;
  }
  /** How many bytes of the dump the metadata may lie in. */
  get end() {
    return this.#next * PAGE;
  }
  /** @param {number} index */
  at(index) {
    return this.#pages.get(index);
  }
  /** The page that an address lies in, which must be one of these. @param {number} address */
  of(address) {
    const bytes = this.#pages.get(Math.floor(address / PAGE));
    if (bytes === undefined) throw new Error(`no page of the metadata is at ${address}`);
    return bytes;
  }
  /** @param {number} address @param {number} value */
  u64(address, value) {
    this.of(address).writeBigUInt64LE(BigInt(value), address % PAGE);
  }
  /** @param {number} address @param {number} value */
  u32(address, value) {
    this.of(address).writeUInt32LE(value, address % PAGE);
  }
  /** @param {number} address @param {string} value */
  text(address, value) {
    this.of(address).write(value, address % PAGE, 'latin1');
  }
}

/** The radix tree of what is preserved, for blocks of order 0 only. */
class PreservedTree {
  /** @type {Map<string, number>} */
  #tables = new Map();
  #leafIndex = -1;
  /** @type {Buffer | undefined} */
  #leaf;

  /** @param {Metadata} meta */
  constructor(meta) {
    this.meta = meta;
    this.root = meta.page();
  }

  /** @param {number} pfn @param {number} count */
  mark(pfn, count) {
    for (let at = pfn; at < pfn + count; at++) {
      const index = Math.floor(at / PER_LEAF);
      if (this.#leaf === undefined || index !== this.#leafIndex) {
        this.#leaf = this.#leafOf(at);
        this.#leafIndex = index;
      }
      const bit = at % PER_LEAF;
      this.#leaf[bit >> 3] |= 1 << (bit & 7);
    }
  }

  /** @param {number} pfn */
  #leafOf(pfn) {
    // The key's highest bit tells the order, which is 0 here.
    const key = (1n << 52n) | BigInt(pfn);
    let table = this.root;
    let path = '';
    for (let level = 5; level >= 1; level--) {
      const slot = Number((key >> BigInt((level - 1) * 9 + 15)) & 511n);
      path += `/${slot}`;
      let child = this.#tables.get(path);
      if (child === undefined) {
        child = this.meta.page();
        this.#tables.set(path, child);
        this.meta.u64(table + 8 * slot, child);
      }
      table = child;
    }
    return this.meta.of(table);
  }
}

/** A u32 as device trees have it. @param {number} value */
const cell = (value) => {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
};
/** Zeros up to the next multiple of four. @param {Buffer} bytes */
const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
/** A kernel's u64 property. @param {number} value */
const native = (value) => {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
};

/**
 * The flattened device tree at the root of the handover.
 *
 * @param {number} map @param {number} luo physical addresses
 */
function rootTree(map, luo) {
  const names = ['preserved-memory-map', 'compatible', 'blob-size', 'preserved-data'];
  /** @param {string} name @param {Buffer} value */
  const property = (name, value) => {
    const place = names.slice(0, names.indexOf(name)).reduce((sum, { length }) => sum + length + 1, 0);
    return Buffer.concat([cell(3), cell(value.length), cell(place), padded(value)]);
  };
  /** @param {string} name @param {Buffer[]} parts */
  const node = (name, ...parts) =>
    Buffer.concat([cell(1), padded(Buffer.from(`${name}\0`)), ...parts, cell(2)]);
  const tree = node(
    '',
    property('preserved-memory-map', native(map)),
    property('compatible', Buffer.from('kho-v4\0')),
    node('LUO', property('blob-size', native(32)), property('preserved-data', native(luo))),
  );
  const struct = Buffer.concat([tree, cell(9)]);
  const strings = Buffer.from(names.map((name) => `${name}\0`).join(''));
  const reserve = 0x30;
  const at = reserve + 16;
  const end = at + struct.length;
  const header = [
    0xd00dfeed,
    end + strings.length,
    at,
    end,
    reserve,
    17,
    16,
    0,
    strings.length,
    struct.length,
  ];
  return Buffer.concat([...header.map(cell), Buffer.alloc(at - 40), struct, strings]);
}

/** What the kernel's list of array pages looks like. @param {Metadata} meta @param {number} pages */
function arrayChunks(meta, pages) {
  const first = meta.page();
  const chunks = [first];
  for (let i = 0, chunk = first; i < pages; i++) {
    if (i > 0 && i % PER_CHUNK === 0) {
      const next = meta.page();
      meta.u64(chunk, next);
      chunks.push(next);
      chunk = next;
    }
    meta.u64(chunk + 8 + (i % PER_CHUNK) * 8, (ARRAY_AT + i) * PAGE);
  }
  return chunks;
}

/**
 * The dump. `run` folios follow each other in memory, then `gap` page frames are left out. `run` must divide
 * 256, the folios in a page of the array, or be a multiple of it, so that making the array costs little.
 *
 * @param {number} folios @param {number} run @param {number} gap
 * @returns {HugeDump}
 */
export function hugeDump(folios, run = folios, gap = 0) {
  if (run % PER_PAGE !== 0 && PER_PAGE % run !== 0)
    throw new Error(`a run must divide ${PER_PAGE} or be a multiple of it`);
  const meta = new Metadata();
  const arrayPages = Math.ceil(folios / PER_PAGE);
  const runs = Math.ceil(folios / run);
  /** The page frame of a folio. @param {number} i */
  const pfnOf = (i) => FOLIOS_AT + i + Math.floor(i / run) * gap;

  const [root, luo, sessions, files, memfd, flbs] = Array.from({ length: 6 }, () => meta.page());
  const chunks = arrayChunks(meta, arrayPages);
  meta.u64(memfd + 8, folios * PAGE);
  meta.u32(memfd + 16, 1);
  meta.u64(memfd + 24, folios);
  meta.u64(memfd + 32, chunks[0]);
  meta.u32(memfd + 40, arrayPages);
  meta.u32(memfd + 44, 1);
  meta.u64(files + 8, 1);
  meta.text(files + 16, 'memfd-v2');
  meta.u64(files + 64, memfd);
  meta.u64(files + 72, 1);
  meta.u64(sessions + 8, 1);
  meta.text(sessions + 16, 'huge');
  meta.u64(sessions + 80, files);
  meta.u64(sessions + 88, 1);
  meta.u64(flbs, 1);
  meta.text(luo, 'luo-v5');
  meta.u64(luo + 8, 1);
  meta.u64(luo + 16, sessions);
  meta.u64(luo + 24, flbs);

  const tree = new PreservedTree(meta);
  for (const address of [root, luo, sessions, files, memfd, flbs, ...chunks]) tree.mark(address / PAGE, 1);
  tree.mark(ARRAY_AT, arrayPages);
  for (let i = 0; i < folios; i += run) tree.mark(pfnOf(i), Math.min(run, folios - i));
  rootTree(tree.root, luo).copy(meta.of(root));

  return {
    source: makeSource(meta, arrayPages, folios, Math.min(run, PER_PAGE), pfnOf),
    root: BigInt(root),
    arrayAt: BigInt(ARRAY_AT * PAGE),
    arrayBytes: arrayPages * PAGE,
    folios,
    runs,
  };
}

/**
 * Records of folios that follow each other in memory, into words from `at` on.
 *
 * @param {Uint32Array} words @param {number} at @param {number} from @param {number} to
 * @param {number} pfn of folio `from`; none lies at page frame 2^32 or above
 */
function fillRecords(words, at, from, to, pfn) {
  for (let i = from; i < to; i++, pfn++, at += 4) {
    words[at] = pfn;
    words[at + 1] = FLAGS;
    words[at + 2] = i;
  }
}

/**
 * @param {Metadata} meta @param {number} arrayPages @param {number} folios
 * @param {number} step folios that follow each other in memory, at most a page of the array
 * @param {(i: number) => number} pfnOf
 * @returns {Source}
 */
function makeSource(meta, arrayPages, folios, step, pfnOf) {
  const little = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  const words = new Uint32Array(PAGE / 4);
  const page = Buffer.from(words.buffer);
  /** One page of the array, in `page`. @param {number} index */
  const arrayPage = (index) => {
    const first = index * PER_PAGE;
    const end = Math.min(first + PER_PAGE, folios);
    if (end < first + PER_PAGE) words.fill(0);
    for (let from = first; from < end; from += step)
      fillRecords(words, (from - first) * 4, from, Math.min(from + step, end), pfnOf(from));
    if (!little) page.swap32();
    return page;
  };
  const size = (ARRAY_AT + arrayPages) * PAGE;
  return {
    size,
    read(offset, length) {
      const out = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      for (let at = 0; at < out.length; ) {
        const inPage = (offset + at) % PAGE;
        const index = (offset + at - inPage) / PAGE;
        const part = Math.min(PAGE - inPage, out.length - at);
        const from = index < ARRAY_AT ? meta.at(index) : arrayPage(index - ARRAY_AT);
        if (from !== undefined) out.set(from.subarray(inPage, inPage + part), at);
        at += part;
      }
      return out;
    },
    // Between the metadata and the array is a hole.
    nextData: (offset) => (offset < meta.end ? offset : Math.max(offset, ARRAY_AT * PAGE)),
  };
}
