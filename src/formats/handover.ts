/**
 * What kernels hand over is not one run of bytes with one schema, as the inputs of a {@link Format} are, but
 * objects that point at each other in memory. What there is to say of its parts (generations, types, rules) is
 * said here in the same words.
 */

import type { Format } from './format.js';
import { KEXEC_METADATA, KhoKexecMetadata } from './kexec-metadata/index.js';
import {
  DEBUGFS,
  KHO,
  KHO_GENERATIONS,
  KhoBlockHeaderSer,
  KhoData,
  KhoRadixNode,
  KhoScratch,
  KhoserMemBitmapPtr,
  KhoserMemChunk,
  KhoserMemChunkHdr,
  KhoVmalloc,
  KhoVmallocChunk,
  RECEIVER,
  SetupData,
} from './kho/index.js';
import { KHO_TEST } from './kho-test/index.js';
import { LIVEUPDATE_IOCTLS } from './liveupdate/index.js';
import {
  LUO,
  LUO_GENERATIONS,
  LuoFileSer,
  LuoFileSetSer,
  LuoFlbHeaderSer,
  LuoFlbSer,
  LuoSer,
  LuoSerComposite,
  LuoSerV2,
  LuoSessionHeaderSer,
  LuoSessionSer,
  LuoSessionSerV1,
} from './luo/index.js';
import { MEMBLOCK } from './memblock/index.js';
import { MEMFD, MemfdLuoFolioSer, MemfdLuoSerV1, MemfdLuoSerV2 } from './memfd/index.js';

/** A part of what is handed over: what `formats`, `layout` and `explain` show of it. */
export interface HandoverPart extends Pick<Format, 'name' | 'title' | 'generations' | 'rules' | 'types'> {
  /** Whether it can be read as a generation that somebody names; else the data says which one it is. */
  readonly forcible?: true;
}

export const handoverParts: readonly HandoverPart[] = Object.freeze([
  {
    name: 'kho',
    title: 'Kexec HandOver: the root, the map of preserved memory, scratch',
    forcible: true,
    generations: KHO_GENERATIONS,
    rules: [...Object.values(KHO), ...Object.values(DEBUGFS), ...Object.values(RECEIVER)],
    types: {
      kho_data: KhoData,
      setup_data: SetupData,
      kho_scratch: KhoScratch,
      khoser_mem_bitmap_ptr: KhoserMemBitmapPtr,
      khoser_mem_chunk_hdr: KhoserMemChunkHdr,
      khoser_mem_chunk: KhoserMemChunk,
      kho_radix_node: KhoRadixNode,
      kho_vmalloc: KhoVmalloc,
      kho_vmalloc_chunk: KhoVmallocChunk,
      kho_block_header_ser: KhoBlockHeaderSer,
    },
  },
  {
    name: 'luo',
    title: 'Live Update Orchestrator: sessions, files, file-lifecycle-bound data',
    generations: LUO_GENERATIONS.map(({ name, title, source }) => ({ name, title, source })),
    rules: Object.values(LUO),
    types: {
      luo_ser: LuoSer,
      'luo_ser(composite)': LuoSerComposite,
      'luo_ser(v2)': LuoSerV2,
      luo_session_header_ser: LuoSessionHeaderSer,
      luo_session_ser: LuoSessionSer,
      'luo_session_ser(v1)': LuoSessionSerV1,
      luo_file_set_ser: LuoFileSetSer,
      luo_file_ser: LuoFileSer,
      luo_flb_header_ser: LuoFlbHeaderSer,
      luo_flb_ser: LuoFlbSer,
    },
  },
  {
    name: 'memfd',
    title: 'memfds that the Live Update Orchestrator preserves',
    generations: [
      { name: 'v1', title: 'position, size, folios', source: 'Linux 6.19 and 7.0' },
      { name: 'v2', title: 'seals and flags as well', source: 'Linux 7.1 and later' },
    ],
    rules: Object.values(MEMFD),
    types: {
      memfd_luo_ser: MemfdLuoSerV2,
      'memfd_luo_ser(v1)': MemfdLuoSerV1,
      memfd_luo_folio_ser: MemfdLuoFolioSer,
    },
  },
  {
    name: 'memblock',
    title: 'regions of reserve_mem=',
    generations: [
      { name: 'v1', title: 'a device tree with a node for each region', source: 'Linux 6.16 and later' },
    ],
    rules: Object.values(MEMBLOCK),
    types: {},
  },
  {
    name: 'kexec-metadata',
    title: 'release of the kernel before, and how often it kexeced',
    generations: [{ name: 'v1', title: 'version, release, count', source: 'Linux 7.1 and later' }],
    rules: Object.values(KEXEC_METADATA),
    types: { kho_kexec_metadata: KhoKexecMetadata },
  },
  {
    name: 'kho-test',
    title: "the kernel's own test of KHO",
    generations: [
      {
        name: 'v1',
        title: 'folios in a property, from 6.18 on in a vmalloc area',
        source: 'Linux 6.17 and later',
      },
    ],
    rules: Object.values(KHO_TEST),
    types: {},
  },
  {
    name: 'liveupdate',
    title: 'the ioctls of /dev/liveupdate',
    generations: [
      { name: 'v1', title: 'structs that begin with their size', source: 'Linux 6.19 and later' },
    ],
    rules: [],
    types: Object.fromEntries(
      LIVEUPDATE_IOCTLS.map(({ name, schema }) => [
        'name' in schema && typeof schema.name === 'string' ? schema.name : name.toLowerCase(),
        schema,
      ]),
    ),
  },
]);
