/** What the nodes of the root lead to: blobs, decoded by whoever knows them. */
import { isAbsence } from '../../memory/index.js';
import { FDT_MAGIC, FdtHeader, fdtCheckFull } from '../fdt/index.js';
import type { Blob, Registry } from './extension.js';
import { isTree, rawBlob } from './raw.js';
import type { Root } from './root.js';
import { KHO } from './rules.js';
import { hexText, type Walk } from './walk.js';

/** Bytes of a blob that are read. */
const MAX_BLOB = 1 << 24;

/** The entries of the value, by the names of their nodes; null where there is nothing to read. */
export function readEntries(walk: Walk, root: Root, registry: Registry): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  const names = new Set<string>();
  for (const node of root.nodes) {
    let key = node.name;
    while (names.has(key)) key += '+';
    names.add(key);
    if (node.data === undefined) {
      entries.push([key, null]);
      continue;
    }
    const blob = readBlob(walk, node.name, `entries.${key}`, node.data, node.size);
    entries.push([key, blob === undefined ? null : decodeBlob(blob, walk, registry)]);
  }
  return Object.fromEntries(entries);
}

/** Decodes a blob by the name of its node, or by what it says it is compatible with. */
export function decodeBlob(blob: Blob, walk: Walk, registry: Registry): unknown {
  const raw = isTree(blob.bytes) ? rawBlob(blob) : undefined;
  const compatible = raw?.tree?.compatible;
  // libfdt finds a node also without its unit address.
  const name = blob.name.replace(/@.*$/, '');
  const decoder =
    registry.subtrees.find((candidate) => candidate.name === name) ??
    registry.subtrees.find(
      (candidate) => candidate.compatible !== undefined && candidate.compatible === compatible,
    );
  const unsound = isTree(blob.bytes) && blob.complete ? fdtCheckFull(blob.bytes) : undefined;
  if (unsound !== undefined)
    walk.find(
      KHO['blob-invalid'],
      blob.path,
      blob.address,
      `The device tree is damaged: ${unsound}.`,
      name === 'LUO' ? 'panic' : 'refused',
    );
  if (decoder === undefined) return raw ?? rawBlob(blob);
  if (decoder.tree === true && !isTree(blob.bytes)) {
    if (blob.complete || blob.bytes.length >= 4)
      walk.find(
        KHO['blob-invalid'],
        blob.path,
        blob.address,
        `The blob of ${JSON.stringify(blob.name)} is no device tree.`,
      );
    return rawBlob(blob);
  }
  return decoder.decode(blob, walk, registry) ?? rawBlob(blob);
}

function readBlob(
  walk: Walk,
  name: string,
  path: string,
  address: bigint,
  size: bigint | undefined,
): Blob | undefined {
  if (address === 0n || size === 0n) {
    walk.find(
      KHO['blob-empty'],
      path,
      address,
      `The blob is at ${hexText(address)} and has ${size ?? 'no'} bytes.`,
    );
    return undefined;
  }
  if (!walk.isAligned(address))
    walk.find(KHO['blob-unaligned'], path, address, `The blob at ${hexText(address)} is not page aligned.`);
  if (size !== undefined && size > BigInt(MAX_BLOB))
    walk.find(KHO['blob-too-large'], path, address, `The blob is said to have ${size} bytes.`);
  let length = size === undefined ? walk.pageSize : Number(size > BigInt(MAX_BLOB) ? BigInt(MAX_BLOB) : size);
  const head = walk.image.read(address, 8);
  if (!isAbsence(head)) {
    const view = new DataView(head.buffer, head.byteOffset);
    if (view.getUint32(0) === FDT_MAGIC) {
      walk.object(path, FdtHeader, address, 40);
      const total = view.getUint32(4);
      if (size === undefined) length = Math.max(8, Math.min(total, 1 << 21));
      else if (BigInt(total) > size)
        walk.find(
          KHO['blob-cut'],
          path,
          address,
          `The device tree has ${total} bytes, the blob ${size}.`,
          name === 'LUO' ? 'panic' : 'overrun',
        );
    }
  }
  if (walk.map.complete && !walk.map.covers(address, length))
    walk.find(KHO['blob-not-preserved'], path, address, `The blob at ${hexText(address)} is not preserved.`);
  // A blob owns all of the block that it was allocated with.
  const order = walk.map.blockAt(walk.pfn(address)) ?? 0;
  walk.claims.add(walk.pfn(address), Math.max(2 ** order, Math.ceil(length / walk.pageSize)), path);
  const absent = firstHole(walk, address, length, path);
  const there = absent ?? length;
  if (there === 0) return undefined;
  const bytes = walk.image.read(address, there);
  return isAbsence(bytes)
    ? undefined
    : {
        name,
        path,
        address,
        bytes,
        size: size === undefined ? undefined : Number(size > BigInt(MAX_BLOB) ? BigInt(MAX_BLOB) : size),
        complete: absent === undefined,
      };
}

/** How many bytes there are before the first that the dump lacks; undefined if it lacks none. */
function firstHole(walk: Walk, address: bigint, length: number, path: string): number | undefined {
  for (let at = 0; at < length; ) {
    const place = walk.image.at(address + BigInt(at));
    if (place.state === 'absent') {
      walk.bytes(address + BigInt(at), 1, path, 'the blob');
      return at;
    }
    at += Number(place.length > BigInt(length) ? BigInt(length) : place.length);
  }
  return undefined;
}
