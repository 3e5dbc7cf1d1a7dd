/** Builds what is handed over of DMA buffers: which device exported them. */
import { DmabufSer, type DmabufValue } from '../../formats/dmabuf/index.js';
import type { FileBuilder } from '../handover/extension.js';
import { field, needed, object, text } from '../spec/shape.js';
import { pciFunctionOf } from './pci-address.js';

export interface DmabufSpec {
  /** Of the device that exported it: `0000:3a:01.0`. */
  readonly address: string;
}
const SIZE = 6;

export const dmabufBuilder: FileBuilder = {
  key: 'dmabuf',
  field: field(
    object('dmabuf', 'A DMA buffer', {
      address: needed(text, 'of the device that exported it: `0000:3a:01.0`'),
    }),
    'a DMA buffer',
  ),
  compatible: () => 'dmabuf-v1',
  build: (value, builder, place) => {
    const path = `${place.path}.dmabuf`;
    // The spec of a file says that this key has the type.
    const device = pciFunctionOf((value as DmabufSpec).address, `${path}.address`);
    const region = builder.object(path, DmabufSer, SIZE, () => device);
    return () => region.address;
  },
  saysCompatible: (compatible) => (compatible === 'dmabuf-v1' ? {} : { compatible }),
  // What the decoder of DMA buffers gives under this key.
  describe: (value) => ({ address: (value as DmabufValue).address }) satisfies DmabufSpec,
};
