/** eventfds that are preserved as files: `eventfd-v1`. */
import type { FileHandler } from '../kho/extension.js';
import { hexText, type Walk } from '../kho/walk.js';
import { readStruct } from '../payload/index.js';
import { EVENTFD } from './rules.js';
import { EventfdSer } from './schema.js';

export { EVENTFD } from './rules.js';
export * from './schema.js';

export interface EventfdValue {
  readonly count: bigint;
  /** EFD_*. */
  readonly flags: number;
}

const SIZE = 12;
const KNOWN_FLAGS = 0x80801;

export const eventfdHandler: FileHandler = Object.freeze({
  compatible: 'eventfd-v1',
  key: 'eventfd',
  decode: followEventfd,
});

export function followEventfd(data: bigint, walk: Walk, path: string): EventfdValue | undefined {
  const value = readStruct(walk, EventfdSer, SIZE, data, path, 'the eventfd');
  if (value === undefined) return undefined;
  if (value.count === 0xffffffffffffffffn)
    walk.find(EVENTFD.count, `${path}.count`, data, `The counter is ${hexText(value.count)}.`);
  if ((value.flags & ~KNOWN_FLAGS) !== 0)
    walk.find(EVENTFD.flags, `${path}.flags`, data + 8n, `The flags are ${hexText(value.flags)}.`);
  return value;
}
