// The ten GCCs, and just enough ELF to read back what they wrote.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * @typedef {object} Abi
 * @property {string} name the project's name for the ABI
 * @property {string[]} compilers command names to try, in order
 * @property {string} machine how `gcc -dumpmachine` starts
 * @property {4 | 8} word size of a pointer
 */

/** @type {readonly Abi[]} */
export const ABIS = [
  { name: 'x86_64', compilers: ['x86_64-linux-gnu-gcc', 'gcc'], machine: 'x86_64', word: 8 },
  { name: 'i386', compilers: ['i686-linux-gnu-gcc'], machine: 'i686', word: 4 },
  { name: 'arm', compilers: ['arm-linux-gnueabihf-gcc'], machine: 'arm', word: 4 },
  { name: 'aarch64', compilers: ['aarch64-linux-gnu-gcc'], machine: 'aarch64', word: 8 },
  { name: 'riscv64', compilers: ['riscv64-linux-gnu-gcc'], machine: 'riscv64', word: 8 },
  { name: 'powerpc', compilers: ['powerpc-linux-gnu-gcc'], machine: 'powerpc-', word: 4 },
  { name: 'powerpc64', compilers: ['powerpc64-linux-gnu-gcc'], machine: 'powerpc64-', word: 8 },
  { name: 's390x', compilers: ['s390x-linux-gnu-gcc'], machine: 's390x', word: 8 },
  { name: 'mips', compilers: ['mips-linux-gnu-gcc'], machine: 'mips-', word: 4 },
  { name: 'm68k', compilers: ['m68k-linux-gnu-gcc'], machine: 'm68k', word: 4 },
];

/** Options of every compilation. Nothing is linked and nothing is run. */
export const CFLAGS = ['-O0', '-fno-common', '-std=gnu11', '-w', '-c', '-x', 'c'];

/**
 * @param {Abi} abi
 * @returns {Promise<{ command: string, version: string, banner: string }>}
 */
export async function findCompiler(abi) {
  for (const command of abi.compilers) {
    try {
      const machine = (await run(command, ['-dumpmachine'])).stdout.trim();
      if (!machine.startsWith(abi.machine)) continue;
      const version = (await run(command, ['-dumpfullversion'])).stdout.trim();
      const banner = (await run(command, ['--version'])).stdout.split('\n')[0] ?? '';
      return { command, version, banner };
    } catch {
      // not installed: try the next name
    }
  }
  throw new Error(`no compiler for ${abi.name} (${abi.compilers.join(', ')}): run scripts/gcc/install.sh`);
}

/**
 * Compiles one source and returns its data objects, by symbol name.
 * @param {string} command
 * @param {string} source
 * @param {readonly string[]} [flags]
 * @returns {Promise<ObjectFile>}
 */
export async function compile(command, source, flags = []) {
  const directory = await mkdtemp(join(tmpdir(), 'carryover-gcc-'));
  try {
    const input = join(directory, 'input.c');
    const output = join(directory, 'output.o');
    await writeFile(input, source);
    await run(command, [...CFLAGS, ...flags, '-o', output, input], { maxBuffer: 1 << 26 });
    return new ObjectFile(await readFile(output));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A relocatable ELF object, 32 or 64 bits, either byte order. */
export class ObjectFile {
  /** @param {Uint8Array} image */
  constructor(image) {
    const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
    if (view.getUint32(0) !== 0x7f454c46) throw new Error('not an ELF file');
    const wide = image[4] === 2;
    const little = image[5] === 1;
    this.little = little;
    /** @param {number} at */
    const u16 = (at) => view.getUint16(at, little);
    /** @param {number} at */
    const u32 = (at) => view.getUint32(at, little);
    /** @param {number} at */
    const word = (at) => (wide ? Number(view.getBigUint64(at, little)) : u32(at));
    const table = word(wide ? 0x28 : 0x20);
    const entry = u16(wide ? 0x3a : 0x2e);
    const count = u16(wide ? 0x3c : 0x30);
    const sections = [];
    for (let i = 0; i < count; i++) {
      const at = table + i * entry;
      sections.push({
        type: u32(at + 4),
        offset: word(at + (wide ? 0x18 : 0x10)),
        size: word(at + (wide ? 0x20 : 0x14)),
        link: u32(at + (wide ? 0x28 : 0x18)),
        info: u32(at + (wide ? 0x2c : 0x1c)),
      });
    }
    /** @type {Map<string, Uint8Array>} */
    this.symbols = new Map();
    const symtab = sections.find((section) => section.type === 2);
    const strtab = symtab && sections[symtab.link];
    if (!symtab || !strtab) throw new Error('no symbol table');
    const relocated = new Set(
      sections.filter((s) => (s.type === 4 || s.type === 9) && s.size > 0).map((s) => s.info),
    );
    const step = wide ? 24 : 16;
    for (let at = symtab.offset; at < symtab.offset + symtab.size; at += step) {
      const info = image[at + (wide ? 4 : 12)] ?? 0;
      if ((info & 15) !== 1) continue; // STT_OBJECT only
      let end = strtab.offset + u32(at);
      const start = end;
      while (image[end] !== 0) end++;
      const name = Buffer.from(image.subarray(start, end)).toString('latin1');
      const index = u16(at + (wide ? 6 : 14));
      const value = word(at + (wide ? 8 : 4));
      const size = word(at + (wide ? 16 : 8));
      const section = sections[index];
      if (!section) throw new Error(`symbol ${name} has no section`);
      if (relocated.has(index)) throw new Error(`the section of ${name} has relocations`);
      this.symbols.set(
        name,
        section.type === 8 // SHT_NOBITS
          ? new Uint8Array(size)
          : image.slice(section.offset + value, section.offset + value + size),
      );
    }
  }

  /**
   * The bytes of an object.
   * @param {string} name
   */
  bytes(name) {
    const bytes = this.symbols.get(name);
    if (!bytes) throw new Error(`no symbol ${name}`);
    return bytes;
  }

  /**
   * An object that is an array of 32-bit integers.
   * @param {string} name
   */
  u32s(name) {
    const bytes = this.bytes(name);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(i * 4, this.little));
  }
}

/**
 * Calls an asynchronous function for every item, two at a time, keeping order.
 * @template T, R
 * @param {readonly T[]} items
 * @param {(item: T) => Promise<R>} visit
 * @returns {Promise<R[]>}
 */
export async function mapTwo(items, visit) {
  /** @type {R[]} */
  const results = new Array(items.length);
  const queue = [...items.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      results[next[0]] = await visit(next[1]);
    }
  };
  await Promise.all([worker(), worker()]);
  return results;
}
