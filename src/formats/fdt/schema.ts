/**
 * The structs of a flattened device tree (Devicetree Specification v0.4, chapter 5; libfdt's fdt.h). All
 * integers are big-endian on every machine. What fills a property is another matter: `reg` and its kind are
 * big-endian cells, but nothing keeps a kernel from storing its own integers there, as KHO does.
 */
import { be32, be64, bytes, chars, enumeration, field, hex, optional, struct } from '../../codec/index.js';

/** `d00dfeed`, the first four bytes. */
export const FDT_MAGIC = 0xd00dfeed;

/** The tokens of the structure block. Each begins at a multiple of 4 from the start of the block. */
export const TOKEN = { BEGIN_NODE: 1, END_NODE: 2, PROP: 3, NOP: 4, END: 9 } as const;

/** Nothing is aligned by a compiler: the layout is the same on every machine. */
const PACKED = { packed: true } as const;

export const FdtToken = enumeration('fdt_token', be32, {
  FDT_BEGIN_NODE: TOKEN.BEGIN_NODE,
  FDT_END_NODE: TOKEN.END_NODE,
  FDT_PROP: TOKEN.PROP,
  FDT_NOP: TOKEN.NOP,
  FDT_END: TOKEN.END,
});

/**
 * The header. Fields were added at its end: version 1 has 28 bytes, version 2 32, versions 3 to 16 36,
 * version 17 40, and so has everything later that says it is compatible with 17 or less.
 */
export const FdtHeader = struct(
  'fdt_header',
  {
    magic: hex(be32),
    totalsize: be32,
    off_dt_struct: hex(be32),
    off_dt_strings: hex(be32),
    off_mem_rsvmap: hex(be32),
    version: be32,
    last_comp_version: be32,
    boot_cpuid_phys: optional(be32, { ref: 'version', is: 'at-least', value: 2 }),
    size_dt_strings: optional(be32, { ref: 'version', is: 'at-least', value: 3 }),
    size_dt_struct: optional(be32, { ref: 'version', is: 'at-least', value: 17 }),
  },
  PACKED,
);

/** One entry of the memory reservation block, which an entry of size 0 ends. */
export const FdtReserveEntry = struct('fdt_reserve_entry', { address: hex(be64), size: hex(be64) }, PACKED);

/** A property's token. Before version 16 a value of 8 bytes or more begins at a multiple of 8. */
export const FdtProperty = struct(
  'fdt_property',
  {
    tag: FdtToken,
    len: be32,
    nameoff: hex(be32),
    data: bytes(field('len')),
  },
  PACKED,
);

/** A node's token; the name goes on to its NUL. Before version 16 it is the full path. */
export const FdtNodeHeader = struct('fdt_node_header', { tag: FdtToken, name: chars('rest') }, PACKED);

/** Bytes of the header of a version. */
export function headerSize(version: number): number {
  if (version <= 1) return 28;
  if (version <= 2) return 32;
  return version <= 16 ? 36 : 40;
}
