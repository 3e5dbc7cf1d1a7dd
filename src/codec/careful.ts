/**
 * The careful reader and writer behind the calls of a compiled schema. Interpreted engines are made of it;
 * generated code comes here for everything that is not regular, so that both engines say the same about it.
 */
import type { ABI } from './abi.js';
import { type BytesLike, byteArray } from './bytes.js';
import { decode } from './decode.js';
import { encode } from './encode.js';
import { fail, hexOffset } from './error.js';
import { type Plan, planOf } from './plan.js';
import { Reader } from './read.js';
import { decodeArray, encodeArray } from './records.js';
import type { Memory, Params } from './refs.js';
import type { InputOf, Schema, ValueOf } from './schema.js';
import { checkOffset, fixedSize } from './size.js';
import { Writer } from './write.js';

export interface CompiledDecodeOptions {
  /** Values for references that no field answers. */
  readonly params?: Params;
  /** Where pointers can be followed to. */
  readonly memory?: Memory;
}

/** One schema on one ABI, read and written carefully. */
export class Careful<S extends Schema> {
  readonly schema: S;
  readonly abi: ABI | undefined;
  /** Where the element ended that was read last. */
  next = 0;
  private laidOut: Plan | undefined;

  constructor(schema: S, abi: ABI | undefined) {
    this.schema = schema;
    this.abi = abi;
  }

  /** Laid out when first asked for, so that making an engine costs nothing. */
  get plan(): Plan {
    this.laidOut ??= planOf(this.schema, this.abi);
    return this.laidOut;
  }

  decode(bytes: BytesLike, options: CompiledDecodeOptions = {}): ValueOf<S> {
    const { abi } = this;
    return decode(this.schema, bytes, { ...options, ...(abi && { abi }) });
  }
  decodeAt(view: DataView, offset: number): ValueOf<S> {
    const reader = new Reader(view, {}, true);
    // Here and below: the value was made by the plan of S, which has the shape that ValueOf<S> describes.
    return reader.root(this.plan, checkOffset(view, offset)) as ValueOf<S>;
  }
  decodeArray(bytes: BytesLike, count: number, offset = 0): ValueOf<S>[] {
    const { abi } = this;
    return decodeArray(this.schema, bytes, { count, offset, ...(abi && { abi }) });
  }
  /** Decodes one element of an array; the path of its errors begins with the index. */
  element(view: DataView, offset: number, index: number): ValueOf<S> {
    const reader = new Reader(view, {}, true);
    reader.path.push(index);
    const value = reader.root(this.plan, offset);
    this.next = reader.next;
    return value as ValueOf<S>;
  }

  encode(value: InputOf<S>): Uint8Array {
    const { abi } = this;
    return encode(this.schema, value, { ...(abi && { abi }) });
  }
  encodeArray(values: readonly InputOf<S>[]): Uint8Array {
    const { abi } = this;
    return encodeArray(this.schema, values, { ...(abi && { abi }) });
  }
  /** Returns the offset behind what it wrote. */
  encodeInto(value: InputOf<S>, view: DataView, offset: number): number {
    const { abi } = this;
    checkRoom(view, offset, fixedSize(this.plan));
    return put(encode(this.schema, value, { otherKeys: 'ignore', ...(abi && { abi }) }), view, offset);
  }
  /** Returns the offset behind what it wrote. */
  encodeArrayInto(values: readonly InputOf<S>[], view: DataView, offset: number): number {
    const { abi } = this;
    const size = fixedSize(this.plan);
    if (Array.isArray(values)) checkRoom(view, offset, values.length * size);
    return put(encodeArray(this.schema, values, { otherKeys: 'ignore', ...(abi && { abi }) }), view, offset);
  }
  /** Encodes one element of an array; the path of its errors begins with the index. */
  encodeElement(value: InputOf<S>, index: number, otherKeys: 'refuse' | 'ignore' = 'refuse'): Uint8Array {
    const writer = new Writer({ otherKeys }, 0);
    writer.path.push(index);
    return writer.root(this.plan, value);
  }
}

function put(bytes: Uint8Array, view: DataView, offset: number): number {
  const end = offset + bytes.length;
  byteArray(view, offset, end).set(bytes);
  return end;
}
/** Throws unless so many bytes are there to be written. */
function checkRoom(view: DataView, offset: number, size: number): void {
  checkOffset(view, offset);
  if (offset + size > view.byteLength)
    fail('truncated', `needs ${size} bytes, but only ${view.byteLength - offset} are left`, {
      offset,
      expected: `${size} bytes`,
      found: `the bytes end at ${hexOffset(view.byteLength)}`,
    });
}
