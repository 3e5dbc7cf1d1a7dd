/** Two inputs whose bytes are one value, as the comparison sees them. */
import type { PathPart } from '../../formats/format.js';
import type { Sense } from '../../formats/meaning.js';
import type { State } from '../open.js';
import type { Side } from './compare.js';
import { senseOf } from './sense.js';

export class StreamSide implements Side {
  readonly value: unknown;
  readonly base = [];
  readonly generation: string;
  readonly hasMemory = true;
  readonly isPart = false;
  readonly #state: State;

  constructor(state: State) {
    this.#state = state;
    const { reading, value, bytes, wire, incomplete } = state;
    this.generation = `${reading.format}@${reading.generation}`;
    // What follows the value is compared as well, where it is known where the value ends.
    const rest = incomplete === undefined ? bytes.subarray(wire.understood) : new Uint8Array();
    const isOwn = typeof value === 'object' && value !== null;
    this.value = isOwn && rest.length > 0 ? { ...value, 'bytes after it': rest } : value;
  }

  senseAt = (path: readonly PathPart[]): Sense | undefined => {
    const { format, reading } = this.#state;
    const wire = format.wirePath(path, reading);
    return wire && senseOf(reading.schema, wire);
  };
  isAbsent(): boolean {
    return false;
  }
  fileContents(): undefined {
    return undefined;
  }
  memory(): undefined {
    return undefined;
  }
}
