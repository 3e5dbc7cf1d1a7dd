/** Fields of the C structs that a walk has decoded, by the paths of their objects and the names in C. */
import { parsePath } from '../../codec/index.js';
import type { HandoverObject } from '../../formats/kho/index.js';
import type { HandoverState } from '../../state/index.js';
import { locate } from '../../state/tree.js';
import { readWire, type WireNode } from '../../state/wire.js';
import { type Field, planField } from './field.js';

/** Objects whose path is that one or the beginning of it, the longest first. */
export function objectsOn(state: HandoverState, path: string): readonly HandoverObject[] {
  return state.objects
    .filter(({ path: own }) => path === own || (path.startsWith(own) && /^[.[]/.test(path.slice(own.length))))
    .sort((a, b) => b.path.length - a.path.length);
}

/** The field at a path, if it is one of a struct; undefined where no object has such a member. */
export function memberField(state: HandoverState, path: string): Field | undefined {
  for (const object of objectsOn(state, path)) {
    const rest = path.slice(object.path.length).replace(/^\./, '');
    const node = memberOf(state, object, rest);
    if (node?.plan?.size !== undefined)
      return planField(path, node.plan, object.address + BigInt(node.offset));
  }
  return undefined;
}

function memberOf(state: HandoverState, object: HandoverObject, rest: string): WireNode | undefined {
  const image = state.memory?.image;
  if (image === undefined || !isPath(rest)) return undefined;
  const { bytes } = image.readSome(object.address, object.size);
  const { root } = readWire(object.schema, bytes, { abi: object.abi });
  const node = locate(root, parsePath(rest));
  return node?.kind === 'field' ? node : undefined;
}

/** Names of nodes of device trees may hold anything, and are no members of structs. */
function isPath(text: string): boolean {
  return /^(?:\.?[A-Za-z_$+][^.[\]]*|\[\d{1,15}\])*$/.test(text);
}
