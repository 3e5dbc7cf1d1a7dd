/** Writes ELF notes. */
import { type Endian, encode } from '../codec/index.js';
import { headerABI } from './elf.js';
import { ElfNhdr, type ElfNote, VMCOREINFO_NOTE } from './notes.js';
import type { MemoryContents } from './segments.js';
import { joined, paddedTo } from './write-pieces.js';

export interface EncodedNotes {
  readonly bytes: Uint8Array;
  /** Where in them the content of each note begins. */
  readonly contentAt: readonly number[];
}

/** Notes one behind the other, names and contents padded to 4 bytes. */
export function encodeNotes(notes: readonly ElfNote[], endian: Endian): EncodedNotes {
  // The header is the same for both classes.
  const abi = headerABI(endian, 64);
  const parts: Uint8Array[] = [];
  const contentAt: number[] = [];
  let at = 0;
  const add = (part: Uint8Array) => {
    parts.push(part);
    at += part.length;
  };
  for (const { name, type, content } of notes) {
    add(encode(ElfNhdr, { n_namesz: name.length + 1, n_descsz: content.length, n_type: type }, { abi }));
    add(paddedTo(asciiBytes(`${name}\0`), 4));
    contentAt.push(at);
    add(paddedTo(content, 4));
  }
  return { bytes: joined(parts), contentAt };
}

/** The notes of memory that is to be written, with its VMCOREINFO among them. */
export function notesOf({ notes = [], vmcoreinfo }: MemoryContents): readonly ElfNote[] {
  if (vmcoreinfo === undefined) return notes;
  return [
    ...notes.filter(({ name }) => name !== VMCOREINFO_NOTE),
    { name: VMCOREINFO_NOTE, type: 0, content: asciiBytes(vmcoreinfo) },
  ];
}

/** One byte per character; `?` for those that are not ASCII. */
export function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code < 0x80 ? code : 0x3f;
  });
}
