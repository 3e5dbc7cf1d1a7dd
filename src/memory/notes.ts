/** ELF notes: registers, VMCOREINFO and what else a dump's writer had to say. */
import {
  ABI,
  type ABI as ABIType,
  chars,
  decodeAt,
  type Endian,
  encode,
  hex,
  sizeof,
  struct,
  u32,
  u64,
} from '../codec/index.js';

/** The header of a note, of both classes (`Elf32_Nhdr`, `Elf64_Nhdr`). Name and content follow, each padded to 4. */
export const ElfNhdr = struct('elf_note', { n_namesz: u32, n_descsz: u32, n_type: u32 });

export interface ElfNote {
  /** Without the NUL: `CORE`, `VMCOREINFO`, `QEMU`. */
  readonly name: string;
  /** What it is depends on the name. */
  readonly type: number;
  readonly content: Uint8Array;
}
export interface ParsedNotes {
  readonly notes: readonly ElfNote[];
  /** Where a note does not fit into its segment, if one does not. */
  readonly damagedAt: number | undefined;
}

/** The name of the note in which the kernel describes itself. */
export const VMCOREINFO_NOTE = 'VMCOREINFO';

const ZERO_TAILS_NAME = 'CARRYOVER';
const ZERO_TAILS_TYPE = 0x7a65726f;
const ZeroTails = struct('zero_tails', { bytes: hex(u64) });

/**
 * A note of our own: so many bytes that the segments of this core have in memory but not in the file are zeros.
 * Cores with kernel notes would else be understood to have left them out, because that is what filters write.
 * A filter that runs over the core afterwards and keeps the note leaves out more bytes than it says.
 */
export function zeroTailsNote(bytes: bigint, endian: Endian): ElfNote {
  const content = encode(ZeroTails, { bytes }, { abi: orderOf(endian) });
  return { name: ZERO_TAILS_NAME, type: ZERO_TAILS_TYPE, content };
}
export function isZeroTails({ name, type }: ElfNote): boolean {
  return name === ZERO_TAILS_NAME && type === ZERO_TAILS_TYPE;
}
/** The number that {@link zeroTailsNote} was given. */
export function zeroTailBytes(notes: readonly ElfNote[], endian: Endian): bigint | undefined {
  const note = notes.find(isZeroTails);
  return note?.content.length === sizeof(ZeroTails, orderOf(endian))
    ? decodeAt(ZeroTails, note.content, 0, { abi: orderOf(endian) }).value.bytes
    : undefined;
}
/** The layout of notes depends on the byte order only. */
function orderOf(endian: Endian): ABIType {
  return endian === 'little' ? ABI.x86_64 : ABI.s390x;
}

/** Whether notes are those of a kernel's or a virtual machine's dump, whose writers leave pages out. */
export function isFiltering({ name }: ElfNote): boolean {
  return name === VMCOREINFO_NOTE || name === 'QEMU' || name === 'ERASEINFO';
}

/** Notes of a dump beyond this number are not read: there is one per processor and a few more. */
const MAX_NOTES = 1 << 16;

/** The notes of a segment. A header of zeros ends them, as in the buffers of the kernel. */
export function parseNotes(bytes: Uint8Array, endian: Endian): ParsedNotes {
  const abi = orderOf(endian);
  const notes: ElfNote[] = [];
  let at = 0;
  while (at + 12 <= bytes.length && notes.length < MAX_NOTES) {
    const header = decodeAt(ElfNhdr, bytes, at, { abi }).value;
    if (header.n_namesz === 0 && header.n_descsz === 0) break;
    const nameAt = at + 12;
    const contentAt = nameAt + Math.ceil(header.n_namesz / 4) * 4;
    const end = contentAt + header.n_descsz;
    if (end > bytes.length) return { notes, damagedAt: at };
    // The size counts the NUL with most writers, and does not with some.
    const field = bytes.subarray(nameAt, nameAt + header.n_namesz);
    const nul = field.indexOf(0);
    const length = nul < 0 ? field.length : nul;
    const name = decodeAt(chars(length), field, 0).value;
    notes.push({ name, type: header.n_type, content: bytes.subarray(contentAt, end) });
    // The last padding may be missing.
    at = Math.ceil(end / 4) * 4;
  }
  return { notes, damagedAt: undefined };
}
