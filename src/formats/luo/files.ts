/** From the list of a session's files to each file, and to what its handler left. */
import { type Entry, followBlocks } from '../kho/blocks.js';
import type { Registry } from '../kho/extension.js';
import { baseVersion } from '../kho/generations.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import { handlerFor } from './handler.js';
import { contiguous, ofBlocks, type Read } from './lists.js';
import { nameProblems } from './read.js';
import { LUO } from './rules.js';
import { LuoFileSer, type LuoGeneration, SIZES } from './schema.js';
import type { LuoFile } from './value.js';

export function readFiles(
  generation: LuoGeneration,
  set: { readonly files: bigint; readonly count: bigint },
  walk: Walk,
  registry: Registry,
  path: string,
  session: bigint,
): Read<LuoFile> {
  if ((set.files === 0n) !== (set.count === 0n))
    walk.find(
      LUO['file-set'],
      path,
      session + 64n,
      `The session has ${many(set.count, 'file')}, in a list at ${hexText(set.files)}.`,
      set.files === 0n || generation.files === 'pages' ? 'silent loss' : '-EIO',
    );
  if (set.files === 0n) return { list: [], complete: set.count === 0n };
  let found: Read<Entry>;
  if (generation.files === 'blocks') {
    const chain = followBlocks(walk, set.files, SIZES.file, path, '-EIO');
    found = ofBlocks(chain);
    if (chain.complete && BigInt(chain.count) !== set.count)
      walk.find(
        LUO['file-sum'],
        path,
        session + 72n,
        `The session says it has ${many(set.count, 'file')}, its blocks have ${chain.count}.`,
      );
  } else
    found = contiguous(walk, set.files, 2, 0, SIZES.file, set.count, path, 'the files', (count, capacity) =>
      walk.find(
        LUO['file-count'],
        path,
        session + 72n,
        `The session says it has ${count} files; ${capacity} fit into 2 pages.`,
      ),
    );
  const tokens = new Set<bigint>();
  const files = found.list.map(({ address, bytes }, i): LuoFile => {
    const at = `${path}[${i}]`;
    const { compatible, data, token } = walk.decodeBytes(LuoFileSer, bytes, address, at);
    if (nameProblems(bytes.subarray(0, 48)).unterminated)
      walk.find(
        LUO['handler-name'],
        `${at}.compatible`,
        address,
        'The compatible string does not end within its 48 bytes.',
      );
    if (tokens.has(token))
      walk.find(
        LUO['token-duplicate'],
        `${at}.token`,
        address + 56n,
        `Another file of the session has the token ${hexText(token)}.`,
      );
    tokens.add(token);
    return { compatible, token, data, ...handlerValue(compatible, data, walk, registry, at, address) };
  });
  return { list: files, complete: found.complete };
}

function handlerValue(
  compatible: string,
  data: bigint,
  walk: Walk,
  registry: Registry,
  path: string,
  address: bigint,
): Record<string, unknown> {
  const handler = handlerFor(compatible, registry);
  if (handler === undefined) {
    walk.find(
      LUO['handler-unknown'],
      `${path}.compatible`,
      address,
      `There is no decoder for ${JSON.stringify(compatible)}.`,
    );
    return {};
  }
  const root = walk.generation?.name;
  const version = /^memfd-v([12])$/.exec(baseVersion(compatible))?.[1];
  if (version !== undefined && root !== undefined && (version === '1') !== root.startsWith('v1'))
    walk.find(
      LUO['handler-generation'],
      `${path}.compatible`,
      address,
      `${compatible} does not go with ${walk.generation?.compatible}.`,
    );
  const value = handler.decode(data, walk, `${path}.${handler.key}`);
  return value === undefined ? {} : { [handler.key]: value };
}
