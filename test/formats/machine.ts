/**
 * A machine that hands files and FLBs of any kind over: kho-v4 with luo-v5, whose payloads are bytes that a test
 * writes. Like the builder that it uses, it knows nothing of the decoders.
 */
import { type Handover, type HandoverOptions, openHandover } from '../../src/formats/kho/index.js';
import { type Built, build, type Memory } from './kho/builder.js';
import { luoOf } from './kho/support.js';

/** Little-endian words: `[size, value]`. */
export function words(...parts: readonly (readonly [size: number, value: number | bigint])[]): Uint8Array {
  const out: number[] = [];
  for (const [size, value] of parts) {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (let i = 0; i < size; i++) {
      out.push(Number(rest & 0xffn));
      rest >>= 8n;
    }
  }
  return Uint8Array.from(out);
}
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

interface FileEntry {
  readonly compatible: string;
  readonly token: bigint;
  readonly data: number;
}

/** First page frame of what the machine allocates; the builder's own is far below. */
const FIRST = 0x1000;

export class Machine {
  readonly pageSize: number;
  readonly elfMachine: 62 | 183;
  readonly #sessions: FileEntry[][] = [];
  readonly #flbs: { name: string; data: number; count: number }[] = [];
  readonly #blocks: [number, number][] = [];
  readonly #writes: ((memory: Memory) => void)[] = [];
  #next = FIRST;

  constructor(pageSize = 4096, elfMachine: 62 | 183 = pageSize === 4096 ? 62 : 183) {
    this.pageSize = pageSize;
    this.elfMachine = elfMachine;
  }
  /** Allocates 2^order zeroed pages, preserved unless told otherwise; gives the address. */
  block(order = 0, preserved = true): number {
    this.#next = Math.ceil(this.#next / 2 ** order) * 2 ** order;
    const pfn = this.#next;
    this.#next += 2 ** order;
    if (preserved) this.#blocks.push([pfn, order]);
    const address = pfn * this.pageSize;
    this.#writes.push((memory) => memory.touch(address, this.pageSize * 2 ** order));
    return address;
  }
  write(address: number, bytes: Uint8Array | string): void {
    this.#writes.push((memory) => memory.bytes(address, bytes));
  }
  /** A block that is as large as the bytes, and holds them. */
  hold(bytes: Uint8Array, preserved = true): number {
    const pages = Math.max(1, Math.ceil(bytes.length / this.pageSize));
    const address = this.block(Math.ceil(Math.log2(pages)), preserved);
    this.write(address, bytes);
    return address;
  }
  /** Pages, as the entries of a kho_vmalloc whose 16 bytes are given back. */
  vmalloc(pages: readonly number[]): Uint8Array {
    if (pages.length === 0) return new Uint8Array(16);
    const first = this.hold(joined(words([8, 0]), ...pages.map((page) => words([8, page]))));
    return words([8, first], [4, pages.length], [2, 1], [2, 0]);
  }
  /** The same for bytes, which take as many pages as they need. */
  area(bytes: Uint8Array): Uint8Array {
    const pages: number[] = [];
    for (let at = 0; at < bytes.length; at += this.pageSize)
      pages.push(this.hold(bytes.subarray(at, at + this.pageSize)));
    return this.vmalloc(pages);
  }
  file(
    compatible: string,
    data: number | Uint8Array,
    token = 0x1000n + BigInt(this.#sessions.flat().length),
    session = 0,
  ): number {
    const address = typeof data === 'number' ? data : this.hold(data);
    while (this.#sessions.length <= session) this.#sessions.push([]);
    this.#sessions[session]?.push({ compatible, token, data: address });
    return address;
  }
  flb(name: string, data: number | Uint8Array, count = 1): number {
    const address = typeof data === 'number' ? data : this.hold(data);
    this.#flbs.push({ name, data: address, count });
    return address;
  }
  /** Linked blocks of entries of 8 bytes; gives the first, and all in order. */
  chain(entries: readonly Uint8Array[]): { first: number; blocks: number[] } {
    const capacity = Math.floor((this.pageSize - 16) / 8);
    const blocks: number[] = [];
    for (let at = 0; at < entries.length; at += capacity) blocks.push(this.block());
    for (const [i, block] of blocks.entries()) {
      const part = entries.slice(i * capacity, (i + 1) * capacity);
      this.write(block, joined(words([8, blocks[i + 1] ?? 0], [8, part.length]), ...part));
    }
    return { first: blocks[0] ?? 0, blocks };
  }

  build(): Built {
    const list = (entries: readonly Uint8Array[]): number =>
      this.hold(joined(words([8, 0], [8, entries.length]), ...entries));
    const text = (value: string, length: number): Uint8Array => {
      const out = new Uint8Array(length);
      out.set(Buffer.from(value, 'latin1'));
      return out;
    };
    const sessions = this.#sessions.map((files, i) => {
      const at =
        files.length === 0
          ? 0
          : list(
              files.map(({ compatible, token, data }) =>
                joined(text(compatible, 48), words([8, data], [8, token])),
              ),
            );
      return joined(text(`s${i}`, 64), words([8, at], [8, files.length]));
    });
    const first = sessions.length === 0 ? 0 : list(sessions);
    const flbs = this.hold(
      joined(
        words([8, 1], [8, this.#flbs.length]),
        ...this.#flbs.map(({ name, data, count }) => joined(text(name, 48), words([8, data], [8, count]))),
      ),
    );
    const built = build({
      kho: 'v4',
      pageSize: this.pageSize,
      blocks: this.#blocks,
      nodes: [{ name: 'LUO', bytes: joined(text('luo-v5', 8), words([8, 1], [8, first], [8, flbs])) }],
    });
    for (const write of this.#writes) write(built.memory);
    return built;
  }
  open(options: HandoverOptions = {}): Handover {
    return openHandover(this.build().memory.image(this.elfMachine), options);
  }
}

/** What a handler made of the nth file of a session. */
export function fileValue<T>(handover: Handover, key: string, index = 0, session = 0): T {
  const value = luoOf(handover).sessions[session]?.files[index]?.[key];
  if (value === undefined) throw new Error(`file ${index} has no ${key}`);
  // The test says which type the handler of that key gives.
  return value as T;
}
export function flbValue<T>(handover: Handover, key: string, index = 0): T {
  const value = luoOf(handover).flbs[index]?.[key];
  if (value === undefined) throw new Error(`FLB ${index} has no ${key}`);
  return value as T;
}
