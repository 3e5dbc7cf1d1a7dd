import { expect, it } from 'vitest';
import { ABI, type Schema, sizeof } from '../../../src/codec/index.js';
import { KhoKexecMetadata } from '../../../src/formats/kexec-metadata/index.js';
import {
  KhoBlockHeaderSer,
  KhoData,
  KhoScratch,
  KhoserMemChunkHdr,
  KhoVmalloc,
  radixShape,
  SetupData,
} from '../../../src/formats/kho/index.js';
import {
  LuoFileSer,
  LuoFlbHeaderSer,
  LuoFlbSer,
  LuoSer,
  LuoSerComposite,
  LuoSerV2,
  LuoSessionSer,
  LuoSessionSerV1,
} from '../../../src/formats/luo/index.js';

it.each<[Schema, number]>([
  [LuoSer, 32],
  [LuoSerComposite, 40],
  [LuoSerV2, 24],
  [LuoSessionSer, 80],
  [LuoSessionSerV1, 64],
  [LuoFileSer, 64],
  [LuoFlbSer, 64],
  [LuoFlbHeaderSer, 16],
  [KhoBlockHeaderSer, 16],
  [KhoVmalloc, 16],
  [KhoScratch, 16],
  [KhoData, 32],
  [KhoserMemChunkHdr, 16],
  [SetupData, 16],
  [KhoKexecMetadata, 73],
])('%o has %i bytes, also on machines of 32 bits', (schema, size) => {
  for (const abi of [ABI.x86_64, ABI.aarch64, ABI.i386]) expect(sizeof(schema, abi)).toBe(size);
});

it.each([
  [4096, { depth: 6, nodeBits: 9, leafBits: 15, orderBit: 52 }],
  [16384, { depth: 5, nodeBits: 11, leafBits: 17, orderBit: 50 }],
  [65536, { depth: 4, nodeBits: 13, leafBits: 19, orderBit: 48 }],
])('the tree of pages of %i bytes', (pageSize, shape) => {
  expect(radixShape(pageSize)).toEqual(shape);
  expect(radixShape(pageSize, true).depth).toBe(pageSize === 16384 ? 4 : shape.depth);
});
