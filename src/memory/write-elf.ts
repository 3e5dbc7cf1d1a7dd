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
import { ElfNhdr } from './notes.js';

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
export interface CoreNote {
  readonly name: string;
  readonly type: number;
  readonly content: Uint8Array;
}
export interface ElfCore {
  readonly endian: Endian;
  readonly bits: 32 | 64;
  /** `e_machine`: 62 for x86_64, 183 for aarch64, 22 for s390x, … */
  readonly elfMachine: number;
  readonly segments: readonly CoreSegment[];
  readonly notes?: readonly CoreNote[];
  /** Memory begins at multiples of this in the file; by default 4096. */
  readonly align?: number;
}

/**
 * The bytes of a core, piece by piece in the order of the file: headers first, then the notes, then the memory
 * of each segment, not copied. More than 65534 segments are written with PN_XNUM.
 *
 * @throws `memory-write` for segments that do not fit.
 */
export function* writeElfCore(core: ElfCore): Generator<Uint8Array, void> {
  const { endian, bits, segments, notes = [], align = 4096 } = core;
  const sizes = ELF_SIZES[bits];
  const abi = headerABI(endian, bits);
  checkSegments(segments, bits);
  const noteBytes = encodeNotes(notes, endian);
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
  for (const { address, bytes, size = BigInt(bytes.length), virtual = 0n } of segments) {
    if (bits === 32 && offset + bytes.length > 0xffffffff)
      throw memoryError('memory-write', 'the file becomes larger than a 32-bit core can be');
    yield phdr({
      p_flags: 7,
      p_offset: offset,
      p_vaddr: virtual,
      p_paddr: address,
      p_filesz: bytes.length,
      p_memsz: size,
      p_align: align,
    });
    offset = up(offset + bytes.length);
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
  for (const { bytes } of segments) {
    yield new Uint8Array(up(at) - at);
    yield bytes;
    at = up(at) + bytes.length;
  }
}

/** A core as one array. */
export function elfCore(core: ElfCore): Uint8Array {
  const parts = [...writeElfCore(core)];
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function checkSegments(segments: readonly CoreSegment[], bits: 32 | 64): void {
  const top = bits === 64 ? TOP : 1n << 32n;
  segments.forEach(({ address, bytes, size = BigInt(bytes.length) }, index) => {
    const end = address + size;
    if (address >= 0n && size >= BigInt(bytes.length) && end <= top && (bits === 64 || size < top)) return;
    throw memoryError(
      'memory-write',
      'the segment does not fit into its addresses, or its bytes into the segment',
      {
        path: ['segments', index],
        expected: `${bytes.length} bytes or more, ending at 0x${top.toString(16)} at most`,
        found: `${size} bytes at 0x${address.toString(16)}`,
      },
    );
  });
}

function encodeNotes(notes: readonly CoreNote[], endian: Endian): Uint8Array {
  const abi = headerABI(endian, 64);
  const parts: Uint8Array[] = [];
  for (const { name, type, content } of notes) {
    parts.push(
      encode(ElfNhdr, { n_namesz: name.length + 1, n_descsz: content.length, n_type: type }, { abi }),
      padded(
        Uint8Array.from(name, (char) => char.charCodeAt(0)),
        name.length + 1,
      ),
      padded(content, content.length),
    );
  }
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
function padded(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(Math.ceil(size / 4) * 4);
  out.set(bytes);
  return out;
}
