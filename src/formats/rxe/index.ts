/** Devices of soft RoCE that are preserved as files: `rxe-liveupdate-v1`, of which only the string was posted. */
import type { FileHandler } from '../kho/extension.js';
import type { Walk } from '../kho/walk.js';
import { claimBlock } from '../payload/index.js';

export interface RxeValue {
  /** What data is: nothing, the address of a preserved block whose layout nobody knows, or a word. */
  readonly data_is: 'nothing' | 'a preserved block' | 'a word';
}

export const rxeHandler: FileHandler = Object.freeze({
  compatible: 'rxe-liveupdate-v1',
  key: 'rxe',
  decode: (data: bigint, walk: Walk, path: string): RxeValue => {
    if (data === 0n) return { data_is: 'nothing' };
    if (!walk.isAligned(data) || walk.map.blockAt(walk.pfn(data)) === undefined) return { data_is: 'a word' };
    claimBlock(walk, data, path);
    return { data_is: 'a preserved block' };
  },
});
