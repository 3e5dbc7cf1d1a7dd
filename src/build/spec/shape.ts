/**
 * What a spec may say, as plain data: reading it, its JSON Schema and its table in the documentation all come
 * from one declaration.
 */

/** A whole number of up to 64 bits: `4096`, `0x1001`, `"64 KiB"`. */
export interface WordShape {
  readonly kind: 'word';
}
/** A whole number of up to 53 bits. */
export interface NumberShape {
  readonly kind: 'number';
  readonly max: number;
}
export interface TextShape {
  readonly kind: 'text';
}
/** One of some words. */
export interface ChoiceShape<V extends string = string> {
  readonly kind: 'choice';
  readonly values: readonly V[];
}
export interface BooleanShape {
  readonly kind: 'boolean';
}
/** Only this boolean: `hole: true`. */
export interface ConstantShape<V extends boolean = boolean> {
  readonly kind: 'constant';
  readonly value: V;
}
/** A number, or the names of its bits. */
export interface FlagsShape {
  readonly kind: 'flags';
  readonly bits: Readonly<Record<string, number>>;
}
export interface ListShape {
  readonly kind: 'list';
  readonly of: Shape;
}
/** Names that the spec chooses. */
export interface MapShape {
  readonly kind: 'map';
  readonly of: Shape;
}
export interface Field {
  readonly shape: Shape;
  /** A sentence without a full stop, for the table and for editors. */
  readonly doc: string;
  readonly required: boolean;
}
export interface ObjectShape {
  readonly kind: 'object';
  /** What it is called in the table. */
  readonly name: string;
  readonly doc: string;
  readonly fields: Readonly<Record<string, Field>>;
}
/** What is there tells which of them it is: a text, a number, a boolean, a list or an object. */
export interface EitherShape {
  readonly kind: 'either';
  readonly of: readonly Shape[];
}

export type Shape =
  | WordShape
  | NumberShape
  | TextShape
  | ChoiceShape
  | BooleanShape
  | ConstantShape
  | FlagsShape
  | ListShape
  | MapShape
  | ObjectShape
  | EitherShape;

type Simplify<T> = { readonly [K in keyof T]: T[K] };
type RequiredKeys<F> = { [K in keyof F]: F[K] extends { readonly required: true } ? K : never }[keyof F];

/** The type of what is read by a shape. */
export type Read<S> = S extends { readonly kind: 'word' }
  ? bigint
  : S extends { readonly kind: 'number' | 'flags' }
    ? number
    : S extends { readonly kind: 'text' }
      ? string
      : S extends { readonly kind: 'choice'; readonly values: readonly (infer V)[] }
        ? V
        : S extends { readonly kind: 'boolean' }
          ? boolean
          : S extends { readonly kind: 'constant'; readonly value: infer V }
            ? V
            : S extends { readonly kind: 'list'; readonly of: infer E }
              ? readonly Read<E>[]
              : S extends { readonly kind: 'map'; readonly of: infer E }
                ? Readonly<Record<string, Read<E>>>
                : S extends { readonly kind: 'either'; readonly of: readonly (infer E)[] }
                  ? Read<E>
                  : S extends { readonly kind: 'object'; readonly fields: infer F }
                    ? Simplify<
                        {
                          readonly [K in RequiredKeys<F>]: F[K] extends { shape: infer E } ? Read<E> : never;
                        } & {
                          readonly [K in Exclude<keyof F, RequiredKeys<F>>]?: F[K] extends { shape: infer E }
                            ? Read<E>
                            : never;
                        }
                      >
                    : never;

export const word: WordShape = Object.freeze({ kind: 'word' });
export const text: TextShape = Object.freeze({ kind: 'text' });
export const boolean: BooleanShape = Object.freeze({ kind: 'boolean' });

export function number(max: number): NumberShape {
  return Object.freeze({ kind: 'number', max });
}
export function choice<const V extends string>(values: readonly V[]): ChoiceShape<V> {
  return Object.freeze({ kind: 'choice', values });
}
export function constant<const V extends boolean>(value: V): ConstantShape<V> {
  return Object.freeze({ kind: 'constant', value });
}
export function flags(bits: Readonly<Record<string, number>>): FlagsShape {
  return Object.freeze({ kind: 'flags', bits });
}
export function list<const S extends Shape>(of: S): { readonly kind: 'list'; readonly of: S } {
  return Object.freeze({ kind: 'list', of });
}
export function map<const S extends Shape>(of: S): { readonly kind: 'map'; readonly of: S } {
  return Object.freeze({ kind: 'map', of });
}
export function either<const S extends readonly Shape[]>(
  ...of: S
): { readonly kind: 'either'; readonly of: S } {
  return Object.freeze({ kind: 'either', of });
}
export function object<const F extends Readonly<Record<string, Field>>>(
  name: string,
  doc: string,
  fields: F,
): { readonly kind: 'object'; readonly name: string; readonly doc: string; readonly fields: F } {
  return Object.freeze({ kind: 'object', name, doc, fields });
}
/** A field that may be left out. */
export function field<const S extends Shape>(
  shape: S,
  doc: string,
): { readonly shape: S; readonly doc: string; readonly required: false } {
  return Object.freeze({ shape, doc, required: false });
}
/** A field that has to be there. */
export function needed<const S extends Shape>(
  shape: S,
  doc: string,
): { readonly shape: S; readonly doc: string; readonly required: true } {
  return Object.freeze({ shape, doc, required: true });
}
