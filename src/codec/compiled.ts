/**
 * What both engines offer for one schema on one ABI: the interpreted one, which always works, and the
 * generated one (`generate.ts`, `jit.ts`), which is as fast as code written by hand.
 */
import type { ABI } from './abi.js';
import type { BytesLike } from './bytes.js';
import { Careful, type CompiledDecodeOptions } from './careful.js';
import { type Columns, columns } from './columns.js';
import type { InputOf, Schema, ValueOf } from './schema.js';
import { type ViewArray, type ViewOf, view, viewArray } from './view.js';

export type { CompiledDecodeOptions } from './careful.js';

/** One schema on one ABI, ready to be used many times. */
export interface Compiled<S extends Schema> {
  readonly engine: 'generated' | 'interpreted';
  readonly schema: S;
  readonly abi: ABI | undefined;
  /** Decodes the bytes, all of them. Throws what `decode` throws. */
  decode(bytes: BytesLike, options?: CompiledDecodeOptions): ValueOf<S>;
  /** Decodes at an offset and leaves alone what follows. Takes a DataView, so that a loop over messages makes none. */
  decodeAt(view: DataView, offset: number): ValueOf<S>;
  /** Decodes so many, one after the other. Paths of errors begin with the index. */
  decodeArray(bytes: BytesLike, count: number, offset?: number): ValueOf<S>[];
  encode(value: InputOf<S>): Uint8Array;
  /** Encodes them one after the other. Paths of errors begin with the index. */
  encodeArray(values: readonly InputOf<S>[]): Uint8Array;
  /**
   * Encodes into bytes that are there already, and returns the offset behind them; schemas of fixed size
   * only. If it throws, those bytes are in no certain state.
   *
   * This and `encodeArrayInto` are the fast way out: nothing is allocated. Every field has to be there, of its
   * type and in its range, but keys that are no fields are not looked for; `encode` and `encodeArray` refuse
   * them.
   */
  encodeInto(value: InputOf<S>, view: DataView, offset: number): number;
  /** The same with many, one after the other. Paths of errors begin with the index. */
  encodeArrayInto(values: readonly InputOf<S>[], view: DataView, offset: number): number;
  /** Elements read in place, when asked for; elements of fixed size only. */
  viewArray(bytes: BytesLike, count: number, offset?: number): ViewArray<S>;
  /** One value read in place, when asked for. */
  view(bytes: BytesLike, offset?: number): ViewOf<S>;
  /** Fields of so many elements as typed arrays, filled in one pass; elements of fixed size only. */
  columns<K extends keyof Columns<S> & string = keyof Columns<S> & string>(
    bytes: BytesLike,
    count: number,
    offset?: number,
    fields?: readonly K[],
  ): Pick<Columns<S>, K>;
}

/** What generated code may do in the place of the interpreter. */
export type Fast<S extends Schema> = Partial<
  Pick<
    Compiled<S>,
    'decode' | 'decodeAt' | 'decodeArray' | 'encode' | 'encodeArray' | 'encodeInto' | 'encodeArrayInto'
  >
>;

/**
 * The engine that evaluates no text. Nothing is laid out until it is used.
 *
 * @example
 * interpreted(struct('pair', { a: u8, b: u8 })).decode(Uint8Array.of(1, 2)) // => { a: 1, b: 2 }
 */
export function interpreted<S extends Schema>(schema: S, abi?: ABI): Compiled<S> {
  return interpretedWith(new Careful(schema, abi), {});
}

/** An engine of generated functions; what is not generated is interpreted. */
export function interpretedWith<S extends Schema>(careful: Careful<S>, fast: Fast<S>): Compiled<S> {
  const { schema, abi } = careful;
  const given = abi && { abi };
  return {
    engine: Object.keys(fast).length > 0 ? 'generated' : 'interpreted',
    schema,
    abi,
    decode: (bytes, options) => careful.decode(bytes, options),
    decodeAt: (data, offset) => careful.decodeAt(data, offset),
    decodeArray: (bytes, count, offset) => careful.decodeArray(bytes, count, offset),
    encode: (value) => careful.encode(value),
    encodeArray: (values) => careful.encodeArray(values),
    encodeInto: (value, data, offset) => careful.encodeInto(value, data, offset),
    encodeArrayInto: (values, data, offset) => careful.encodeArrayInto(values, data, offset),
    viewArray: (bytes, count, offset = 0) => viewArray(schema, bytes, { ...given, count, offset }),
    view: (bytes, offset = 0) => view(schema, bytes, { ...given, offset }),
    columns: (bytes, count, offset = 0, fields) =>
      columns(schema, bytes, { ...given, count, offset, ...(fields && { fields }) }),
    ...fast,
  };
}
