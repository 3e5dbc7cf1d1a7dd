/** ELF notes: registers, VMCOREINFO and what else a dump's writer had to say. */
import { ABI, chars, decodeAt, type Endian, struct, u32 } from '../codec/index.js';

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

/** Notes of a dump beyond this number are not read: there is one per processor and a few more. */
const MAX_NOTES = 1 << 16;

/** The notes of a segment. A header of zeros ends them, as in the buffers of the kernel. */
export function parseNotes(bytes: Uint8Array, endian: Endian): ParsedNotes {
  const abi = endian === 'little' ? ABI.x86_64 : ABI.s390x;
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
