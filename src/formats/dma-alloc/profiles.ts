/** The two layouts of a preserved DMA allocation. */
import type { Schema } from '../../codec/index.js';
import type { Generation } from '../format.js';
import { DmaAllocSerV1, DmaAllocSerV2 } from './schema.js';

export interface DmaAllocProfile extends Generation {
  readonly name: 'v1' | 'v2';
  readonly schema: Schema;
}
export const DMA_ALLOC_PROFILES: readonly DmaAllocProfile[] = Object.freeze([
  {
    name: 'v1',
    title: 'one contiguous piece',
    source: 'development tree, dma-direct only',
    schema: DmaAllocSerV1,
  },
  {
    name: 'v2',
    title: 'pages with their addresses',
    source: 'development tree, later',
    schema: DmaAllocSerV2,
  },
]);
