/** DMA buffers that are preserved as files: `dmabuf-v1`, which is a placeholder. */
import type { FileHandler } from '../kho/extension.js';
import type { Walk } from '../kho/walk.js';
import { readStruct } from '../payload/index.js';
import { pciAddress } from '../pci/index.js';
import { DmabufSer } from './schema.js';

export * from './schema.js';

export interface DmabufValue {
  readonly domain: number;
  readonly bdf: number;
  /** Of the device that exported it: `0001:3a:01.0`. */
  readonly address: string;
}

const SIZE = 6;

export const dmabufHandler: FileHandler = Object.freeze({
  compatible: 'dmabuf-v1',
  key: 'dmabuf',
  decode: followDmabuf,
});

export function followDmabuf(data: bigint, walk: Walk, path: string): DmabufValue | undefined {
  const value = readStruct(walk, DmabufSer, SIZE, data, path, 'the DMA buffer');
  return value && { ...value, address: pciAddress(value.domain, value.bdf) };
}
