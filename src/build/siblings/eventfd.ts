/** Builds eventfds. */
import { EventfdFlags, EventfdSer, type EventfdValue } from '../../formats/eventfd/index.js';
import type { FileBuilder } from '../handover/extension.js';
import type { Word } from '../handover/spec.js';
import { bitsOf } from '../spec/handover-shape.js';
import { field, flags, object, word } from '../spec/shape.js';
import { smallOf, wordOf } from '../words.js';

export interface EventfdSpec {
  readonly count?: Word;
  /** EFD_*. */
  readonly flags?: number;
}
const SIZE = 12;

export const eventfdBuilder: FileBuilder = {
  key: 'eventfd',
  field: field(
    object('eventfd', 'An eventfd', {
      count: field(word, 'its counter; 0 if not given'),
      flags: field(flags(bitsOf(EventfdFlags.members)), 'none if not given'),
    }),
    'an eventfd',
  ),
  compatible: () => 'eventfd-v1',
  build: (value, builder, place) => {
    // The spec of a file says that this key has the type.
    const { count = 0n, flags = 0 } = value as EventfdSpec;
    const path = `${place.path}.eventfd`;
    const ser = { count: wordOf(count, `${path}.count`), flags: smallOf(flags, 32, `${path}.flags`) };
    const region = builder.object(path, EventfdSer, SIZE, () => ser);
    return () => region.address;
  },
  saysCompatible: (compatible) => (compatible === 'eventfd-v1' ? {} : { compatible }),
  describe: (value) => {
    // What the decoder of eventfds gives under this key.
    const { count, flags } = value as EventfdValue;
    return { ...(count === 0n ? {} : { count }), ...(flags === 0 ? {} : { flags }) } satisfies EventfdSpec;
  },
};
