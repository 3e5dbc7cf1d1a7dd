import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { fromHex } from '../../../src/codec/index.js';
import type { FDTLayout, FDTNode, FDTTree, WriteFDTOptions } from '../../../src/formats/fdt/index.js';

/** The file `scripts/fdt/make-goldens.mjs` writes; bytes are hex. */
interface Goldens {
  readonly compiled: readonly {
    readonly name: string;
    readonly version: number;
    readonly options: readonly string[];
    readonly bytes: string;
    readonly dts: string;
  }[];
  readonly captures: readonly { readonly name: string; readonly dts: string }[];
  readonly made: readonly { readonly layout: FDTLayout; readonly tree: GoldenTree; readonly bytes: string }[];
  readonly written: readonly {
    readonly tree: GoldenTree;
    readonly options: WriteFDTOptions;
    readonly bytes: string;
    readonly dts: string;
    readonly dump: string;
  }[];
  readonly edited: {
    readonly base: string;
    readonly cases: readonly {
      readonly job: 'nop' | 'open' | 'set';
      readonly size?: number;
      readonly path?: string;
      readonly name?: string;
      readonly value?: string;
      readonly bytes: string;
    }[];
  };
  readonly checked: readonly {
    readonly bytes: string;
    readonly edits: readonly (readonly [readonly (readonly [number, number])[], number])[];
    readonly answers: readonly ('crash' | readonly [string | null, string | null])[];
  }[];
}
interface GoldenTree {
  readonly reservations: readonly (readonly [string, string])[];
  readonly root: GoldenNode;
}
interface GoldenNode {
  readonly name: string;
  readonly properties: readonly (readonly [string, string])[];
  readonly children: readonly GoldenNode[];
}

const folder = new URL('../../../fixtures/fdt/', import.meta.url);

export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(fileURLToPath(new URL(name, folder))));
}
// The script that writes the file keeps to the interface above.
export const goldens = JSON.parse(gunzipSync(fixture('goldens.json.gz')).toString()) as Goldens;

export function unhex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === undefined) throw new Error(`${text.slice(0, 20)} is not hex`);
  return bytes;
}

export function treeOf(golden: GoldenTree): FDTTree {
  const make = (node: GoldenNode): FDTNode => ({
    name: node.name,
    properties: node.properties.map(([name, value]) => ({ name, value: unhex(value) })),
    children: node.children.map(make),
  });
  return {
    reservations: golden.reservations.map(([address, size]) => ({
      address: BigInt(address),
      size: BigInt(size),
    })),
    root: make(golden.root),
  };
}

/** Only what a tree says, without offsets, for comparing. */
export function bare(node: FDTNode): unknown {
  return [
    node.name,
    node.properties.map(({ name, value }) => [name, Buffer.from(value).toString('hex')]),
    node.children.map(bare),
  ];
}
