/** From a path of a dump, as `decode` and `get` show it, to the bytes in memory that it stands for. */
import { CarryoverError, isCarryoverError, type JSONValue } from '../../codec/index.js';
import type { StateCode } from '../../state/codes.js';
import {
  type HandoverNode,
  type HandoverState,
  handoverNodeAt,
  handoverTree,
  numberedPath,
} from '../../state/index.js';
import { impossible } from './errors.js';
import type { Field } from './field.js';
import { folioField } from './folio-field.js';
import { mapField } from './map-bit.js';
import { memberField } from './member.js';
import { treeField } from './tree-field.js';

/** What is shown and stands nowhere by itself: why, and what would do instead. */
const SHOWN: readonly (readonly [RegExp, string])[] = [
  [
    /^preserved(?:$|[.[])/,
    'sums up a map of bits; preserved+=ADDRESS/ORDER and preserved-=ADDRESS/ORDER change it',
  ],
  [/^page_size$/, 'is found out, and stands nowhere'],
  [
    /\.folios\[\d+\]\.order$/,
    'is that of the preserved block at its page frame; preserved+= and preserved-= change it',
  ],
  [
    /\.folios\[\d+\]\.(?:count|step)$/,
    'says how many entries follow each other; change them: folios[0][0].pfn',
  ],
  [/\.systemd(?:$|[.[])/, 'is in the content of the file with token 0; patch writes its bytes'],
  [/\.flb_node$/, 'is a node of a device tree; adding or removing one moves what follows'],
  [/(?:^|\.)address$/, 'is where it lies, which what points at it says'],
  [/\.(?:unknown|looks|head|size|text)$/, 'is found out; patch --at writes bytes'],
];

/**
 * The field at a path: `entries.LUO.sessions[0].name`, `entries.LUO.sessions[vm-alpha].files[1].token`,
 * `….memfd.folios[0].pfn`, `fdt.compatible`, `entries.memblock.REGION.start`; also members of C structs that the
 * value does not show (`entries.LUO.sessions[0].file_set.count`). `value` is what it is to be set to, which for
 * `preserved+` and `preserved-` says where.
 *
 * @throws `path-unknown` with what was probably meant; `edit-impossible` where the path stands for no bytes of
 * its own, with the reason; `input-no-memory`.
 */
export function locateField(state: HandoverState, path: string, value: JSONValue = ''): Field {
  if (state.memory === undefined)
    throw new CarryoverError(
      'input-no-memory' satisfies StateCode,
      'only an image of the memory can be changed: a directory of debugfs has no bytes of most of what it shows; --as fdt changes a tree alone',
    );
  const tree = handoverTree(state);
  const named = numberedPath(tree, path.replace(/^value(?=[.[]|$)\.?/, ''));
  const bit = mapField(state, named, value);
  if (bit !== undefined) return bit;
  const special = folioField(state, named) ?? treeField(state, named);
  if (special !== undefined) return special;
  const shown = nodeAt(tree, named);
  // What is shown as a list may be a struct that leads to one.
  const member =
    shown?.isList === true ? undefined : (memberField(state, named) ?? sharedMemfd(state, named));
  if (member !== undefined) return member;
  const node = shown ?? handoverNodeAt(tree, named);
  throw impossible(`${path} cannot be set: it ${whyNot(named, node)}`);
}

/** What decode shows at a path; undefined where it shows nothing. */
function nodeAt(tree: HandoverNode, path: string): HandoverNode | undefined {
  try {
    return handoverNodeAt(tree, path);
  } catch (error) {
    if (isCarryoverError(error) && error.code === 'path-unknown') return undefined;
    throw error;
  }
}

function whyNot(path: string, node: HandoverNode): string {
  const reason = SHOWN.find(([where]) => where.test(path))?.[1];
  if (reason !== undefined) return reason;
  if (node.isList)
    return `is a list of ${node.count}; name one of its parts. Adding or removing one takes pages that are not there: carryover build makes a dump anew`;
  const parts = [...node.children()].map(({ label }) => label);
  return parts.length > 0
    ? `has the parts ${parts.slice(0, 12).join(', ')}${parts.length > 12 ? ', …' : ''}; name one of them`
    : 'is found out from other fields, and stands nowhere by itself';
}

/** Of two files with one memfd the second has no objects of its own: those of the first are its. */
function sharedMemfd(state: HandoverState, path: string): Field | undefined {
  const [, file, rest] = /^(.*\.files\[\d+\])\.memfd\.(.*)$/s.exec(path) ?? [];
  if (file === undefined || rest === undefined) return undefined;
  const value = handoverNodeAt(handoverTree(state), file).value;
  const data = typeof value === 'object' && value !== null && 'data' in value ? value.data : undefined;
  const first = state.objects.find((object) => object.address === data && object.path.endsWith('.memfd'));
  return first === undefined || path.startsWith(`${first.path}.`)
    ? undefined
    : locateField(state, `${first.path}.${rest}`);
}
