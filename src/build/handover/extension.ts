/** What builds the parts of a handover: open tables, as those of the decoders are. */
import type { Region } from '../memory.js';
import type { Field } from '../spec/shape.js';
import type { HandoverBuilder } from './builder.js';
import type { Describer } from './describer.js';
import type { FileSpec, FlbSpec, SessionSpec } from './spec.js';

/** What goes on around the conversion of a part. Sentences begin with a path in the part: `devices[0].token: …`. */
export interface Conversion {
  /** The sessions of the state that is converted, as they were. */
  readonly sessions: readonly SessionSpec[];
  /** Tells what has no place in the target, or has another value there. */
  lost(text: string): void;
  /** Tells what the target says and the source does not. */
  supplied(text: string): void;
}

/** The layouts of a part, where it has several. */
export interface Layouts {
  /** The name of its format: `vfio-pci`. */
  readonly format: string;
  readonly names: readonly string[];
  /** The layout of a value as specs have it. */
  of(value: unknown): string;
  /**
   * The same state in a layout, one of `names`; undefined where it has no place at all, which is told. In the
   * layout that it has, what follows from other parts of the spec is said by its own, since those may change.
   */
  convert(value: unknown, layout: string, conversion: Conversion): unknown;
}

/** Which file it is. */
export interface FilePlace {
  readonly session: string;
  readonly token: bigint;
  readonly path: string;
  readonly file: FileSpec;
}

/** Builds what a handler of files leaves. */
export interface FileBuilder {
  /** The key of a file that says what there is to build: `memfd`. */
  readonly key: string;
  /** What a spec may say under the key. Undefined for what every spec knows. */
  readonly field?: Field;
  /** The handler's string, where the file does not give one. */
  compatible(builder: HandoverBuilder, value: unknown): string;
  /** The handler's own word, asked for when all addresses are known. */
  build(value: unknown, builder: HandoverBuilder, place: FilePlace): () => bigint;
  /**
   * The string, if a spec has to say it: it is not the one that follows from the rest. `value` is what the decoder
   * of the file gave.
   */
  saysCompatible(compatible: string, describer: Describer, value: unknown): { readonly compatible?: string };
  /** What `build` would have to be given: from what the decoder of the file gave. */
  describe(value: unknown, describer: Describer, place: Omit<FilePlace, 'file'>): unknown;
  readonly layouts?: Layouts;
  /** The value where no FLBs are handed over. Not given where it refers to none. */
  withoutFlbs?(value: unknown, conversion: Conversion): unknown;
}

/** Builds file-lifecycle-bound data. */
export interface FlbBuilder {
  readonly key: string;
  /** What a spec may say under the key. */
  readonly field: Field;
  /** What the strings of the handlers begin with whose files it depends on; it is of all files if not given. */
  readonly dependsOn?: string;
  /** The name, where the FLB does not give one. */
  flbName(builder: HandoverBuilder, value: unknown): string;
  /** Runs when all files are there, so that it can point at them. Gives the word of the FLB. */
  build(value: unknown, builder: HandoverBuilder, path: string, flb: FlbSpec): () => bigint;
  /** What `build` would have to be given: from what the decoder of the FLB gave. */
  describe(value: unknown, describer: Describer, path: string): unknown;
  readonly layouts?: Layouts;
}

export interface BuildRegistry {
  readonly files: readonly FileBuilder[];
  readonly flbs: readonly FlbBuilder[];
}

/** What a node of the root leads to. */
export interface BuiltNode {
  readonly name: string;
  readonly region: Region;
  /** Bytes of the blob, asked for when everything is written. */
  size(): number;
}
