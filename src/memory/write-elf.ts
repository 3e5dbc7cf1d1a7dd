/** Writes ELF cores: the simplest container in which memory can be handed to any tool, this one included. */
import { type Endian, encode, type InputOf } from '../codec/index.js';
import { memoryError } from './codes.js';
import {
  CLASS_32,
  CLASS_64,
  ELF_MAGIC,
  ELF_SIZES,
  Elf32Phdr,
  Elf64Phdr,
  ElfEhdr,
  ElfIdent,
  ElfShdr,
  ET_CORE,
  headerABI,
  PN_XNUM,
  PT_LOAD,
  PT_NOTE,
} from './elf.js';
import { TOP } from './image.js';
import type { ElfNote } from './notes.js';
import { contentSize, type MemorySegment } from './segments.js';
import { encodeNotes } from './write-notes.js';
import { contentPieces, gathered, joined, zeroPieces } from './write-pieces.js';

/** A segment by its bytes: the short form of a {@link MemorySegment}. */
export interface CoreSegment {
  /** Physical address of the first byte. */
  readonly address: bigint;
  /** What is stored; may be shorter than `size`. */
  readonly bytes: Uint8Array;
  /** Bytes of memory; by default as many as are stored. The rest is zero by ELF's rule. */
  readonly size?: bigint;
  /** Virtual address; 0, for unknown, by default. */
  readonly virtual?: bigint;
}
export type CoreNote = ElfNote;
export interface ElfCore {
  readonly endian: Endian;
  readonly bits: 32 | 64;
  /** `e_machine`: 62 for x86_64, 183 for aarch64, 22 for s390x, … */
  readonly elfMachine: number;
  /** In the order of the file. They may overlap, as those of real cores do. */
  readonly segments: readonly (CoreSegment | MemorySegment)[];
  readonly notes?: readonly CoreNote[];
  /** Memory begins at multiples of this in the file; by default 4096. */
  readonly align?: number;
}

/**
 * The bytes of a core, piece by piece in the order of the file: headers first, then the notes, then what is
 * stored of each segment. Zeros at the end of a segment, or all of it, take no room. More than 65534 segments
 * are written with PN_XNUM. The pieces must not be written to.
 *
 * @throws `memory-write` for segments that do not fit.
 */
export function writeElfCore(core: ElfCore): Generator<Uint8Array, void> {
  return gathered(corePieces(core));
}

function* corePieces(core: ElfCore): Generator<Uint8Array, void> {
  const { endian, bits, notes = [], align = 4096 } = core;
  const sizes = ELF_SIZES[bits];
  const abi = headerABI(endian, bits);
  const segments = core.segments.map(memorySegment);
  checkSegments(segments, bits);
  const { bytes: noteBytes } = encodeNotes(notes, endian);
  const count = segments.length + (notes.length > 0 ? 1 : 0);
  const extended = count >= PN_XNUM;
  const phoff = sizes.ehdr;
  const shoff = phoff + count * sizes.phdr;
  const notesAt = shoff + (extended ? sizes.shdr : 0);
  const up = (offset: number) => Math.ceil(offset / align) * align;

  const ident = encode(
    ElfIdent,
    {
      EI_CLASS: bits === 64 ? CLASS_64 : CLASS_32,
      EI_DATA: endian === 'little' ? 1 : 2,
      EI_VERSION: 1,
      EI_OSABI: 0,
      EI_PAD: new Uint8Array(8),
      EI_MAG: ELF_MAGIC,
    },
    { abi },
  );
  yield encode(
    ElfEhdr,
    {
      e_ident: ident,
      e_type: ET_CORE,
      e_machine: core.elfMachine,
      e_version: 1,
      e_entry: 0,
      e_phoff: count > 0 ? phoff : 0,
      e_shoff: extended ? shoff : 0,
      e_flags: 0,
      e_ehsize: sizes.ehdr,
      e_phentsize: sizes.phdr,
      e_phnum: extended ? PN_XNUM : count,
      e_shentsize: extended ? sizes.shdr : 0,
      e_shnum: extended ? 1 : 0,
      e_shstrndx: 0,
    },
    { abi },
  );

  const schema = bits === 64 ? Elf64Phdr : Elf32Phdr;
  const phdr = (fields: Partial<InputOf<typeof Elf64Phdr>>) =>
    encode(
      schema,
      {
        p_type: PT_LOAD,
        p_flags: 0,
        p_offset: 0,
        p_vaddr: 0,
        p_paddr: 0,
        p_filesz: 0,
        p_memsz: 0,
        p_align: 0,
        ...fields,
      },
      { abi },
    );
  if (notes.length > 0)
    yield phdr({
      p_type: PT_NOTE,
      p_offset: notesAt,
      p_filesz: noteBytes.length,
      p_memsz: noteBytes.length,
      p_align: 4,
    });
  let offset = up(notesAt + noteBytes.length);
  const limit = bits === 32 ? 0xffffffff : Number.MAX_SAFE_INTEGER;
  for (const { address, size, content, virtual = 0n } of segments) {
    const stored = Number(contentSize(content));
    if (offset + stored > limit)
      throw memoryError('memory-write', `the file becomes larger than a ${bits}-bit core can be`, {
        expected: `at most ${limit} bytes`,
      });
    yield phdr({
      p_flags: 7,
      p_offset: offset,
      p_vaddr: virtual,
      p_paddr: address,
      p_filesz: stored,
      p_memsz: size,
      // As /proc/vmcore has it: crash takes a core whose segments say anything else for another kind of dump.
      p_align: 0,
    });
    offset = up(offset + stored);
  }
  if (extended)
    yield encode(
      ElfShdr,
      {
        sh_name: 0,
        sh_type: 0,
        sh_flags: 0,
        sh_addr: 0,
        sh_offset: 0,
        sh_size: 1,
        sh_link: 0,
        sh_info: count,
        sh_addralign: 0,
        sh_entsize: 0,
      },
      { abi },
    );
  yield noteBytes;
  let at = notesAt + noteBytes.length;
  for (const segment of segments) {
    const stored = Number(contentSize(segment.content));
    if (stored === 0) continue;
    yield* zeroPieces(BigInt(up(at) - at));
    yield* contentPieces(segment);
    at = up(at) + stored;
  }
}

/** A core as one array. */
export function elfCore(core: ElfCore): Uint8Array {
  return joined(writeElfCore(core));
}

function memorySegment(segment: CoreSegment | MemorySegment): MemorySegment {
  if (!('bytes' in segment)) return segment;
  const { address, bytes, size = BigInt(bytes.length), virtual = 0n } = segment;
  return { address, size, content: bytes, virtual };
}

function checkSegments(segments: readonly MemorySegment[], bits: 32 | 64): void {
  const top = bits === 64 ? TOP : 1n << 32n;
  segments.forEach(({ address, size, content }, index) => {
    const stored = contentSize(content);
    if (address >= 0n && size >= stored && address + size <= top && (bits === 64 || size < top)) return;
    throw memoryError(
      'memory-write',
      'the segment does not fit into its addresses, or its bytes into the segment',
      {
        path: ['segments', index],
        expected: `${stored} bytes or more, ending at 0x${top.toString(16)} at most`,
        found: `${size} bytes at 0x${address.toString(16)}`,
      },
    );
  });
}
