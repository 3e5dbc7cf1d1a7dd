/** A graph as JSON. */
import type { JSONValue } from '../codec/index.js';
import { jsonOf } from '../formats/kho/index.js';
import type { HandoverGraph } from '../state/index.js';

export function graphJSON({ nodes, edges, groups }: HandoverGraph): JSONValue {
  return jsonOf({
    nodes: nodes.map(({ rules, ...node }) => ({ ...node, ...(rules.length === 0 ? {} : { rules }) })),
    edges,
    groups,
  });
}
