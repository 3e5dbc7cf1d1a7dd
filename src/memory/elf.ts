/**
 * The headers of ELF core files, of both classes and byte orders, as declarations (`elf.h`). The two classes
 * differ in the size of `unsigned long` and in the order of the program header's fields.
 */
import {
  ABI,
  type ABI as ABIType,
  byOrder,
  bytes,
  type Endian,
  enumeration,
  flags,
  hex,
  magic,
  negotiated,
  struct,
  u8,
  u16,
  u32,
  ulong,
} from '../codec/index.js';

export const ELF_MAGIC = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46);
export const ET_CORE = 4;
export const PT_LOAD = 1;
export const PT_NOTE = 4;
/** `e_phnum` where the number of program headers does not fit: section header 0 has it in `sh_info`. */
export const PN_XNUM = 0xffff;
export const CLASS_32 = 1;
export const CLASS_64 = 2;

/** `e_ident`: the only part whose layout does not depend on what it says. */
export const ElfIdent = negotiated(
  struct('elf_ident', {
    EI_MAG: magic(bytes(4), ELF_MAGIC),
    EI_CLASS: enumeration('EI_CLASS', u8, { ELFCLASS32: CLASS_32, ELFCLASS64: CLASS_64 }),
    EI_DATA: u8,
    EI_VERSION: u8,
    EI_OSABI: u8,
    EI_PAD: bytes(8),
  }),
  { endian: byOrder('EI_DATA', 1, 2) },
);

const IDENT_SIZE = 16;

/** `Elf32_Ehdr` and `Elf64_Ehdr`. QEMU writes an `e_ehsize` of 8, so nobody should look at it. */
export const ElfEhdr = struct('elf_ehdr', {
  e_ident: bytes(IDENT_SIZE),
  e_type: enumeration('e_type', u16, { ET_NONE: 0, ET_REL: 1, ET_EXEC: 2, ET_DYN: 3, ET_CORE }),
  e_machine: u16,
  e_version: u32,
  e_entry: hex(ulong),
  e_phoff: hex(ulong),
  e_shoff: hex(ulong),
  e_flags: hex(u32),
  e_ehsize: u16,
  e_phentsize: u16,
  e_phnum: u16,
  e_shentsize: u16,
  e_shnum: u16,
  e_shstrndx: u16,
});

const PhdrType = enumeration('p_type', u32, { PT_NULL: 0, PT_LOAD, PT_NOTE });
const PhdrFlags = flags('p_flags', u32, { PF_X: 1, PF_W: 2, PF_R: 4 });

export const Elf32Phdr = struct('elf32_phdr', {
  p_type: PhdrType,
  p_offset: hex(ulong),
  p_vaddr: hex(ulong),
  p_paddr: hex(ulong),
  p_filesz: hex(ulong),
  p_memsz: hex(ulong),
  p_flags: PhdrFlags,
  p_align: hex(ulong),
});
export const Elf64Phdr = struct('elf64_phdr', {
  p_type: PhdrType,
  p_flags: PhdrFlags,
  p_offset: hex(ulong),
  p_vaddr: hex(ulong),
  p_paddr: hex(ulong),
  p_filesz: hex(ulong),
  p_memsz: hex(ulong),
  p_align: hex(ulong),
});

/** `Elf32_Shdr` and `Elf64_Shdr`. */
export const ElfShdr = struct('elf_shdr', {
  sh_name: u32,
  sh_type: u32,
  sh_flags: hex(ulong),
  sh_addr: hex(ulong),
  sh_offset: hex(ulong),
  sh_size: hex(ulong),
  sh_link: u32,
  sh_info: u32,
  sh_addralign: hex(ulong),
  sh_entsize: hex(ulong),
});

/** How the headers of a class and byte order are laid out: naturally, whatever the machine is. */
export function headerABI(endian: Endian, bits: 32 | 64): ABIType {
  if (bits === 64) return endian === 'little' ? ABI.x86_64 : ABI.s390x;
  return endian === 'little' ? ABI.arm : ABI.powerpc;
}

/** Sizes of the headers in bytes. */
export const ELF_SIZES = {
  32: { ehdr: 52, phdr: 32, shdr: 40 },
  64: { ehdr: 64, phdr: 56, shdr: 64 },
} as const;
