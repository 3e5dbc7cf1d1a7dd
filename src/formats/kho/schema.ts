/**
 * The structs of Kexec HandOver (include/linux/kho/abi/*.h, include/linux/kexec_handover.h). All integers are
 * in the byte order of the kernel that wrote them, also where they fill a property of the big-endian device
 * tree. Sizes do not depend on the size of a pointer: physical addresses are 64 bits everywhere.
 */
import {
  array,
  block,
  countedBy,
  enumeration,
  flags,
  hex,
  phys,
  struct,
  u16,
  u32,
  u64,
} from '../../codec/index.js';

const PACKED = { packed: true } as const;

/** `struct kho_data`, which x86 hands over in a `setup_data` node. */
export const KhoData = struct(
  'kho_data',
  { fdt_addr: hex(u64), fdt_size: u64, scratch_addr: hex(u64), scratch_size: u64 },
  PACKED,
);
export const SetupDataType = enumeration('setup_data_type', u32, {
  SETUP_NONE: 0,
  SETUP_E820_EXT: 1,
  SETUP_DTB: 2,
  SETUP_PCI: 3,
  SETUP_EFI: 4,
  SETUP_APPLE_PROPERTIES: 5,
  SETUP_JAILHOUSE: 6,
  SETUP_CC_BLOB: 7,
  SETUP_IMA: 8,
  SETUP_RNG_SEED: 9,
  SETUP_KEXEC_KHO: 10,
});
/** The header of a node of x86's list of setup data; its `len` bytes follow. */
export const SetupData = struct('setup_data', { next: phys(), type: SetupDataType, len: u32 }, PACKED);

/** An area that the next kernel may use before it knows what is preserved. A size of 0 is legal. */
export const KhoScratch = struct('kho_scratch', { addr: hex(u64), size: u64 });

/** `struct khoser_mem_bitmap_ptr`: one bitmap of kho-v1 and the memory that its first bit stands for. */
export const KhoserMemBitmapPtr = struct('khoser_mem_bitmap_ptr', { phys_start: hex(u64), bitmap: phys() });
export const KhoserMemChunkHdr = struct('khoser_mem_chunk_hdr', { next: phys(), order: u32, num_elms: u32 });
/** A page of the list of kho-v1. All of its bitmaps have bits of the same order. */
export const KhoserMemChunk = block(
  struct('khoser_mem_chunk', {
    hdr: KhoserMemChunkHdr,
    bitmaps: array(KhoserMemBitmapPtr, countedBy('hdr.num_elms')),
  }),
  'page',
);

/** A node of the radix tree of kho-v2 and later: a page of physical addresses, 0 for none. */
export const KhoRadixNode = block(struct('kho_radix_node', { table: array(phys(), 'rest') }), 'page');

export const KhoVmallocFlags = flags('kho_vmalloc_flags', hex(u16), {
  KHO_VMALLOC_ALLOC: 1,
  KHO_VMALLOC_HUGE_VMAP: 2,
});
/** An area of virtually contiguous memory, embedded packed at any offset. */
export const KhoVmalloc = struct(
  'kho_vmalloc',
  { first: phys(), total_pages: u32, flags: KhoVmallocFlags, order: u16 },
  PACKED,
);
/** A page of the list of the physical pages of such an area. */
export const KhoVmallocChunk = block(
  struct('kho_vmalloc_chunk', { next: phys(), phys: array(phys(), 'rest') }),
  'page',
);

/** The head of a page of linked blocks (7.2); entries follow from byte 16 on. */
export const KhoBlockHeaderSer = struct('kho_block_header_ser', { next: phys(), count: u64 }, PACKED);

/** Bits of flags that kho_vmalloc knows. */
export const VMALLOC_FLAGS = 3;
/** Blocks of a chain that the kernel takes. */
export const KHO_MAX_BLOCKS = 10_000;
/** The number of a setup_data node that holds a struct kho_data. */
export const SETUP_KEXEC_KHO = 10;
