/** What decodes the parts of a handover: open tables, so that a format registers what it knows. */
import type { Meaning } from '../meaning.js';
import type { Content } from './content.js';
import type { Walk } from './walk.js';

/** What a node of the root leads to. */
export interface Blob {
  /** The name of the node. */
  readonly name: string;
  readonly path: string;
  readonly address: bigint;
  /** As many bytes as the node, or the device tree that lies there, says; fewer where the dump has fewer. */
  readonly bytes: Uint8Array;
  /** What the node says; undefined before kho-v3. */
  readonly size: number | undefined;
  /** Whether all of it is in the dump. */
  readonly complete: boolean;
}

/** Decodes the blob of a node of that name, or one that says that it is compatible with it. */
export interface SubtreeDecoder {
  readonly name?: string;
  readonly compatible?: string;
  /** Whether the blob has to be a device tree. */
  readonly tree?: true;
  decode(blob: Blob, walk: Walk, registry: Registry): unknown;
  /** How two of its values are compared; without it, as plain values, pointers left out. */
  meaning?(registry: Registry): Meaning;
}
/** Decodes what a handler of files left. */
export interface FileHandler {
  /** As in `luo_file_ser`. */
  readonly compatible: string;
  /** Under which name the value stands beside the file's own fields. */
  readonly key: string;
  /** `data` is the handler's own word. Undefined where nothing can be said. */
  decode(data: bigint, walk: Walk, path: string): unknown;
  /** The bytes of the file, for handlers that have some. The value is what `decode` gave. */
  contents?(value: unknown, walk: Walk): Iterable<Content>;
  /** What `data` is; an address unless it says otherwise. */
  readonly word?: 'value';
  /** How two of its values are compared: `{ fields: { devices: { key: 'bdf' } } }`. */
  readonly meaning?: Meaning;
}
/** Decodes file-lifecycle-bound data by its name. */
export interface FlbDecoder {
  /** The name, or what all names begin with if it ends in `*`. */
  readonly name: string;
  readonly key: string;
  decode(data: bigint, walk: Walk, path: string): unknown;
  /** What `data` is; an address unless it says otherwise. */
  readonly word?: 'value';
  /** How two of its values are compared: `{ fields: { devices: { key: 'bdf' } } }`. */
  readonly meaning?: Meaning;
}

/**
 * What must hold between the parts of a handover: run once all of them are decoded. Gets the entries of the
 * value by their names, tells what it finds to the walk.
 */
export type HandoverCheck = (entries: Readonly<Record<string, unknown>>, walk: Walk) => void;

export interface Registry {
  readonly subtrees: readonly SubtreeDecoder[];
  readonly files: readonly FileHandler[];
  readonly flbs: readonly FlbDecoder[];
  readonly checks: readonly HandoverCheck[];
}
